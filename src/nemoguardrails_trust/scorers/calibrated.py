"""A scorer whose scores are probabilities."""

from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.base import Scorer
from nemoguardrails_trust.scores import TrustworthinessScore


class CalibratedScorer:
    """A scorer whose scores a calibration turns into probabilities."""

    def __init__(self, scorer: Scorer, calibration: Calibration) -> None:
        """Wraps a scorer.

        Args:
            scorer: Gives the scores.
            calibration: Maps them.
        """
        self._scorer = scorer
        self._calibration = calibration

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores one exchange; the scorer's own score is `uncalibrated_score` in the metadata.

        Raises:
            TrustError: No score could be had.
        """
        return self._calibration.recalibrate(await self._scorer.score(exchange))

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
        close = getattr(self._scorer, "aclose", None)
        if close is not None:
            await close()
