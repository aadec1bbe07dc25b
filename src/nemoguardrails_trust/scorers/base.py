"""The `Scorer` protocol and a scorer's settings."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, get_args, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.scorers.evaluations import EvaluationSettings
from nemoguardrails_trust.scores import TrustworthinessScore

Method = TypeVar("Method", bound=Callable[..., Any])
QualityPreset = Literal["base", "low", "medium", "high", "best"]

PRESETS: tuple[QualityPreset, ...] = get_args(QualityPreset)
DEFAULT_THRESHOLD = 0.6
HOSTED_SCORERS = ("cleanlab-studio", "cleanlab-tlm")
SCORERS = ("local", *HOSTED_SCORERS)


def require_threshold(threshold: float) -> None:
    """Refuses a threshold that is out of range, or no number.

    Raises:
        SettingsError: It is.
    """
    if not isinstance(threshold, int | float) or not 0.0 <= threshold <= 1.0:
        raise SettingsError(f"threshold is {threshold!r}; it must be from 0 to 1", key="threshold")


class ScorerSettings(BaseModel):
    """The settings from which a scorer is built.

    Attributes:
        threshold: Scores below it are untrustworthy, 0 to 1.
        scorer: `local`, `cleanlab-studio`, `cleanlab-tlm`, or `package.module:factory`.
        quality: How many model calls a score may cost.
        model: The model that judges and samples. In a rail, the `type` of a `models:` entry;
            elsewhere the model's name. `None` uses the main or default one.
        timeout: Seconds for a whole score, above 0.
        explain: Whether to ask for reasons; `claims` scores each sentence of the answer and names
            the least supported ones.
        rounds: In how many rounds samples are requested, at least 1. With more than 1, sampling
            stops as soon as further samples cannot change the decision.
        rephrase: How many of the samples answer a rephrased user message, at least 0. `None` uses
            the preset's number.
        calibration: A file made by `nemo-trust calibrate`.
        evaluations: Other things for the model to judge, at one request each: names such as
            `response_groundedness`, each with a threshold.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=0.0, le=1.0)
    scorer: str = "local"
    quality: QualityPreset = "medium"
    model: str | None = None
    timeout: float = Field(default=20.0, gt=0.0)
    explain: bool | Literal["claims"] = False
    rounds: int = Field(default=1, ge=1)
    rephrase: int | None = Field(default=None, ge=0)
    calibration: Path | None = None
    evaluations: tuple[EvaluationSettings, ...] = ()

    @property
    def asks_for_reasons(self) -> bool:
        """Whether the judge is asked for reasons."""
        return self.explain is True

    @property
    def scores_claims(self) -> bool:
        """Whether each sentence gets its own score."""
        return self.explain == "claims"

    @field_validator("evaluations")
    @classmethod
    def _are_distinct(
        cls, evaluations: tuple[EvaluationSettings, ...]
    ) -> tuple[EvaluationSettings, ...]:
        names = [chosen.name for chosen in evaluations]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two evaluations have the name {twice!r}")
        return evaluations


@runtime_checkable
class Scorer(Protocol):
    """Anything that scores an exchange.

    A scorer that can use pictures, recordings and files (`Exchange.media`) sets
    `takes_media = True`. Other scorers are never given an exchange that has any.

    A scorer may also have `async def aclose(self)`, which is called when it is no longer needed,
    and `def check(self)`, which is called once at start and raises a `TrustError` if it already
    knows that no score can be made.
    """

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores one exchange.

        Raises:
            TrustError: There is no score. Returning one with `score=None` means the same.
        """
        ...


@runtime_checkable
class SamplingScorer(Protocol):
    """A scorer that compares a response with samples, and can make use of two hints."""

    @property
    def samples_per_score(self) -> int:
        """How many samples a score draws; 0 where it draws none."""
        ...

    async def score(
        self,
        exchange: Exchange,
        *,
        decide_at: float | None = None,
        prefetched: Awaitable[Reply] | None = None,
    ) -> TrustworthinessScore:
        """Scores one exchange.

        Args:
            exchange: What to score.
            decide_at: The threshold, where only the decision matters.
            prefetched: Samples that are already being drawn, taken instead of asking for them.

        Raises:
            TrustError: No score could be had.
        """
        ...


@runtime_checkable
class ClaimScorer(Protocol):
    """A scorer that can give each sentence of a response a score of its own."""

    async def score_claims(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores one exchange, with `claims`.

        Raises:
            TrustError: No score could be had.
        """
        ...


class ClaimsOf:
    """A scorer's `score_claims`, as a scorer."""

    def __init__(self, scorer: ClaimScorer) -> None:
        """Takes what scores."""
        self._scorer = scorer
        self.name: str = getattr(scorer, "name", "")
        self.takes_media = takes_media(scorer)

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores one exchange, with `claims`.

        Raises:
            TrustError: No score could be had.
        """
        return await self._scorer.score_claims(exchange)


def samples_drawn_by(scorer: Scorer) -> int:
    """How many samples a scorer draws for a score; 0 where it draws none."""
    return scorer.samples_per_score if isinstance(scorer, SamplingScorer) else 0


async def close(part: object) -> None:
    """Closes a scorer or a model, where it can be."""
    aclose: Callable[[], Awaitable[None]] | None = getattr(part, "aclose", None)
    if aclose is not None:
        await aclose()


def ending_in_time(score: Method) -> Method:
    """Marks a `score` that by itself ends at the deadline in force, whatever its model does.

    The mark is on the method: a subclass whose `score` is another one does not inherit it.
    """
    score.ends_in_time = True  # type: ignore[attr-defined]
    return score


def ends_in_time(scorer: object) -> bool:
    """Whether a scorer's `score`, that of its class and its own, is one that ends in time."""
    return _is_marked(type(scorer)) and _is_marked(scorer)


def _is_marked(owner: object) -> bool:
    return getattr(getattr(owner, "score", None), "ends_in_time", False) is True


def takes_media(scorer: object) -> bool:
    """Whether a scorer takes pictures, recordings and files into account."""
    return getattr(scorer, "takes_media", False) is True
