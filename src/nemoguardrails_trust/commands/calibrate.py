"""`nemo-trust calibrate`: scores that are probabilities, and a threshold for what one wants."""

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nemoguardrails_trust.commands.evaluate import LabelledArgument, ScoreColumnOption
from nemoguardrails_trust.commands.labelled import Scored, Source, finish, read_and_score
from nemoguardrails_trust.commands.options import (
    EXIT_CODES,
    BaseUrlOption,
    JsonOption,
    LimitOption,
    ModelOption,
    QualityOption,
    Rates,
    RequestsPerMinuteOption,
    SamplesOption,
    ScorerOption,
    SkipBadOption,
    TimeoutOption,
    TokensPerMinuteOption,
    scorer_settings,
    user_errors,
)

if TYPE_CHECKING:
    from nemoguardrails_trust.calibration.calibration import Calibration
    from nemoguardrails_trust.calibration.intervals import Interval
    from nemoguardrails_trust.calibration.thresholds import Fitted, Sample, Target
    from nemoguardrails_trust.scorers.base import ScorerSettings

_FIGURES = {
    "flagged_share": "flagged",
    "precision": "precision: wrong among the flagged",
    "recall": "recall: flagged among the wrong",
    "accuracy_kept": "right among those not flagged",
    "auroc": "AUROC",
    "ece": "expected calibration error",
}


def calibrate(
    data: LabelledArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The calibration to write, as JSON.")
    ],
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="WHAT=SHARE",
            help="What the threshold is to reach: 'precision=0.9' (of the flagged, so many are "
            "wrong), 'recall=0.8' (of the wrong, so many are flagged), 'accuracy-kept=0.95' (of "
            "those not flagged, so many are right) or 'flag-at-most=0.1'. Without it, no "
            "threshold is chosen, and the figures are those at 0.6.",
        ),
    ] = None,
    model: ModelOption = None,
    for_model: Annotated[
        str | None,
        typer.Option(
            "--for-model",
            metavar="NAME",
            help="The model that will use the calibration, where it is not --model: the one that "
            "was recorded.",
        ),
    ] = None,
    base_url: BaseUrlOption = None,
    scorer: ScorerOption = None,
    score_column: ScoreColumnOption = None,
    quality: QualityOption = None,
    samples: SamplesOption = None,
    timeout: TimeoutOption = None,
    requests_per_minute: RequestsPerMinuteOption = None,
    tokens_per_minute: TokensPerMinuteOption = None,
    limit: LimitOption = None,
    skip_bad: SkipBadOption = False,
    json_output: JsonOption = False,
) -> None:
    """Learn from labelled answers to turn scores into probabilities, and choose a threshold.

    With --score-column, name the scorer (and --quality, --model) that gave the scores, or the
    calibration serves for 'nemo-trust evaluate' only.
    """
    with user_errors():
        import json

        from nemoguardrails_trust.calibration.thresholds import Target, expect, fit

        aim = None if target is None else Target.parse(target)
        _require_writable(out)
        settings = scorer_settings(model=model, scorer=scorer, quality=quality, timeout=timeout)
        rates = Rates(requests_per_minute, tokens_per_minute)
        source = Source(settings, base_url, samples, score_column, rates=rates)
        scored = read_and_score(data, source, limit)
        is_named = score_column is None or "scorer" in settings.model_fields_set
        sample = _sample(scored, weighable=is_named and settings.scorer == "local")
        fitted = fit(sample, aim or settings.threshold)
        if aim is not None:
            _require_reached(fitted, sample, aim)
        calibration = _calibration(
            settings,
            fitted,
            target=aim,
            expected=expect(sample, aim or settings.threshold),
            n=len(sample.correct),
            named=is_named,
            model=for_model,
        )
        calibration.save(out)
        if json_output:
            typer.echo(json.dumps(_to_json(calibration, sample, scored, out)))
        else:
            _show(calibration, sample, scored, out)
        finish(scored, skip_bad=skip_bad)


calibrate.__doc__ = f"{inspect.cleandoc(calibrate.__doc__ or '')}\n\n{EXIT_CODES}"


