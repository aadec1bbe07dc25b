"""`nemo-trust evaluate`: how well scores tell right answers from wrong ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.labelled import Source, finish, read_and_score
from nemoguardrails_trust.commands.options import (
    EXIT_CODES,
    BaseUrlOption,
    CalibrationOption,
    JsonOption,
    LimitOption,
    ModelOption,
    QualityOption,
    Rates,
    RequestsPerMinuteOption,
    SamplesOption,
    ScorerOption,
    SkipBadOption,
    ThresholdOption,
    TimeoutOption,
    TokensPerMinuteOption,
    scorer_settings,
    user_errors,
)

if TYPE_CHECKING:
    from rich.table import Table

    from nemoguardrails_trust.calibration.evaluation import Evaluation

LabelledArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="JSON lines with 'prompt', 'response' and 'correct' (1 or 0), and where there are "
        "any 'context', 'samples', 'reflection' (a judge's probability) and "
        "'trustworthiness_score'.",
        show_default=False,
    ),
]
ScoreColumnOption = Annotated[
    str | None,
    typer.Option(
        "--score-column",
        metavar="NAME",
        help="Take the scores that stand in this column instead of scoring anew.",
    ),
]


def evaluate(
    data: LabelledArgument,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    scorer: ScorerOption = None,
    score_column: ScoreColumnOption = None,
    quality: QualityOption = None,
    threshold: ThresholdOption = None,
    samples: SamplesOption = None,
    early_stop: Annotated[
        bool,
        typer.Option(
            "--early-stop",
            help="Ask for one sample at a time, and for no more once the decision at the "
            "threshold cannot change.",
        ),
    ] = False,
    calibration: CalibrationOption = None,
    timeout: TimeoutOption = None,
    requests_per_minute: RequestsPerMinuteOption = None,
    tokens_per_minute: TokensPerMinuteOption = None,
    limit: LimitOption = None,
    skip_bad: SkipBadOption = False,
    json_output: JsonOption = False,
) -> None:
    """Score answers that are known to be right or wrong, and say how well that tells them apart."""
    with user_errors():
        import json

        from nemoguardrails_trust.calibration.calibration import Calibration
        from nemoguardrails_trust.calibration.evaluation import evaluate as evaluate_scores
        from nemoguardrails_trust.scorers.create import threshold_of

        settings = scorer_settings(
            model=model,
            scorer=scorer,
            quality=quality,
            threshold=threshold,
            calibration=calibration,
            timeout=timeout,
        )
        loaded = None if settings.calibration is None else Calibration.load(settings.calibration)
        at = threshold_of(settings, loaded)
        source = Source(
            settings,
            base_url,
            samples,
            score_column,
            decide_at=at if early_stop else None,
            rates=Rates(requests_per_minute, tokens_per_minute),
        )
        scored = read_and_score(data, source, limit)
        result = evaluate_scores(
            [each.score for each in scored.scores],
            [row.correct for row in scored.data.rows],
            at,
            usage=None if score_column else [each.usage for each in scored.scores],
            seconds=scored.seconds,
        )
        if json_output:
            typer.echo(json.dumps(result.to_json()))
        else:
            _show(result, source, data.name)
        finish(scored, skip_bad=skip_bad)


evaluate.__doc__ = f"{evaluate.__doc__}\n\n{EXIT_CODES}"


def _show(result: "Evaluation", source: Source, name: str) -> None:
    from rich.console import Console

    console = Console()
    console.print(_table(result, name))
    if source.is_replay:
        console.print(
            "The answers, samples and judgements are recorded ones; tokens are estimated at four "
            "characters each."
        )
    if source.decide_at is not None:
        console.print(
            "With --early-stop a score is only as good as its decision; AUROC and calibration "
            "error are better read without."
        )


def _table(result: "Evaluation", name: str) -> "Table":
    from rich.table import Table

    interval = ""
    if result.auroc_low is not None and result.auroc_high is not None:
        interval = f" (95 %: {result.auroc_low:.3f} to {result.auroc_high:.3f})"
    at = f"{result.threshold:.3g}"
    rows = [
        ("answers", f"{result.n:,}"),
        ("of them unchecked, left out below", f"{result.unchecked:,}"),
        ("right", _percent(result.accuracy)),
        ("AUROC", result.why_no_auroc or f"{result.auroc:.3f}{interval}"),
        (f"flagged: score below {at}", _percent(result.flagged_share)),
        ("precision: wrong among the flagged", _percent(result.precision)),
        ("recall: flagged among the wrong", _percent(result.recall)),
        ("right among those not flagged", _percent(result.accuracy_kept)),
        ("expected calibration error", _number(result.ece, 3)),
        ("calls a score", _number(result.calls_per_score, 2)),
        ("samples a score", _number(result.samples_per_score, 2)),
        ("prompt tokens a score", _number(result.prompt_tokens_per_score, 0)),
        ("seconds", _number(result.seconds, 1)),
    ]
    table = Table("figure", "value", title=f"Scores of {name}", title_justify="left")
    for figure, value in rows:
        table.add_row(figure, value)
    return table


def _percent(share: float | None) -> str:
    return "none to count" if share is None else f"{100.0 * share:.1f} %"


def _number(value: float | None, digits: int) -> str:
    return "not known" if value is None else f"{value:,.{digits}f}"
