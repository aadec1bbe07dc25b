"""What `nemo-trust score` builds its scorer of rows from, in this process or on other machines."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nemoguardrails_trust.commands.options import (
    REPLAY,
    Rates,
    build_model,
    build_scorer,
    require_no_server,
)

if TYPE_CHECKING:
    from nemoguardrails_trust.calibration.calibration import Calibration
    from nemoguardrails_trust.datasets.row_scorers import RowScorer
    from nemoguardrails_trust.models.base import LanguageModel
    from nemoguardrails_trust.scorers.base import Scorer, ScorerSettings


@dataclass(frozen=True, slots=True)
class RowScorerSpec:
    """What a scorer of rows is built from, on this machine or on another.

    Attributes:
        settings: The scorer's.
        base_url: The value of `--base-url`.
        samples: The value of `--samples`.
        concurrency: Rows, and calls, in flight at a time.
        rates: What the model may be asked in a minute.
        calibration: The one that the settings name, loaded.
        generate: Whether the model makes responses where there are none.
    """

    settings: "ScorerSettings"
    base_url: str | None
    samples: int | None
    concurrency: int
    rates: Rates
    calibration: "Calibration | None"
    generate: bool = False

    def build(self) -> "RowScorer":
        """Builds the scorer.

        Raises:
            TrustError: It cannot be built; the message says why.
        """
        from nemoguardrails_trust.datasets.row_scorers import ModelRowScorer, ReplayRowScorer
        from nemoguardrails_trust.errors import SettingsError
        from nemoguardrails_trust.models.limits import Limits

        settings = self.settings
        options: dict[str, Any] = {"concurrency": self.concurrency}
        if self.samples is not None:
            options["samples"] = self.samples
        answers = settings.scorer == "local" and settings.model not in (None, REPLAY)
        if self.generate and not answers:
            raise SettingsError("--generate needs the local scorer and a --model that answers")
        if settings.scorer != "local" or settings.model is None:
            built = build_scorer(
                settings, settings.model, self.base_url, samples=self.samples, rates=self.rates
            )
            return ModelRowScorer(built.scorer, timeout=settings.timeout)
        if settings.model == REPLAY:
            require_no_server(self.base_url, self.rates)
            return ReplayRowScorer(lambda model: self._create(model, options))
        limits = Limits(
            self.concurrency, self.rates.requests_per_minute, self.rates.tokens_per_minute
        )
        model = build_model(settings.model, self.base_url, limits=limits)
        scorer = self._create(model, options)
        return ModelRowScorer(scorer, model if self.generate else None, timeout=settings.timeout)

    def _create(self, model: "LanguageModel | None", options: dict[str, Any]) -> "Scorer":
        from nemoguardrails_trust.scorers.create import create_scorer

        built = create_scorer(self.settings, model, calibration=self.calibration, **options)
        return built.scorer

    def identity(self) -> dict[str, Any]:
        """What the results depend on."""
        told = self.settings.model_dump(mode="json", include={"scorer", "quality", "model"})
        told["samples"] = self.samples
        told["generate"] = self.generate
        told["calibration"] = self.calibration and self.calibration.model_dump(mode="json")
        return told