def _require_writable(out: Path) -> None:
    """Fails before any score is paid for, rather than after."""
    import os

    from nemoguardrails_trust.errors import DataError

    if out.is_dir():
        raise DataError("cannot be written: it is a folder", path=str(out))
    if not os.access(out.parent, os.W_OK):
        raise DataError("cannot be written: there is no such folder to write to", path=str(out))


def _sample(scored: Scored, *, weighable: bool) -> "Sample":
    from nemoguardrails_trust.calibration.thresholds import Sample

    checked = [
        (score.score, row.correct, score.signal_values)
        for score, row in zip(scored.scores, scored.data.rows, strict=True)
        if score.score is not None
    ]
    return Sample.of(
        [score for score, _, _ in checked],
        [correct for _, correct, _ in checked],
        [signals for _, _, signals in checked] if weighable else None,
    )


def _require_reached(fitted: "Fitted", sample: "Sample", target: "Target") -> None:
    from nemoguardrails_trust.errors import SettingsError

    if fitted.reached:
        return
    flagged = fitted.probabilities(sample) < fitted.threshold
    counted = ~sample.correct[flagged] if target.kind == "precision" else sample.correct[~flagged]
    raise SettingsError(
        f"--target {target} is out of reach on this data: the most is {float(counted.mean()):.3f}",
        key="target",
    )


def _calibration(
    settings: "ScorerSettings",
    fitted: "Fitted",
    *,
    target: "Target | None",
    expected: "dict[str, Interval]",
    n: int,
    named: bool,
    model: str | None,
) -> "Calibration":
    from datetime import UTC, datetime

    from nemoguardrails_trust.calibration.calibration import Calibration

    return Calibration(
        scorer=settings.scorer if named else None,
        quality=settings.quality if named else None,
        model=(model or settings.model) if named else None,
        weights=None if fitted.weights is None else fitted.weights.to_mapping(),
        knots=fitted.knots,
        fit=fitted.fit,
        threshold=None if target is None else fitted.threshold,
        target=None if target is None else str(target),
        expected=expected,
        n=n,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _to_json(
    calibration: "Calibration", sample: "Sample", scored: Scored, out: Path
) -> dict[str, Any]:
    from nemoguardrails_trust.calibration.evaluation import expected_calibration_error

    told = calibration.model_dump(mode="json", exclude={"knots", "version"})
    return {
        "out": str(out),
        **told,
        "unchecked": scored.unchecked.total(),
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


def _show(calibration: "Calibration", sample: "Sample", scored: Scored, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from nemoguardrails_trust.calibration.evaluation import expected_calibration_error

    threshold = calibration.threshold
    at = "0.6, no target being given" if threshold is None else f"{threshold:.4g}"
    title = f"To expect at the threshold {at}"
    table = Table("figure", "value", "95 % interval", title=title, title_justify="left")
    for name, label in _FIGURES.items():
        table.add_row(label, *_cells(calibration.expected[name]))
    console = Console(highlight=False)
    console.print(table)
    before = expected_calibration_error(sample.scores, sample.correct)
    unchecked = scored.unchecked.total()
    more = f"; {unchecked:,} more have no score" if unchecked else ""
    console.print(f"From {calibration.n:,} answers, by cross-validation{more}.")
    wanted = _rows_wanted(calibration)
    if wanted:
        figures = ", ".join(_FIGURES[name].partition(":")[0] for name in wanted)
        console.print(
            f"Too few to rely on for: {figures}. It takes some {max(wanted.values()):,} answers "
            "to know this to within 0.05."
        )
    console.print(
        f"The map ({calibration.fit}) takes the place of a calibration error of {before:.3f}."
    )
    if calibration.weights is not None:
        weights = ", ".join(f"{name} {value:g}" for name, value in calibration.weights.items())
        console.print(f"The signals' weights: {weights}.")
    console.print(f"Written to {out}.")


def _cells(figure: "Interval") -> tuple[str, str]:
    if figure.value is None:
        return "nothing to count", ""
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}", ""
    return f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}"
