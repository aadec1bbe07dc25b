"""One score made of several signals."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Self

from nemoguardrails_trust.signals.answer_tokens import Measured


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each signal counts; only the ratios matter.

    The defaults of reflection and consistency are of the plateau, 0.35 to 0.45, that
    `python -m tests.benchmarks.combining` prints: recorded samples of three data sets with judges
    of many manners, from calibrated to saturated. (Chen & Mueller, ACL 2024, give consistency 0.7
    beside a self-reflection that is only graded yes, no or unsure.) Within it, two limits decide.
    Reflection has less than 0.6 of their weight, so that a judge who was talked round cannot lift
    an answer that every sample contradicts to the default threshold; and consistency has less
    than 0.6 of it, so that samples which share one mistake do not outvote a judge who is sure.
    Those of probability go by what it was measured on: see `PROBABILITY_WEIGHTS`.

    Attributes:
        reflection: Above 0.
        consistency: Above 0.
        probability: Above 0; the default is that of short answers.
    """

    reflection: float = 0.42
    consistency: float = 0.58
    probability: float = 0.42

    def __post_init__(self) -> None:
        for weight in fields(self):
            value = getattr(self, weight.name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not math.isfinite(value) or value <= 0.0:
                raise ValueError(f"weight {weight.name} is {value!r}; it must be a number above 0")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Self:
        """Reads weights as `to_mapping` gives them; a signal left out keeps its default.

        Raises:
            ValueError: A name is unknown, or a weight is not a finite number above 0.
        """
        known = [weight.name for weight in fields(cls)]
        for name in mapping:
            if name not in known:
                raise ValueError(f"weight {name!r} is unknown; there are {', '.join(known)}")
        return cls(**mapping)

    def to_mapping(self) -> dict[str, float]:
        """The weights as JSON types."""
        return asdict(self)


DEFAULT_WEIGHTS = Weights()

PROBABILITY_WEIGHTS: Mapping[Measured, float] = MappingProxyType(
    {
        "answer": DEFAULT_WEIGHTS.probability,
        "choice": DEFAULT_WEIGHTS.probability,
        "fields": DEFAULT_WEIGHTS.probability,
        "final_answer": 0.15,
        "text": 0.15,
    }
)
"""How much probability counts, by what it was measured on.

- `answer`, a short answer: as much as a judge's word. By itself its probability tells right from
  wrong as well as five samples do (AUROC 0.861 and 0.857 on 260 live answers of a small Qwen to
  TriviaQA; beside samples and judge the area rises up to a weight near 0.8). The weight ends at
  0.42 since, with more than 0.45, judge and fluency could together lift an answer that every
  sample contradicts to the default threshold.
- `choice`, the letter of a multiple choice, and `fields`, the values of a JSON object: the answer
  itself without any wording, and so the same. That is a reason and no figure: no recorded rows
  hold the probabilities of letters or of JSON values.
- `text`, a longer one: most of its tokens carry wording, not the answer, so the mean is high for
  any fluent text, and tells little (Kuhn et al., "Semantic Uncertainty", ICLR 2023; Duan et al.,
  "Shifting Attention to Relevance", ACL 2024). It counts as an indicator only.
- `final_answer`, what a longer text marks as its answer: it is likely given the reasoning before
  it, right or wrong, so it tells little more than the text as a whole. Here, too, no recorded
  rows hold the tokens; `python -m tests.benchmarks detection` prints what there is, by kind, of
  these data and of a folder of one's own.
"""


_WEIGHTS = {
    measured: replace(DEFAULT_WEIGHTS, probability=weight)
    for measured, weight in PROBABILITY_WEIGHTS.items()
}


def default_weights(measured: Measured) -> Weights:
    """The default weights for a probability that was measured on this."""
    return _WEIGHTS[measured]


def combine(signals: Mapping[str, float], weights: Weights | None = None) -> float | None:
    """The weighted mean of the signals that are there.

    It is strictly monotone in each signal, and lies from 0 to 1. Leaving a signal out is the same
    as giving it the mean of the others, so a score always lies between the two that the missing
    signal's extremes would have given.

    Args:
        signals: Values from 0 to 1 by the names `reflection`, `consistency`, `probability`.
        weights: How much each counts.

    Returns:
        0 to 1, or `None` where there is no signal.

    Raises:
        ValueError: A name is unknown, or a value is not from 0 to 1.
    """
    chosen = weights or DEFAULT_WEIGHTS
    total = 0.0
    weight_of_all = 0.0
    # In a fixed order: float sums depend on it, and equal signals must give equal scores.
    for name in ("reflection", "consistency", "probability"):
        value = signals.get(name)
        if value is None:
            continue
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"signal {name} is {value!r}; it must be from 0 to 1")
        weight: float = getattr(chosen, name)
        total += weight * (_tempered(value) if name == "reflection" else value)
        weight_of_all += weight
    unknown = set(signals) - {"reflection", "consistency", "probability"}
    if unknown:
        raise ValueError(f"signal {min(unknown)!r} is unknown")
    if weight_of_all == 0.0:
        return None
    return min(1.0, total / weight_of_all)


def _tempered(probability: float) -> float:
    """Halves the log-odds of a probability; 0, 1/2 and 1 stay where they are.

    P(true) saturates: most judgements lie within 0.01 of 0 or 1, where a mean sees no difference
    between 0.99 and 0.9999. At temperature 2 they are told apart (0.91 and 0.99), and the
    over-confidence of P(true) is taken back (Kadavath et al. 2022 temper theirs, at 2.5).
    """
    true, false = math.sqrt(probability), math.sqrt(1.0 - probability)
    return true / (true + false)
