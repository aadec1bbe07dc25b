"""`nemo-trust calibrate`: scores that are probabilities, and a threshold for what one wants."""

import inspect
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from nemoguardrails_trust.commands.building import RowScorerSpec, scorer_settings
from nemoguardrails_trust.commands.help import Heading
from nemoguardrails_trust.commands.labelled import (
    LabelOptions,
    OptionalLabelledArgument,
    Request,
    finish,
    read_and_score,
    require_scored_anew,
    with_score_column,
)
from nemoguardrails_trust.commands.options import (
    JsonOption,
    RowOptions,
    ScorerOptions,
    exit_codes,
    is_default,
    user_errors,
    with_options,
)
from nemoguardrails_trust.commands.terminal import tell_json, terminal
from nemoguardrails_trust.errors import DataError, SettingsError

if TYPE_CHECKING:
    from nemoguardrails_trust.calibration.calibration import Calibration
    from nemoguardrails_trust.calibration.intervals import Interval
    from nemoguardrails_trust.calibration.learning import Origin
    from nemoguardrails_trust.calibration.thresholds import Sample
    from nemoguardrails_trust.datasets.labelled import LabelledAnswers

_FIGURES = {
    "flagged_share": "flagged",
    "precision": "precision: wrong among the flagged",
    "recall": "recall: flagged among the wrong",
    "accuracy_kept": "right among those not flagged",
    "auroc": "AUROC",
    "ece": "expected calibration error",
}


@with_options
@user_errors()
def calibrate(
    out: Annotated[
        Path, Heading.RESULT.option("--out FILE", "The calibration file to write (JSON).")
    ],
    options: ScorerOptions,
    rows: RowOptions,
    labels: LabelOptions,
    data: OptionalLabelledArgument = None,
    live: str | None = Heading.LABELS.parameter(
        "--live MODEL",
        "Without DATA: learn from this model's answers to questions that come with the "
        "package, labelled by reference answers.",
    ),
    questions: int = Heading.LABELS.parameter(
        "--questions N", "How many questions --live asks.", min=20, max=500, default=150
    ),
    target: str | None = Heading.RESULT.parameter(
        "--target WHAT=SHARE",
        "What the threshold must reach: 'precision=0.9' (of the flagged answers, the share "
        "that is wrong), 'recall=0.8' (of the wrong answers, the share that is flagged), "
        "'accuracy-kept=0.95' (of the answers not flagged, the share that is right) or "
        "'flag-at-most=0.1'. Without it no threshold is chosen, and the figures are for 0.6.",
    ),
    for_model: str | None = Heading.MODEL.parameter(
        "--for-model NAME",
        "The model that will use the calibration, if it is not --model; for example with "
        "recorded answers.",
    ),
    scored: Path | None = Heading.RESULT.parameter(
        "--scored SCORED",
        "Keep the scored rows in this file, as 'nemo-trust score' does. By default they are "
        "kept beside the calibration until it is written.",
    ),
    json_output: JsonOption = False,
) -> None:
    """Turn scores into probabilities, and choose a threshold.

    Learns from answers that are known to be right or wrong. An interrupted run continues when
    you repeat the command. If DATA already has scores, say which scorer made them (--scorer,
    --quality, --model), unless the .run.json of 'nemo-trust score' lies beside it; otherwise only
    'nemo-trust evaluate' can use the calibration.
    """
    from nemoguardrails_trust.calibration.learning import learn_calibration
    from nemoguardrails_trust.calibration.thresholds import Target
    from nemoguardrails_trust.datasets.rows import SCORE
    from nemoguardrails_trust.datasets.runs import discard

    aim = None if target is None else Target.parse(target)
    _require_writable(out)
    made: Path | None = None
    if live is not None:
        made, options = _answers_of(live, data, options, rows, questions, out, json_output)
        data, labels = made, replace(labels, label_column="correct", score_column=SCORE)
    elif data is None:
        raise SettingsError("give labelled answers (DATA), or --live MODEL")
    else:
        labels, options = with_score_column(labels, data, options, rows.encoding)
    require_scored_anew(labels, None if scored is None else "--scored")
    settings = scorer_settings(options, timeout=rows.timeout)
    origin = _origin(data, options, labels, for_model)
    kept = scored or out.with_name(f"{out.name}.scored.jsonl")
    spec = RowScorerSpec(settings, options, rows, generate=labels.generate and "anew")
    request = Request(data, spec, labels, kept, disposable=scored is None, quiet=json_output)
    result = read_and_score(request)
    answers = result.answers
    sample = answers.sample(weigh=origin.scorer == "local")
    calibration = learn_calibration(sample, origin, aim or settings.threshold)
    calibration.save(out)
    if scored is None:
        discard(kept)
    if made is not None:
        made.unlink()
        discard(_live_rows(out))
    if json_output:
        tell_json(_to_json(calibration, sample, answers, out))
    else:
        _show(calibration, sample, answers, out)
    finish(result, labels)


