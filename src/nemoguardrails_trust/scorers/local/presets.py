"""What each quality preset spends."""

from dataclasses import dataclass

from nemoguardrails_trust.scorers.base import QualityPreset


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the models for one score.

    Attributes:
        reflections: How often the judge is asked about the response, each time by another question.
        samples: How many further answers are drawn.
        rephrased: How many of those answer rephrasings of the question.
        settles: Whether the judge compares the samples that text matching could not settle.
    """

    reflections: int
    samples: int
    settles: bool = False
    rephrased: int = 0

    @property
    def own(self) -> int:
        """How many answers are drawn to the question as it was asked."""
        return self.samples - self.rephrased

    @property
    def reflects(self) -> bool:
        """Whether the judge is asked about the response."""
        return self.reflections > 0


_PLANS: dict[QualityPreset, Plan] = {
    "base": Plan(reflections=1, samples=0),
    "low": Plan(reflections=1, samples=0),
    "medium": Plan(reflections=1, samples=5),
    "high": Plan(reflections=1, samples=5, settles=True),
    "best": Plan(reflections=1, samples=8, settles=True, rephrased=4),
}


def plan_for(
    quality: QualityPreset,
    *,
    has_probability: bool,
    samples: int | None = None,
    reflections: int | None = None,
    rephrase: int | None = None,
    use_consistency: bool = True,
) -> Plan:
    """What a preset asks for.

    Args:
        quality: The preset.
        has_probability: Whether the response's token probabilities are at hand, which `base`
            makes do with.
        samples: How many samples to draw instead of the preset's number.
        reflections: How often to ask the judge instead of the preset's number.
        rephrase: How many of the samples answer rephrasings; `None` takes the preset's number.
        use_consistency: Whether samples may be drawn.
    """
    plan = _PLANS[quality]
    drawn = plan.samples if samples is None else samples
    if not use_consistency:
        drawn = 0
    asked = plan.reflections if reflections is None else reflections
    if quality == "base" and has_probability:
        asked = 0
    rephrased = min(drawn // 2, plan.rephrased) if rephrase is None else min(drawn, rephrase)
    return Plan(asked, drawn, plan.settles and drawn > 0, rephrased)
