"""Which answers the page shows, out of any number: the extremes, the failures and a sample."""

import heapq
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from nemoguardrails_trust.datasets.rows import Row
from nemoguardrails_trust.datasets.scored import ScoredRow
from nemoguardrails_trust.report.results import Columns, Texts, read_texts

SAMPLE_SEED = 20_240_601
ALTERNATIVES_SHOWN = 5
TEXT_LIMITS = (4000, 1500, 500, 200)
ANSWER_BYTES = 3_500_000


@dataclass(frozen=True, slots=True)
class Picked:
    """A row that the page shows.

    Attributes:
        number: The row's number in the input, counted from 1.
        row: The row itself.
        result: Its numbers.
    """

    number: int
    row: Row
    result: ScoredRow


class _Highest:
    """The rows with the highest keys; of equal ones, those that came first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, int, Picked]] = []

    def offer(self, key: float, picked: Picked) -> None:
        # The row's number is unique, so that two rows themselves are never compared.
        entry = (key, -picked.number, picked)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heapq.heapreplace(self._heap, entry)

    def __iter__(self) -> Iterator[Picked]:
        return (picked for _, _, picked in sorted(self._heap, reverse=True))


class _Sample:
    """A uniform sample of unknown many rows (Vitter's algorithm R), the same on every run."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen = 0
        self._rows: list[Picked] = []
        self._random = random.Random(SAMPLE_SEED)

    def offer(self, picked: Picked) -> None:
        self._seen += 1
        if len(self._rows) < self._size:
            self._rows.append(picked)
            return
        place = self._random.randrange(self._seen)
        if place < self._size:
            self._rows[place] = picked

    def __iter__(self) -> Iterator[Picked]:
        return iter(self._rows)


@dataclass(slots=True)
class AnswerPicker:
    """Chooses rows while they stream by, and holds no more of them than it shows.

    Attributes:
        least: The lowest scores.
        most: The highest scores.
        wrong: The highest scores among the wrong answers.
        right: The lowest scores among the right answers.
        failed: The first rows without a score.
        sample: A random sample of all rows.
    """

    least: _Highest = field(default_factory=lambda: _Highest(100))
    most: _Highest = field(default_factory=lambda: _Highest(100))
    wrong: _Highest = field(default_factory=lambda: _Highest(50))
    right: _Highest = field(default_factory=lambda: _Highest(50))
    failed: _Highest = field(default_factory=lambda: _Highest(50))
    sample: _Sample = field(default_factory=lambda: _Sample(200))

    def add(self, number: int, row: Row, result: ScoredRow) -> None:
        """Looks at one row."""
        picked = Picked(number, row, result)
        self.sample.offer(picked)
        if result.score is None:
            self.failed.offer(0, picked)
            return
        self.least.offer(-result.score, picked)
        self.most.offer(result.score, picked)
        if result.correct is False:
            self.wrong.offer(result.score, picked)
        elif result.correct is True:
            self.right.offer(-result.score, picked)

    def groups(self) -> dict[str, list[Picked]]:
        """The chosen rows by group, each in its own order; a row may be in several."""
        found = {group.name: list(getattr(self, group.name)) for group in fields(self)}
        return {name: rows for name, rows in found.items() if rows}


def answers_json(
    groups: Mapping[str, list[Picked]], columns: Columns, *, budget: int = ANSWER_BYTES
) -> tuple[list[dict[str, Any]], int]:
    """The chosen rows as JSON types, texts cut so that all of them fit.

    Args:
        groups: Rows by group.
        columns: Which columns hold the texts.
        budget: The most bytes that they may take in the page.

    Returns:
        The rows in the input's order, each with the names of its groups, and the number of
        characters that a text may have.
    """
    members: dict[int, list[str]] = {}
    rows: dict[int, Picked] = {}
    for name, group in groups.items():
        for picked in group:
            rows[picked.number] = picked
            members.setdefault(picked.number, []).append(name)
    answers: list[dict[str, Any]] = []
    limit = 0
    for limit in TEXT_LIMITS:
        answers = [_answer(rows[n], members[n], columns, limit) for n in sorted(rows)]
        if len(embedded_json(answers).encode("utf-8", "replace")) <= budget:
            break
    return answers, limit


def _answer(picked: Picked, groups: list[str], columns: Columns, limit: int) -> dict[str, Any]:
    texts, result = read_texts(picked.row, columns), picked.result
    alternatives = [_cut(text, limit // 4) for text in texts.alternatives[:ALTERNATIVES_SHOWN]]
    details = {
        "reference": _cut(texts.reference, limit),
        "explanation": _cut(texts.explanation, limit),
        "alternatives": alternatives,
        "moreAlternatives": len(texts.alternatives) - len(alternatives),
        "signals": {name: value for name, value in result.signals.items() if value is not None},
        "claims": _claims(texts, limit),
        "error": _cut(result.error, limit),
    }
    return {
        "row": picked.number,
        "groups": groups,
        "score": result.score,
        "label": None if result.correct is None else int(result.correct),
        "prompt": _cut(texts.prompt, limit),
        "response": _cut(texts.response, limit),
        **{name: value for name, value in details.items() if value},
    }


def _claims(texts: Texts, limit: int) -> list[list[Any]]:
    """The response in pieces, each with the score of its sentence, or without one.

    They are made here, since a script counts characters in another way.
    """
    pieces: list[list[Any]] = []
    end = 0
    for claim in texts.claims:
        if end <= claim.start < claim.end <= min(limit, len(texts.response)):
            if claim.start > end:
                pieces.append([texts.response[end : claim.start], None])
            pieces.append([texts.response[claim.start : claim.end], claim.score])
            end = claim.end
    if pieces and end < len(texts.response):
        pieces.append([_cut(texts.response, limit)[end:], None])
    return pieces


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… [{len(text) - limit:,} more characters]"


def embedded_json(value: object) -> str:
    """JSON that may stand inside a `<script>` element, whatever text it holds.

    No text can end the element, open another, or be read as a line end by a script.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
