"""The `TLMCalibrated`: scores fitted to people's ratings."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.tlm.client import TLM
from nemoguardrails_trust.tlm.explaining import log_of

if TYPE_CHECKING:
    from nemoguardrails_trust.calibration.ratings import RatingMap


class TLMCalibrated:
    """A `TLM` whose results also have a `calibrated_score`, fitted to people's ratings.

    If `options` have `custom_eval_criteria`, their scores are part of the fit. For answers that are
    known to be right or wrong, `nemo-trust calibrate` does more: it gives probabilities, a
    threshold, and what to expect from both.

    Args:
        quality_preset: As for `TLM`, like all that follow.
        options: See `TLMOptions`.
        settings: `model`, `base_url`, `api_key`, `timeout` and the rest.
    """

    def __init__(
        self,
        quality_preset: QualityPreset = "medium",
        *,
        options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self._tlm = TLM(quality_preset, options=options, **settings)
        self._criteria = len((options or {}).get("custom_eval_criteria") or ())
        self._map: RatingMap | None = None

    def fit(self, tlm_scores: Sequence[Mapping[str, Any]], ratings: Sequence[float]) -> None:
        """Fits the scores to ratings. Entries without a score or a rating are left out.

        Args:
            tlm_scores: What `TLM.get_trustworthiness_score` returned for a list, made with the
                same options.
            ratings: The rating that people gave each, as numbers in any range; higher is better.

        Raises:
            SettingsError: The numbers of ratings and scores differ.
            DataError: The scores lack criteria, are too few, or all have the same rating.
        """
        from nemoguardrails_trust.calibration.ratings import fit_ratings

        scores, given = list(tlm_scores), list(ratings)
        if len(scores) != len(given):
            raise SettingsError(
                f"there are {len(scores)} scores but {len(given)} ratings", key="ratings"
            )
        rows = [
            (values, float(rating))
            for result, rating in zip(scores, given, strict=True)
            if rating is not None
            and math.isfinite(rating)
            and (values := self._values(result)) is not None
        ]
        self._map = fit_ratings([values for values, _ in rows], [rating for _, rating in rows])

    def prompt(self, prompt: Any, **arguments: Any) -> Any:
        """Answers and scores; see `TLM.prompt`. Each result has a `calibrated_score`.

        Raises:
            SettingsError: `fit` was not called first.
            TrustError: See `TLM.prompt`.
        """
        self._require_fit()
        return self._calibrated(self._tlm.prompt(prompt, **arguments))

    def get_trustworthiness_score(self, prompt: Any, response: Any, **arguments: Any) -> Any:
        """Scores; see `TLM.get_trustworthiness_score`. Each result has a `calibrated_score`.

        Raises:
            SettingsError: `fit` was not called first.
            TrustError: See `TLM.get_trustworthiness_score`.
        """
        self._require_fit()
        return self._calibrated(self._tlm.get_trustworthiness_score(prompt, response, **arguments))

    def get_model_name(self) -> str:
        """The name of the model that answers and scores."""
        return self._tlm.get_model_name()

    def close(self) -> None:
        """Closes connections; see `TLM.close`."""
        self._tlm.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_fit(self) -> "RatingMap":
        if self._map is None:
            raise SettingsError("the scores are not fitted to ratings yet; call fit first")
        return self._map

    def _calibrated(self, results: Any) -> Any:
        if isinstance(results, list):
            return [self._calibrated(result) for result in results]
        values = self._values(results)
        score = None if values is None else self._require_fit().apply(values)
        return {**results, "calibrated_score": score}

    def _values(self, result: Mapping[str, Any]) -> list[float] | None:
        """The scores of a result: its own, then those of the criteria; `None` where one lacks.

        Raises:
            DataError: It has other criteria than there are.
        """
        score = result.get("trustworthiness_score")
        if score is None:
            return None
        met = log_of(result).get("custom_eval_criteria") or ()
        if len(met) != self._criteria:
            raise DataError(
                f"a score has {len(met)} custom_eval_criteria, but options have {self._criteria}"
            )
        values = [score, *(criterion["score"] for criterion in met)]
        return None if any(value is None for value in values) else values