calibrate.__doc__ = f"{inspect.cleandoc(calibrate.__doc__ or '')}\n\n{exit_codes()}"


def _answers_of(
    model: str,
    data: Path | None,
    options: ScorerOptions,
    rows: RowOptions,
    count: int,
    out: Path,
    quiet: bool,
) -> tuple[Path, ScorerOptions]:
    """Has a live model make labelled answers with scores.

    Returns:
        The file that holds them, and the options of what scored them.
    """
    from nemoguardrails_trust.commands.live import (
        AT_A_TIME,
        ask_live,
        labelled_file,
    )

    if is_default("concurrency"):
        rows = replace(rows, concurrency=AT_A_TIME)
    if data is not None or options.said().model is not None or options.scorer is not None:
        raise SettingsError(
            "--live names the model and makes the data: leave out DATA, --model and --scorer"
        )
    asked = replace(options, model=model)
    live = ask_live(asked, rows, count, _live_rows(out), quiet=quiet)
    path = labelled_file(live, out.with_name(f"{out.name}.labelled.jsonl"))
    return path, asked.without_server()


def _live_rows(out: Path) -> Path:
    """Where the answers of a live model are kept until the calibration is written."""
    return out.with_name(f"{out.name}.live.jsonl")


def _require_writable(out: Path) -> None:
    """Fails before any score is paid for, rather than after."""
    if out.is_dir():
        raise DataError("cannot be written: it is a folder", path=str(out))
    if not os.access(out.parent, os.W_OK):
        raise DataError(
            "cannot be written: its folder does not exist, or is read-only", path=str(out)
        )


def _origin(
    data: Path, options: ScorerOptions, labels: LabelOptions, for_model: str | None
) -> "Origin":
    """What gives the scores, or gave them: as the options say, else as their run has recorded."""
    from nemoguardrails_trust.calibration.learning import Origin
    from nemoguardrails_trust.datasets.runs import recorded_settings

    settings = scorer_settings(options)
    if labels.score_column is None or options.scorer is not None:
        return Origin(settings.scorer, settings.quality, for_model or settings.model)
    recorded = recorded_settings(data)
    if not recorded or recorded.get("calibration") or options.model or options.quality:
        return Origin()
    return Origin(recorded["scorer"], recorded["quality"], for_model or recorded["model"])


def _to_json(
    calibration: "Calibration", sample: "Sample", answers: "LabelledAnswers", out: Path
) -> dict[str, Any]:
    from nemoguardrails_trust.calibration.evaluation import expected_calibration_error

    told = calibration.model_dump(mode="json", exclude={"knots", "version"})
    return {
        "out": str(out),
        **told,
        "unchecked": sum(answers.unchecked.values()),
        "ece_before": expected_calibration_error(sample.scores, sample.correct),
        "rows_wanted": _rows_wanted(calibration),
    }


def _rows_wanted(calibration: "Calibration") -> dict[str, int]:
    """How many answers it would take, for each figure of which there are too few to say."""
    from nemoguardrails_trust.calibration.thresholds import rows_wanted

    wanted = {
        name: rows_wanted(interval, calibration.n)
        for name, interval in calibration.expected.items()
    }
    return {name: rows for name, rows in wanted.items() if rows is not None}


def _show(
    calibration: "Calibration", sample: "Sample", answers: "LabelledAnswers", out: Path
) -> None:
    from rich.markup import escape
    from rich.table import Table

    from nemoguardrails_trust.calibration.evaluation import expected_calibration_error

    threshold = calibration.threshold
    at = "0.6, no target being given" if threshold is None else f"{threshold:.4g}"
    title = f"To expect at the threshold {at}"
    table = Table("figure", "value", "95 % interval", title=title, title_justify="left")
    for name, label in _FIGURES.items():
        table.add_row(label, *_cells(calibration.expected[name]))
    console = terminal()
    console.print(table)
    before = expected_calibration_error(sample.scores, sample.correct)
    unchecked = sum(answers.unchecked.values())
    more = f"; {unchecked:,} more have no score" if unchecked else ""
    console.print(f"From {calibration.n:,} answers, by cross-validation{more}.")
    wanted = _rows_wanted(calibration)
    if wanted:
        figures = ", ".join(_FIGURES[name].partition(":")[0] for name in wanted)
        console.print(
            f"Too few answers to rely on: {figures}. About {max(wanted.values()):,} answers are "
            "needed to be right to within 0.05."
        )
    console.print(
        f"Uncalibrated, the calibration error is {before:.3f}. Method: {calibration.fit}."
    )
    if calibration.weights is not None:
        weights = ", ".join(f"{name} {value:g}" for name, value in calibration.weights.items())
        console.print(f"The signals' weights: {escape(weights)}.")
    console.print(f"Written to {escape(str(out))}.")


def _cells(figure: "Interval") -> tuple[str, str]:
    if figure.value is None:
        return "nothing to count", ""
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}", ""
    return f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}"
