"""`nemo-trust evaluate`: how well scores tell right answers from wrong ones."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nemoguardrails_trust.commands.building import RowScorerSpec, scorer_settings
from nemoguardrails_trust.commands.gate import (
    OVER,
    UNDER,
    FailIfOption,
    FailUnderOption,
    parse_limits,
    require_limits,
)
from nemoguardrails_trust.commands.help import Heading
from nemoguardrails_trust.commands.labelled import (
    BY_REFERENCE,
    LabelledArgument,
    LabelOptions,
    Request,
    finish,
    read_and_score,
    require_scored_anew,
    with_score_column,
)
from nemoguardrails_trust.commands.options import (
    REPLAY,
    CalibrationOption,
    JsonOption,
    RowOptions,
    ScorerOptions,
    ThresholdOption,
    exit_codes,
    user_errors,
    with_options,
)
from nemoguardrails_trust.commands.terminal import tell, tell_json, terminal

if TYPE_CHECKING:
    from rich.table import Table

    from nemoguardrails_trust.calibration.calibration import Calibration
    from nemoguardrails_trust.calibration.evaluation import Evaluation
    from nemoguardrails_trust.scorers.base import ScorerSettings


@with_options
@user_errors()
def evaluate(
    data: LabelledArgument,
    options: ScorerOptions,
    rows: RowOptions,
    labels: LabelOptions,
    threshold: ThresholdOption = None,
    calibration: CalibrationOption = None,
    early_stop: bool = Heading.MODEL.parameter(
        "--early-stop",
        "Draw one sample at a time, and stop once the decision at the threshold cannot change "
        "any more.",
        default=False,
    ),
    out: Path | None = Heading.RESULT.parameter(
        "--out OUT",
        "Keep the scored rows in this file, as 'nemo-trust score' does. An interrupted run "
        "continues when you repeat the command.",
    ),
    fail_under: FailUnderOption = None,
    fail_if: FailIfOption = None,
    json_output: JsonOption = False,
) -> None:
    """Measure how well scores tell right answers from wrong ones.

    DATA says which answers are right. With --generate, your own model answers the prompts in DATA,
    and its answers are labelled by the reference answers there.
    """
    from nemoguardrails_trust.calibration.evaluation import evaluate as evaluate_scores
    from nemoguardrails_trust.scorers.create import threshold_of

    least = parse_limits(fail_under, UNDER, "--fail-under")
    most = parse_limits(fail_if, OVER, "--fail-if")
    labels, options = with_score_column(labels, data, options, rows.encoding)
    require_scored_anew(labels, None if out is None else "--out")
    settings = scorer_settings(
        options, threshold=threshold, calibration=calibration, timeout=rows.timeout
    )
    loaded = _load_calibration(settings, labels)
    at = threshold_of(settings, loaded)
    decide_at = at if early_stop else None
    generate: Literal["anew", False] = labels.generate and "anew"
    spec = RowScorerSpec(settings, options, rows, loaded, decide_at, generate)
    scored = read_and_score(Request(data, spec, labels, out, quiet=json_output))
    answers = scored.answers
    result = evaluate_scores(
        answers.scores, answers.correct, at, usage=answers.usage, seconds=scored.seconds
    )
    if json_output:
        tell_json(result.to_json())
    else:
        is_replay = scored.anew and options.model == REPLAY
        _show(result, data.name, is_replay=is_replay, early_stop=early_stop)
        if labels.generate or labels.gold_column is not None:
            tell(BY_REFERENCE)
    require_limits(_figures(result), under=least, over=most)
    finish(scored, labels)


_CODES = exit_codes("--fail-under", "--fail-if")
evaluate.__doc__ = f"{inspect.cleandoc(evaluate.__doc__ or '')}\n\n{_CODES}"


def _figures(result: "Evaluation") -> dict[str, float | None]:
    """What limits can be set for."""
    figures: dict[str, float | None] = {name: getattr(result, name) for name in UNDER}
    figures["flagged"] = result.flagged_share
    figures["unchecked"] = result.unchecked / result.n if result.n else None
    return figures


def _load_calibration(settings: "ScorerSettings", labels: LabelOptions) -> "Calibration | None":
    """Loads the calibration that is named, and makes sure that it fits what is known.

    Raises:
        DataError: It cannot be read.
        SettingsError: It was made for another scorer, preset or model.
    """
    from nemoguardrails_trust.calibration.calibration import Calibration
    from nemoguardrails_trust.scorers.create import load_calibration

    if settings.calibration is None or labels.score_column is None:
        return load_calibration(settings)
    calibration = Calibration.load(settings.calibration)
    names = ("scorer", "quality", "model")
    stated = set(names) & settings.model_fields_set
    if stated:  # of scores that are there already, no more is known than what is stated
        known = {name: getattr(settings if name in stated else calibration, name) for name in names}
        calibration.require_match(**known)
    return calibration


def _show(result: "Evaluation", name: str, *, is_replay: bool, early_stop: bool) -> None:
    console = terminal()
    console.print(_table(result, name))
    if is_replay:
        console.print(
            "Answers, samples and judgements were recorded; tokens are estimated at four "
            "characters each."
        )
    if early_stop:
        console.print(
            "With --early-stop, a score settles the decision and no more: for AUROC and "
            "calibration error, run without it."
        )


def _table(result: "Evaluation", name: str) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    interval = ""
    if result.auroc_low is not None and result.auroc_high is not None:
        interval = f" (95 %: {result.auroc_low:.3f} to {result.auroc_high:.3f})"
    at = f"{result.threshold:.3g}"
    rows = [
        ("answers", f"{result.n:,}"),
        ("unchecked, and left out below", f"{result.unchecked:,}"),
        ("right", _percent(result.accuracy)),
        ("AUROC", result.why_no_auroc or f"{result.auroc:.3f}{interval}"),
        (f"flagged: score below {at}", _percent(result.flagged_share)),
        ("precision: wrong among the flagged", _percent(result.precision)),
        ("recall: flagged among the wrong", _percent(result.recall)),
        ("right among those not flagged", _percent(result.accuracy_kept)),
        ("expected calibration error", _number(result.ece, 3)),
        ("calls per score", _number(result.calls_per_score, 2)),
        ("samples per score", _number(result.samples_per_score, 2)),
        ("prompt tokens per score", _number(result.prompt_tokens_per_score, 0)),
        ("completion tokens per score", _number(result.completion_tokens_per_score, 0)),
        ("seconds", _number(result.seconds, 1)),
    ]
    table = Table("figure", "value", title=f"Scores of {escape(name)}", title_justify="left")
    for figure, value in rows:
        table.add_row(figure, value)
    return table


def _percent(share: float | None) -> str:
    return "none to count" if share is None else f"{100.0 * share:.1f} %"


def _number(value: float | None, digits: int) -> str:
    return "not known" if value is None else f"{value:,.{digits}f}"
