"""Two files of results side by side: what changed, and whether it is better."""

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Unpack

from nemoguardrails_trust.calibration.intervals import Interval
from nemoguardrails_trust.datasets.columns import no_column
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.scored import ScoredRow
from nemoguardrails_trust.datasets.source import UnreadableRow
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.report.results import (
    ChosenColumns,
    Columns,
    ResultReader,
    Unread,
    read_texts,
)
from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD, require_threshold

_CHANGE = 0.01  # of a score: the least that is told as one
_LARGEST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Change:
    """A question whose score changed.

    Attributes:
        row: Its row in B, counted from 1.
        prompt: What was asked.
        before: Its score in A.
        after: Its score in B.
        answer_changed: Whether the answer is another one.
    """

    row: int
    prompt: str
    before: float
    after: float
    answer_changed: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What B has in another way than A; figures are of the questions that both have.

    Attributes:
        threshold: Scores below it are flagged.
        questions: Questions in both.
        only_a: Questions that only A has.
        only_b: Questions that only B has.
        answers_changed: Questions that have another answer in B; `None` where a file has no
            answers.
        scores_changed: Questions whose scores differ by 0.01 or more.
        mean_change: The mean of B's score less A's; `None` without a score in both.
        flagged_both: Questions flagged in both.
        flagged_only_a: Those flagged in A only, and scored in both.
        flagged_only_b: Those flagged in B only, and scored in both.
        unchecked_a: Questions without a score in A.
        unchecked_b: Likewise in B.
        unread_a: Rows of A with something that cannot be read.
        unread_b: Likewise of B.
        remarks: What people are to be told of the files.
        labelled: Questions with a score and a label in both.
        auroc_difference: B's AUROC less A's, with its 95 % interval.
        accuracy_kept_difference: The same of the share of right answers among those not flagged.
        largest: The questions whose scores changed most.
    """

    threshold: float
    questions: int
    only_a: int
    only_b: int
    answers_changed: int | None
    scores_changed: int
    mean_change: float | None
    flagged_both: int
    flagged_only_a: int
    flagged_only_b: int
    unchecked_a: int
    unchecked_b: int
    unread_a: Unread
    unread_b: Unread
    remarks: tuple[str, ...]
    labelled: int
    auroc_difference: Interval
    accuracy_kept_difference: Interval
    largest: tuple[Change, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Answer:
    row: int
    response: str
    result: ScoredRow


_Key = tuple[str, int]
_Pairs = list[tuple[_Key, _Answer, _Answer]]


@dataclass(frozen=True, slots=True)
class _Results:
    """A file of results.

    Attributes:
        answers: By their prompts, and by which of the rows with the same prompt they are.
        has_texts: Whether the file has the texts of the answers.
        unread: Rows with something that cannot be read.
        remarks: What people are to be told of the file.
    """

    answers: dict[_Key, _Answer]
    has_texts: bool
    unread: Unread
    remarks: tuple[str, ...]


def compare_results(
    a: str | Path,
    b: str | Path,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    encoding: str | None = None,
    **chosen: Unpack[ChosenColumns],
) -> Comparison:
    """Compares two files of scored answers, question by question.

    Rows belong together that have the same prompt; of rows with one prompt the first of A goes
    with the first of B, and so on.

    Args:
        a: What `nemo-trust score` wrote before: every format that it writes.
        b: What it wrote afterwards.
        threshold: Scores below it are flagged, 0 to 1.
        encoding: Of text files; by default it is found out.
        chosen: The columns, as for `Columns.find`; usual names are found in each file by itself.
            Where labels are missing, so are the differences of AUROC and accuracy.

    Raises:
        SettingsError: The threshold is not from 0 to 1, or there is no such encoding.
        DataError: A file cannot be read, lacks a column, or the two have no question in common.
    """
    require_threshold(threshold)
    results_a, results_b = (_read(Path(path), chosen, encoding) for path in (a, b))
    before, after = results_a.answers, results_b.answers
    answers_known = results_a.has_texts and results_b.has_texts
    pairs = [(key, before[key], answer) for key, answer in after.items() if key in before]
    if not pairs:
        raise DataError(f"has no prompt in common with {a}", path=str(b))
    scored = [(x.result.score, y.result.score) for _, x, y in pairs]
    known = [(x, y) for x, y in scored if x is not None and y is not None]
    flags = Counter((x < threshold, y < threshold) for x, y in known)
    auroc, accuracy, labelled = _differences(pairs, threshold)
    return Comparison(
        threshold=threshold,
        questions=len(pairs),
        only_a=len(before) - len(pairs),
        only_b=len(after) - len(pairs),
        answers_changed=sum(x.response != y.response for _, x, y in pairs)
        if answers_known
        else None,
        scores_changed=sum(_changed(x, y) for x, y in known),
        mean_change=statistics.fmean(y - x for x, y in known) if known else None,
        flagged_both=flags[True, True],
        flagged_only_a=flags[True, False],
        flagged_only_b=flags[False, True],
        unchecked_a=sum(x is None for x, _ in scored),
        unchecked_b=sum(y is None for _, y in scored),
        unread_a=results_a.unread,
        unread_b=results_b.unread,
        remarks=(*results_a.remarks, *results_b.remarks),
        labelled=labelled,
        auroc_difference=auroc,
        accuracy_kept_difference=accuracy,
        largest=_largest(pairs),
    )


def comparison_figures(result: Comparison) -> list[tuple[str, str]]:
    """The figures of a comparison, each with its name, as people read them."""
    mean = "not known" if result.mean_change is None else f"{result.mean_change:+.3f}"
    at, accuracy = f"{result.threshold:g}", result.accuracy_kept_difference
    changed = "not known: there is no column of answers in both"
    if result.answers_changed is not None:
        changed = f"{result.answers_changed:,}"
    unread = result.unread_a.rows, result.unread_b.rows
    figures = [
        ("only in A, only in B", f"{result.only_a:,}, {result.only_b:,}"),
        ("answers changed", changed),
        ("scores changed by 0.01 or more", f"{result.scores_changed:,}"),
        ("mean change of the score", mean),
        (f"flagged (below {at}) in both", f"{result.flagged_both:,}"),
        ("flagged in A only", f"{result.flagged_only_a:,}"),
        ("flagged in B only", f"{result.flagged_only_b:,}"),
        ("without a score in A, in B", f"{result.unchecked_a:,}, {result.unchecked_b:,}"),
        ("AUROC, B minus A", _difference(result.auroc_difference, result.labelled)),
        ("right among those not flagged, B minus A", _difference(accuracy, result.labelled)),
    ]
    if any(unread):
        figures.append(("not read in full in A, in B", "{:,}, {:,}".format(*unread)))
    return figures


def _difference(interval: Interval, labelled: int) -> str:
    if not labelled:
        return "not known: no row has a label in both"
    if interval.value is None:
        return "nothing to count"
    if interval.low is None or interval.high is None:
        return f"{interval.value:+.3f} (too few answers for an interval)"
    return f"{interval.value:+.3f} (95 %: {interval.low:+.3f} to {interval.high:+.3f})"


def _read(path: Path, chosen: ChosenColumns, encoding: str | None) -> _Results:
    source = open_source(path, encoding=encoding)
    columns = Columns.find(source.columns, path=str(path), **chosen)
    if columns.prompt not in source.columns:
        raise no_column(source.columns, columns.prompt, "--prompt-column", str(path))
    reader = ResultReader(columns, str(path))
    times: Counter[str] = Counter()
    found: dict[_Key, _Answer] = {}
    for position, row in source.rows():
        result = reader.read(row, position.number)
        if isinstance(row, UnreadableRow):  # nobody knows what was asked there
            continue
        texts = read_texts(row, columns)
        found[texts.prompt, times[texts.prompt]] = _Answer(position.row + 1, texts.response, result)
        times[texts.prompt] += 1
    unread = reader.finish()
    remarks = (*source.remarks, *reader.remarks)
    return _Results(found, columns.response in source.columns, unread, remarks)


def _differences(pairs: _Pairs, threshold: float) -> tuple[Interval, Interval, int]:
    from nemoguardrails_trust.calibration.comparison import (
        Scores,
        accuracy_kept_difference,
        auroc_difference,
    )

    usable = [(x, y) for _, x, y in pairs if _is_labelled(x) and _is_labelled(y)]
    if not usable:
        return Interval(None), Interval(None), 0
    before, after = (
        Scores.of(
            [answer.result.score or 0.0 for answer in answers],
            [bool(answer.result.correct) for answer in answers],
        )
        for answers in zip(*usable, strict=True)
    )
    accuracy = accuracy_kept_difference(before, after, threshold)
    return auroc_difference(before, after), accuracy, len(usable)


def _is_labelled(answer: _Answer) -> bool:
    return answer.result.score is not None and answer.result.correct is not None


def _largest(pairs: _Pairs) -> tuple[Change, ...]:
    changes = sorted(_changes(pairs), key=lambda change: -abs(change.after - change.before))
    return tuple(changes[:_LARGEST_SHOWN])


def _changes(pairs: _Pairs) -> Iterator[Change]:
    for (prompt, _), x, y in pairs:
        before, after = x.result.score, y.result.score
        if before is not None and after is not None and _changed(before, after):
            yield Change(y.row, prompt, before, after, x.response != y.response)


def _changed(before: float, after: float) -> bool:
    return abs(after - before) >= _CHANGE
