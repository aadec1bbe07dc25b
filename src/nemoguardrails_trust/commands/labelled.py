"""What `evaluate` and `calibrate` share: labelled answers, scored anew or scored before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.building import (
    RowScorerSpec,
    require_local_unused,
    require_no_server,
)
from nemoguardrails_trust.commands.help import Heading, argument
from nemoguardrails_trust.commands.options import (
    EXIT_INCOMPLETE,
    OF_SERVER,
    REPLAY,
    ScorerOptions,
)
from nemoguardrails_trust.commands.output import note
from nemoguardrails_trust.commands.running import (
    find_columns_of,
    prepare_job,
    run_job,
    tell_missing,
    tell_unscored,
)
from nemoguardrails_trust.errors import DataError, SettingsError

if TYPE_CHECKING:
    from nemoguardrails_trust.datasets.labelled import LabelledAnswers
    from nemoguardrails_trust.datasets.labels import Labels
    from nemoguardrails_trust.datasets.source import Source

_PROBLEMS_SHOWN = 20
BY_REFERENCE = "Labels were made by comparison with reference answers; a few may be wrong."

_DATA = argument(
    "DATA",
    "Labelled answers, in any format that 'nemo-trust score' reads or writes; '-' "
    "is standard input.",
    show_default=False,
)
LabelledArgument = Annotated[Path, _DATA]
OptionalLabelledArgument = Annotated[Path | None, _DATA]


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """Where labels and scores are. Each field is an option."""

    label_column: str | None = Heading.LABELS.field(
        "--label-column NAME",
        "Whether each answer is right: 1 or 0, true or false, yes or no, right or wrong, "
        "correct or incorrect. Default: 'correct' or another common name, such as 'label'.",
    )
    score_column: str | None = Heading.LABELS.field(
        "--score-column NAME",
        "Use the scores in this column instead of scoring. Default: 'trustworthiness_score', "
        "if present and neither --model nor --scorer is given.",
    )
    gold_column: str | None = Heading.LABELS.field(
        "--gold-column NAME",
        "Label each answer by comparing it with the reference answer in this column (or with "
        "each of a list). Default with --generate: 'gold' or another common name, such as "
        "'expected' or 'ground_truth'.",
    )
    generate: bool = Heading.LABELS.field(
        "--generate",
        "Have the model answer every prompt, ignoring any answers in DATA.",
        default=False,
    )
    skip_bad: bool = Heading.LABELS.field(
        "--skip-bad", "Exit with 0 even if some rows could not be used.", default=False
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be scored, and how.

    Attributes:
        data: The labelled answers.
        spec: What the scorer is built from; its `decide_at` is the threshold, with `--early-stop`.
        labels: Where labels and scores are.
        out: The file that keeps the scored rows; `None` keeps none.
        disposable: Whether nobody asked for that file.
        quiet: Whether to show no progress.
    """

    data: Path
    spec: RowScorerSpec
    labels: LabelOptions
    out: Path | None = None
    disposable: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """Labelled answers with their scores.

    Attributes:
        answers: The answers.
        seconds: How long scoring them took.
        anew: Whether they were scored now, rather than before.
    """

    answers: "LabelledAnswers"
    seconds: float
    anew: bool


def with_score_column(
    labels: LabelOptions, data: Path, options: ScorerOptions, encoding: str | None
) -> tuple[LabelOptions, ScorerOptions]:
    """Takes the scores that are in the data where nothing is said that could score anew.

    What stands in the environment says nothing here: scores that are there are not paid again.

    Returns:
        Where labels and scores are, and the options that count.

    Raises:
        DataError: The data cannot be read.
    """
    from nemoguardrails_trust.datasets.files import open_source
    from nemoguardrails_trust.datasets.rows import SCORE

    said = options.said()
    if labels.generate:
        require_scored_anew(labels, "--generate")
        return labels, options
    if labels.score_column:
        return labels, said
    if said.model or said.scorer or SCORE not in open_source(data, encoding=encoding).columns:
        return labels, options
    return replace(labels, score_column=SCORE), said


def require_scored_anew(labels: LabelOptions, option: str | None) -> None:
    """Refuses an option of scoring where the scores are those in the data.

    Raises:
        SettingsError: It was given.
    """
    if option is not None and labels.score_column is not None:
        raise SettingsError(f"{option} cannot be used with --score-column, since nothing is scored")


def read_and_score(request: Request) -> Scored:
    """Reads labelled answers and scores them; names bad lines and missing scores on stderr.

    Raises:
        TrustError: It cannot be done; the message says why.
    """
    from nemoguardrails_trust.datasets.files import open_source
    from nemoguardrails_trust.datasets.labelled import read_labelled

    request = _with_rounds(request)
    rows, calibration = request.spec.rows, request.spec.calibration
    source = open_source(request.data, limit=rows.limit, encoding=rows.encoding)
    score_column = request.labels.score_column
    labels = _labels_of(source, request)
    if score_column is None:
        return _score(source, labels, request)
    for told in source.remarks:
        note(told)
    answers = read_labelled(source, labels, score_column=score_column)
    _tell_problems(answers.problems)
    tell_unscored(answers.unchecked)
    if calibration is not None:
        answers = answers.recalibrated(calibration)
    return Scored(answers, 0.0, anew=False)


