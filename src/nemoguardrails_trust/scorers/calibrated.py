"""A scorer whose scores are probabilities."""

from collections.abc import Awaitable

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.scorers.base import (
    SamplingScorer,
    Scorer,
    close,
    samples_drawn_by,
    takes_media,
)
from nemoguardrails_trust.scorers.safely import require_usable
from nemoguardrails_trust.scores import TrustworthinessScore


class CalibratedScorer:
    """A scorer whose scores a calibration turns into probabilities."""

    def __init__(self, scorer: Scorer, calibration: Calibration) -> None:
        """Takes what gives the scores, and what maps them."""
        self._scorer = scorer
        self._calibration = calibration
        self.samples_per_score = samples_drawn_by(scorer)
        self.takes_media = takes_media(scorer)

    async def score(
        self,
        exchange: Exchange,
        *,
        decide_at: float | None = None,
        prefetched: Awaitable[Reply] | None = None,
    ) -> TrustworthinessScore:
        """Scores one exchange; the scorer's own score is `uncalibrated_score` in the metadata.

        Raises:
            TrustError: No score could be had.
        """
        if isinstance(self._scorer, SamplingScorer):
            score = await self._scorer.score(exchange, prefetched=prefetched)
        else:
            score = await self._scorer.score(exchange)
        require_usable(score)  # a calibration would make a probability of anything
        return self._calibration.recalibrate(score)

    def check(self) -> None:
        """Checks the scorer, where it can be.

        Raises:
            TrustError: No score will be had.
        """
        check = getattr(self._scorer, "check", None)
        if check is not None:
            check()

    async def aclose(self) -> None:
        """Closes the scorer, where it can be."""
        await close(self._scorer)
