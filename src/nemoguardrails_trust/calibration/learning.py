"""Makes a calibration of labelled scores."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.calibration.thresholds import Fitted, Sample, Target, expect, fit
from nemoguardrails_trust.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Origin:
    """What gave the scores that a calibration is made of.

    Attributes:
        scorer: Its name; `None` where it is not known, so that the calibration serves for
            evaluating only.
        quality: Its preset.
        model: The model that judged and sampled.
    """

    scorer: str | None = None
    quality: str | None = None
    model: str | None = None


def learn_calibration(sample: Sample, origin: Origin, aim: Target | float) -> Calibration:
    """Fits weights, a map and a threshold, and says what to expect of them.

    Args:
        sample: Labelled scores.
        origin: What gave them.
        aim: What the threshold is to reach; or a threshold that is there already, of which the
            calibration then says what to expect.

    Raises:
        SettingsError: The target is out of reach on this data.
    """
    target = aim if isinstance(aim, Target) else None
    fitted = fit(sample, aim)
    if target is not None and not fitted.reached:
        raise _out_of_reach(fitted, sample, target)
    return Calibration(
        **asdict(origin),
        weights=None if fitted.weights is None else fitted.weights.to_mapping(),
        knots=fitted.knots,
        fit=fitted.fit,
        threshold=None if target is None else fitted.threshold,
        target=None if target is None else str(target),
        expected=expect(sample, aim),
        n=len(sample.correct),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _out_of_reach(fitted: Fitted, sample: Sample, target: Target) -> SettingsError:
    flagged = fitted.probabilities(sample) < fitted.threshold
    counted = ~sample.correct[flagged] if target.kind == "precision" else sample.correct[~flagged]
    return SettingsError(
        f"--target {target} cannot be reached on this data; the highest possible "
        f"is {float(counted.mean()):.3f}",
        key="target",
    )