def finish(scored: Scored, labels: LabelOptions) -> None:
    """Ends the command with exit code 1 where there is something to look at.

    Raises:
        typer.Exit: There were bad lines, or nothing has a score.
    """
    nothing_scored = all(score is None for score in scored.answers.scores)
    if nothing_scored or (scored.answers.problems and not labels.skip_bad):
        raise typer.Exit(EXIT_INCOMPLETE)


def _labels_of(source: "Source", request: Request) -> "Labels":
    """Where it stands whether an answer is right.

    Raises:
        DataError: A column is not there.
        SettingsError: The options contradict each other.
    """
    from nemoguardrails_trust.datasets.labels import GoldLabels, find_gold, find_labels

    labels = request.labels
    if not labels.generate and labels.gold_column is None:
        found = find_labels(source, labels.label_column)
        _require_labels(source, found.column)
        return found
    if labels.generate and request.spec.rows.response_column is not None:
        raise SettingsError(
            "--response-column cannot be used with --generate, which writes all answers"
        )
    if labels.label_column is not None:
        told = "--generate" if labels.gold_column is None else "--gold-column"
        raise SettingsError(
            f"--label-column cannot be used with {told}, which labels by reference answers"
        )
    gold = find_gold(source, labels.gold_column)
    columns = find_columns_of(source, request.spec)
    if gold == columns.response:
        raise SettingsError(
            f"column {gold!r} cannot hold both the answers and the reference answers: "
            "give the reference answers another name"
        )
    return GoldLabels(gold, columns)


def _require_labels(source: "Source", column: str) -> None:
    """Points to reference answers where there are some and no labels.

    Raises:
        DataError: It is so.
    """
    import shlex

    from nemoguardrails_trust.datasets.columns import find_column
    from nemoguardrails_trust.datasets.labels import GOLDS, told_labels

    if column in source.columns:
        told = told_labels(column)
        if told is not None:
            note(told)
        return
    gold = find_column(source.columns, None, GOLDS, "--gold-column", path=source.name)
    if gold is not None:
        raise DataError(
            f"there is no column {column!r} (--label-column); to label the answers by "
            f"the reference answers in {gold!r}, give --gold-column {shlex.quote(gold)}",
            path=source.name,
        )


def _score(source: "Source", labels: "Labels", request: Request) -> Scored:
    from nemoguardrails_trust.datasets.files import open_source
    from nemoguardrails_trust.datasets.labelled import (
        LabelledRowScorer,
        check_labels,
        kept_or_temporary,
        read_labelled,
    )
    from nemoguardrails_trust.datasets.rows import added_columns

    spec = request.spec
    row_scorer = LabelledRowScorer(spec.build(), labels)
    problems = check_labels(source, labels)
    _tell_problems(problems)
    with kept_or_temporary(request.out) as out:
        job = prepare_job(source, out, spec, row_scorer)
        settings = {**job.settings, "label column": labels.column}
        job = replace(job, settings=settings, disposable=request.disposable)
        keeps = request.out is not None
        outcome = run_job(job, spec, row_scorer, quiet=request.quiet, keeps=keeps)
        answers = read_labelled(
            open_source(out), labels.written(added_columns(outcome.tally.signals))
        )
    tell_unscored(answers.unchecked)
    tell_missing(outcome.tally)
    return Scored(replace(answers, problems=problems), outcome.seconds, anew=True)


def _with_rounds(request: Request) -> Request:
    """Checks that the options make sense together, and sets a round for each sample."""
    from nemoguardrails_trust.scorers.local.presets import plan_for

    spec = request.spec
    settings, options = spec.settings, spec.options
    of_local = options.first_given("samples", "rephrase", *OF_SERVER)
    require_scored_anew(request.labels, of_local)
    if spec.decide_at is not None:
        require_scored_anew(request.labels, "--early-stop")
    if settings.scorer != "local":
        require_local_unused(options)
        if spec.decide_at is not None:
            raise SettingsError("--early-stop is for the local scorer")
        return request
    if options.model == REPLAY and request.labels.score_column is None:
        require_no_server(options)
    drawn = plan_for(settings.quality, has_probability=False, samples=options.samples).samples
    early = None if spec.decide_at is None else "--early-stop"
    option = "--rephrase" if options.rephrase else early
    if drawn == 0 and option is not None:
        raise SettingsError(
            f"{option} cannot be used with --quality {settings.quality}, which draws no samples"
        )
    if spec.decide_at is None:
        return request
    with_rounds = settings.model_copy(update={"rounds": drawn})
    return replace(request, spec=replace(spec, settings=with_rounds))


def _tell_problems(problems: Mapping[int, DataError]) -> None:
    for problem in list(problems.values())[:_PROBLEMS_SHOWN]:
        note(str(problem))
    more = len(problems) - _PROBLEMS_SHOWN
    if more > 0:
        note(f"{more:,} more rows cannot be used")
