"""What each quality preset spends."""

from dataclasses import dataclass

from nemoguardrails_trust.scorers.base import QualityPreset


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the models for one score.

    Attributes:
        reflects: Whether the judge is asked about the response.
        samples: How many further answers are drawn.
        settles: Whether the judge compares the samples that text matching could not settle.
    """

    reflects: bool
    samples: int
    settles: bool = False


_PLANS: dict[QualityPreset, Plan] = {
    "base": Plan(reflects=True, samples=0),
    "low": Plan(reflects=True, samples=0),
    "medium": Plan(reflects=True, samples=5),
    "high": Plan(reflects=True, samples=5, settles=True),
    "best": Plan(reflects=True, samples=8, settles=True),
}


def plan_for(
    quality: QualityPreset,
    *,
    has_probability: bool,
    samples: int | None = None,
    use_reflection: bool = True,
    use_consistency: bool = True,
) -> Plan:
    """What a preset asks for.

    Args:
        quality: The preset.
        has_probability: Whether the response's token probabilities are at hand, which `base`
            makes do with.
        samples: How many samples to draw, in the presets that draw any.
        use_reflection: Whether the judge may be asked.
        use_consistency: Whether samples may be drawn.
    """
    plan = _PLANS[quality]
    drawn = plan.samples if samples is None or plan.samples == 0 else samples
    if not use_consistency:
        drawn = 0
    reflects = use_reflection and not (quality == "base" and has_probability)
    return Plan(reflects, drawn, plan.settles and drawn > 0)
