"""Answers that are known to be right or wrong, and how well scores tell the two apart."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nemoguardrails_trust.concurrency.failures import count_reason
from nemoguardrails_trust.datasets.columns import Columns, no_column
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.frames import open_frame
from nemoguardrails_trust.datasets.labels import Labels, find_labels
from nemoguardrails_trust.datasets.row_scorers import RowScorer, RowScorerAround
from nemoguardrails_trust.datasets.rows import SCORE, Row, RowResult, added_columns
from nemoguardrails_trust.datasets.score import describe_scorer, score_dataset
from nemoguardrails_trust.datasets.scored import ScoredRow, read_scored
from nemoguardrails_trust.datasets.source import Position, Source
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.values import kind_told
from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD, Scorer, ScorerSettings
from nemoguardrails_trust.scores import Signal, TrustworthinessScore, Usage

if TYPE_CHECKING:
    from nemoguardrails_trust.calibration.calibration import Calibration
    from nemoguardrails_trust.calibration.evaluation import Evaluation
    from nemoguardrails_trust.calibration.thresholds import Sample


@dataclass(frozen=True, slots=True)
class LabelledAnswers:
    """Answers with a label and a score each.

    Attributes:
        rows: The answers that can be used; each has a label.
        problems: What is wrong with those that cannot, by their rows; each names its own.
    """

    rows: Sequence[ScoredRow]
    problems: Mapping[int, DataError] = field(default_factory=dict)

    @property
    def scores(self) -> list[float | None]:
        """The scores, `None` where there is none."""
        return [row.score for row in self.rows]

    @property
    def correct(self) -> list[bool]:
        """Whether each answer is right."""
        return [bool(row.correct) for row in self.rows]

    @property
    def usage(self) -> list[Usage] | None:
        """What each score cost; `None` where that is not known of all."""
        if not all(row.usage for row in self.rows):
            return None
        return [Usage(**row.usage) for row in self.rows]

    @property
    def unchecked(self) -> dict[str, int]:
        """Why answers have no score, and how many for each reason."""
        counts: dict[str, int] = {}
        for row in self.rows:
            if row.score is None:
                count_reason(counts, row.error or "the data has none")
        return counts

    def recalibrated(self, calibration: "Calibration") -> "LabelledAnswers":
        """The same answers with the probabilities that a calibration makes of their scores.

        Raises:
            SettingsError: It weighs signals, and the scores came without.
        """

        def mapped(row: ScoredRow) -> ScoredRow:
            signals = {name: Signal(value) for name, value in row.measured.items()}
            score = TrustworthinessScore(row.score, signals)
            return replace(row, score=calibration.recalibrate(score).score)

        return LabelledAnswers([mapped(row) for row in self.rows], self.problems)

    def sample(self, *, weigh: bool) -> "Sample":
        """The answers that have a score, to calibrate on.

        Args:
            weigh: Whether the signals behind the scores may be weighed anew.

        Raises:
            DataError: There are too few right or too few wrong answers.
        """
        from nemoguardrails_trust.calibration.thresholds import Sample

        rows = [row for row in self.rows if row.score is not None]
        signals = [
            {name: value for name, value in row.measured.items() if value is not None}
            for row in rows
        ]
        scores = [row.score for row in rows if row.score is not None]
        return Sample.of(scores, [bool(row.correct) for row in rows], signals if weigh else None)


class LabelledRowScorer(RowScorerAround):
    """Scores rows that have a label; one without it costs nothing and says so."""

    def __init__(self, scorer: RowScorer, labels: Labels) -> None:
        """Takes what scores, and where the labels are."""
        super().__init__(scorer)
        self._labels = labels

    async def score(self, row: Row, columns: Columns) -> RowResult:
        """See `RowScorer.score`."""
        try:
            self._labels.require(row)
        except DataError as error:
            return RowResult.unusable(error)
        return await self._scorer.score(row, columns)


def check_labels(source: Source, labels: Labels) -> dict[int, DataError]:
    """Looks at the labels before anything is scored.

    Returns:
        What is wrong with the rows that cannot be labelled, by row.

    Raises:
        DataError: No row can.
    """
    problems: dict[int, DataError] = {}
    usable = 0
    for position, row in source.rows():
        try:
            labels.require(row)
            usable += 1
        except DataError as error:
            problems[position.number] = _placed(error, source, position)
    if not usable:
        raise _nothing_usable(source, problems, {labels.option: labels.column})
    return problems


def read_labelled(source: Source, labels: Labels, *, score_column: str = SCORE) -> LabelledAnswers:
    """Reads answers that have been scored, with their labels.

    Args:
        source: The rows; beside the scores stand the signals and costs that scoring writes.
        labels: Whether each answer is right.
        score_column: The scores.

    Raises:
        DataError: No row can be used.
    """
    problems: dict[int, DataError] = {}
    rows = []
    for position, row in source.rows():
        try:
            correct = labels.read(row)
            rows.append(replace(_read_scored(row, score_column), correct=correct))
        except DataError as error:
            problems[position.number] = _placed(error, source, position)
    if not rows:
        columns = {labels.option: labels.column, "--score-column": score_column}
        raise _nothing_usable(source, problems, columns)
    return LabelledAnswers(rows, problems)


def evaluate_dataset(
    data: Any,
    *,
    scorer: Scorer | None = None,
    label_column: str | None = None,
    score_column: str = SCORE,
    threshold: float = DEFAULT_THRESHOLD,
    calibration: "Calibration | None" = None,
    out: str | PathLike[str] | None = None,
    limit: int | None = None,
    **scoring: Any,
) -> "Evaluation":
    """Measures how well scores tell right answers from wrong ones.

    Args:
        data: Labelled answers, in any form that `score_dataset` takes or returns: a path, a
            pandas or polars frame, an Arrow table or a list of mappings.
        scorer: The scorer. Without one, the scores in the data are used.
        label_column: The column that says whether an answer is right: 1 or 0, true or false, yes
            or no, right or wrong, correct or incorrect, also as text in any case. By default
            `correct` or another usual name, such as `label`.
        score_column: The column with the scores, if there is no `scorer`.
        threshold: Scores below it are flagged, 0 to 1.
        calibration: A calibration that turns the scores into probabilities first.
        out: With a `scorer` and a path as `data`, the file in which to keep the scored rows. A
            run that ended early continues from it.
        limit: How many rows of a file to use, from the first; at least 1.
        scoring: Further arguments of `score_dataset`, such as `prompt_column` or `concurrency`.

    Raises:
        DataError: The data cannot be read, or a label in it cannot, or it has no labels.
        TrustError: Scoring ended early.
    """
    from nemoguardrails_trust.calibration.evaluation import evaluate

    columns = label_column, score_column
    answers = _scored_answers(data, scorer, columns, out, limit, scoring)
    if calibration is not None:
        answers = answers.recalibrated(calibration)
    return evaluate(answers.scores, answers.correct, threshold, usage=answers.usage)


def calibrate_dataset(
    data: Any,
    *,
    scorer: Scorer | None = None,
    target: str | None = None,
    settings: ScorerSettings | None = None,
    label_column: str | None = None,
    score_column: str = SCORE,
    out: str | PathLike[str] | None = None,
    limit: int | None = None,
    **scoring: Any,
) -> "Calibration":
    """Learns from labelled answers to turn scores into probabilities, and chooses a threshold.

    Args:
        data: Labelled answers, as for `evaluate_dataset`.
        scorer: The scorer. Without one, the scores in the data are used.
        target: What the threshold should reach, such as `precision=0.9`. Without a target, no
            threshold is chosen.
        settings: The settings of the scorer that made the scores in the data. Without them, the
            calibration can only be used to evaluate.
        label_column: As for `evaluate_dataset`.
        score_column: As for `evaluate_dataset`.
        out: As for `evaluate_dataset`.
        limit: As for `evaluate_dataset`.
        scoring: Further arguments of `score_dataset`.

    Returns:
        The calibration. Its `save` writes the file to name in the settings.

    Raises:
        SettingsError: The target is not a valid one, or cannot be reached on this data.
        DataError: The data cannot be read, or has too few answers.
        TrustError: Scoring ended early.
    """
    from nemoguardrails_trust.calibration.learning import Origin, learn_calibration
    from nemoguardrails_trust.calibration.thresholds import Target

    aim = DEFAULT_THRESHOLD if target is None else Target.parse(target)
    origin = Origin()
    if scorer is not None:
        told = describe_scorer(scorer, None)
        origin = Origin(told["scorer"], told["quality"], told["model"])
    elif settings is not None:
        origin = Origin(settings.scorer, settings.quality, settings.model)
    columns = label_column, score_column
    answers = _scored_answers(data, scorer, columns, out, limit, scoring)
    return learn_calibration(answers.sample(weigh=origin.scorer == "local"), origin, aim)


def _scored_answers(
    data: Any,
    scorer: Scorer | None,
    columns: tuple[str | None, str],
    out: str | PathLike[str] | None,
    limit: int | None,
    scoring: Mapping[str, Any],
) -> LabelledAnswers:
    """The answers of `data` with their scores and labels, which are in these two columns."""
    label_column, score_column = columns
    source = _opened(data, limit)
    labels = find_labels(source, label_column)
    if scorer is None:
        answers = read_labelled(source, labels, score_column=score_column)
        _require_none(answers.problems)
        return answers
    _require_none(check_labels(source, labels))
    is_frame = out is None and not isinstance(data, str | PathLike)
    kept = None if out is None else Path(out)
    with nullcontext() if is_frame else kept_or_temporary(kept) as path:
        scored = score_dataset(data, scorer=scorer, out=path, limit=limit, **scoring)
        return read_labelled(_opened(scored, None), labels.written(added_columns(())))


@contextmanager
def kept_or_temporary(out: Path | None) -> Iterator[Path]:
    """Where the scored rows go: where the user says, else where they stay as long as needed."""
    if out is not None:
        yield out
        return
    with TemporaryDirectory(prefix="nemo-trust-") as folder:
        yield Path(folder) / "scored.jsonl"


def _require_none(problems: Mapping[int, DataError]) -> None:
    for problem in problems.values():
        raise problem


def _opened(data: Any, limit: int | None) -> Source:
    if isinstance(data, str | PathLike):
        return open_source(Path(data), limit=limit)
    frame = open_frame(data)
    if frame is None:
        told = f"data is {kind_told(data)}; it must be a path, a frame or a list of rows"
        raise DataError(told)
    return frame


def _read_scored(row: Row, score_column: str) -> ScoredRow:
    if score_column not in row:
        raise DataError(f"has no {score_column!r}")
    try:
        return read_scored(row, score_column=score_column)
    except ValueError as error:
        raise DataError(str(error)) from None


def _placed(error: DataError, source: Source, position: Position) -> DataError:
    return error if error.path else DataError(str(error), path=source.name, line=position.number)


def _nothing_usable(
    source: Source, problems: Mapping[int, DataError], columns: Mapping[str, str]
) -> DataError:
    for option, column in columns.items():
        if column not in source.columns:
            return no_column(source.columns, column, option, source.name)
    return next(iter(problems.values()))
