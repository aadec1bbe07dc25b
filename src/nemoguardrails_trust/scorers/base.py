"""The scorer protocol, the settings of a scorer, and the registry of names."""

from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scores import TrustworthinessScore

QualityPreset = Literal["base", "low", "medium", "high", "best"]

DEFAULT_THRESHOLD = 0.6
HOSTED_SCORERS = ("cleanlab-studio", "cleanlab-tlm")


class ScorerSettings(BaseModel):
    """What a scorer is built from.

    Attributes:
        threshold: Scores below it are untrustworthy, 0 to 1.
        scorer: `local`, `cleanlab-studio`, `cleanlab-tlm`, or `package.module:factory`.
        quality: How many model calls a score may cost.
        model: Which model judges and samples. In a rail, the `type` of a `models:` entry;
            elsewhere the model's own name. `None` takes the main or default one.
        timeout: Seconds for a whole score, above 0.
        explain: Whether to ask for reasons.
        rounds: In how many rounds samples are asked for, at least 1. More than 1 stops
            as soon as the samples still to come cannot change the decision.
        calibration: A file made by `nemo-trust calibrate`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=0.0, le=1.0)
    scorer: str = "local"
    quality: QualityPreset = "medium"
    model: str | None = None
    timeout: float = Field(default=20.0, gt=0.0)
    explain: bool = False
    rounds: int = Field(default=1, ge=1)
    calibration: Path | None = None


@runtime_checkable
class Scorer(Protocol):
    """Anything that scores an exchange.

    A scorer may also have `async def aclose(self)`, called when it is no longer needed, and
    `def check(self)`, called once at start: it raises a `TrustError` where it can tell that no
    score will be had.
    """

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores one exchange.

        Raises:
            TrustError: No score could be had. Returning one with `score=None` means the same.
        """
        ...
