"""Measures in sentences that are equal and written otherwise: `5 ml` and `one teaspoon`."""

from collections.abc import Sequence
from typing import NamedTuple

from nemoguardrails_trust.agreement import polarity, quantities, text, units
from nemoguardrails_trust.agreement.answers import Answer

_LONGEST = 60
"""Most words of a text that is rewritten."""
_SAME = 0.8
"""From this value on, two measures are the same one."""


class Measure(NamedTuple):
    """A number with its unit, where it stands among words."""

    start: int
    end: int
    quantity: quantities.Quantity


def with_measures_of(answer: Answer, other: Answer) -> Answer | None:
    """The first answer, its measures written as equal ones in the other.

    `None` where there are none.
    """
    if not (answer.has_unit and other.has_unit):
        return None
    ours, theirs = set(answer.numbers), set(other.numbers)
    if ours <= theirs or theirs <= ours or max(len(answer.words), len(other.words)) > _LONGEST:
        return None
    wanted = {tuple(other.words[one.start : one.end]): one for one in measures(other.words)}
    changed = False
    parts: list[str] = []
    for clauses in _parts(answer):
        written = [_rewritten(words, wanted) for words in clauses]
        changed = changed or written != clauses
        parts.append(", ".join(_capitalised(words, answer) for words in written))
    if not changed:
        return None
    mark = "- " if _is_in_lines(answer) else ""
    return Answer("\n".join(f"{mark}{part}." for part in parts), answer.question)


def _parts(answer: Answer) -> list[list[list[str]]]:
    """The words of its items or its sentences, by the clause."""
    if answer.parts is not None and _is_in_lines(answer):
        return [[Answer(part, answer.question).words] for part in answer.parts]
    return [
        [answer.words_of_part(clause) for clause in polarity.clauses(sentence)]
        for sentence in answer.sentences
    ]


def _is_in_lines(answer: Answer) -> bool:
    """Whether it is a list with each item on a line of its own; `1 hour and 45 minutes` is none."""
    return answer.parts is not None and "\n" in answer.final.strip()


def _capitalised(words: Sequence[str], answer: Answer) -> str:
    return " ".join(word.capitalize() if word in answer.capitalised else word for word in words)


def measures(words: Sequence[str]) -> list[Measure]:
    """The numbers with units among words; `5 feet 4 inches` is one."""
    found: list[Measure] = []
    place = 0
    while place < len(words) - 1:
        end = _end(words, place)
        quantity = quantities.quantity(words[place:end]) if end > place else None
        if quantity is None and end > place + 2:
            end = place + 2
            quantity = quantities.quantity(words[place:end])
        if quantity is not None and quantity.kind is not None:
            found.append(Measure(place, end, quantity))
        place = max(end, place + 1)
    return found


def _end(words: Sequence[str], place: int) -> int:
    """Behind the last unit of a measure that may start at a place."""
    end = place
    while _is_measure(words[end : end + 2]):
        end += 2
        if words[end : end + 1] == ["per"]:
            return min(len(words), end + 2)
        if words[end : end + 1] == ["and"] and _is_measure(words[end + 1 : end + 3]):
            end += 1
    return end


def _is_measure(words: Sequence[str]) -> bool:
    return len(words) > 1 and text.is_number(words[0]) and units.is_unit(words[1])


def _rewritten(words: Sequence[str], wanted: dict[tuple[str, ...], Measure]) -> list[str]:
    written = list(words)
    for measure in reversed(measures(words)):
        own = tuple(words[measure.start : measure.end])
        if own in wanted:
            continue
        for theirs, other in wanted.items():
            if quantities.compare_quantities(measure.quantity, other.quantity) >= _SAME:
                written[measure.start : measure.end] = theirs
                break
    return written
