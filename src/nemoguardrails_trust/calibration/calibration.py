"""Turns scores into probabilities, with the file that `nemo-trust calibrate` makes."""

from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from nemoguardrails_trust.calibration.intervals import Interval
from nemoguardrails_trust.disk import reading, write_atomically
from nemoguardrails_trust.errors import DataError, SettingsError, why_invalid
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.signals.combine import Weights, combine

MOST_BYTES = 1_000_000
"""The most bytes of a calibration's file; reading more could take all memory."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Knots = tuple[tuple[Share, Share], ...]


class Calibration(BaseModel):
    """What labelled answers say about a scorer.

    Attributes:
        version: The version of the file format.
        scorer: The scorer whose scores it maps. `None` if it was made from scores without the
            scorer's name; it can then only be used to evaluate.
        quality: The scorer's preset.
        model: The model that judged and sampled; `None` if a hosted scorer chose it.
        weights: How much each signal counts, if that was fitted.
        knots: Maps a score to the probability that the answer is right: points in ascending
            order, joined by straight lines.
        fit: How the map was fitted.
        threshold: Probabilities below it are flagged; `None` if there was no target.
        target: What the threshold was chosen for, such as `precision=0.9`.
        expected: What to expect from the threshold on new data, by cross-validation.
        n: The number of labelled answers that it was made from.
        created: When it was made, in UTC, as ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    version: Literal[1] = 1
    scorer: str | None
    quality: str | None
    model: str | None
    weights: dict[str, float] | None = None
    knots: Annotated[Knots, Field(min_length=1)]
    fit: str
    threshold: Share | None = None
    target: str | None = None
    expected: dict[str, Interval] = Field(default_factory=dict)
    n: int = Field(ge=1)
    created: str

    @field_validator("weights")
    @classmethod
    def _are_weights(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        return None if weights is None else Weights.from_mapping(weights).to_mapping()

    @field_validator("knots")
    @classmethod
    def _ascend(cls, knots: Knots) -> Knots:
        for (x, y), (next_x, next_y) in pairwise(knots):
            if next_x <= x or next_y < y:
                raise ValueError("the knots must ascend")
        return knots

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a calibration.

        Raises:
            DataError: The file cannot be read, or is not a calibration of this version.
        """
        with reading(Path(path)), Path(path).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            told = f"has more than {MOST_BYTES:,} bytes, too many for a calibration"
            raise DataError(told, path=str(path))
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise DataError(
                f"is not a calibration made by `nemo-trust calibrate`: "
                f"{where + ': ' if where else ''}{why_invalid(first)}",
                path=str(path),
            ) from None

    def save(self, path: str | Path) -> None:
        """Writes the calibration. An existing file is replaced in one step, or not at all.

        Raises:
            DataError: The file cannot be written.
        """
        write_atomically(Path(path), f"{self.model_dump_json(indent=2)}\n".encode())

    def apply(self, score: float) -> float:
        """The probability, 0 to 1, that an answer with this score is right.

        A higher score never has a lower probability.
        """
        place = bisect_right(self.knots, score, key=lambda knot: knot[0])
        if place == 0:
            return self.knots[0][1]
        if place == len(self.knots):
            return self.knots[-1][1]
        (x, y), (next_x, next_y) = self.knots[place - 1 : place + 1]
        return min(next_y, y + (next_y - y) * ((score - x) / (next_x - x)))

    def recalibrate(self, score: TrustworthinessScore) -> TrustworthinessScore:
        """Turns a score into a probability. If there is no score, there is no probability.

        With fitted weights, the score is first computed again from its signals. The original
        score is `uncalibrated_score` in the metadata.

        Raises:
            SettingsError: The weights need signals, but the score has none.
        """
        if score.score is None:
            return score
        raw: float | None = score.score
        if self.weights is not None:
            raw = combine(score.signal_values, self.signal_weights)
        if raw is None:
            raise SettingsError(
                "the calibration reweights the signals, but the scores have none",
                key="calibration",
            )
        metadata = {**score.metadata, "uncalibrated_score": score.score}
        return replace(score, score=self.apply(raw), metadata=metadata)

    @property
    def signal_weights(self) -> Weights | None:
        """The fitted weights; `None` if the default ones apply."""
        return None if self.weights is None else Weights.from_mapping(self.weights)

    def require_match(self, *, scorer: str | None, quality: str | None, model: str | None) -> None:
        """Makes sure that the calibration was made for this scorer.

        Raises:
            SettingsError: It was made for another scorer. The message names the difference.
        """
        if self.scorer is None:
            raise SettingsError(
                "the calibration was made from scores whose scorer was not named; make "
                "it again with --scorer, --quality and --model",
                key="calibration",
            )
        wanted = {"scorer": scorer, "quality": quality, "model": model}
        differing = [
            f"{name} {getattr(self, name)!r}, not {value!r}"
            for name, value in wanted.items()
            if getattr(self, name) != value
        ]
        if differing:
            raise SettingsError(
                f"the calibration was made for {' and '.join(differing)}; make one for this "
                "scorer with `nemo-trust calibrate`",
                key="calibration",
            )


def calibrating_command(
    model: str | None, *, base_url: str | None = None, quality: str | None = None
) -> str:
    """The command that makes a calibration, as people are told to type it.

    Args:
        model: The model whose scores it is for; `None` where no command can reach it, so that
            answers of it have to be at hand.
        base_url: Its server; `None` for the usual one.
        quality: The preset; `None` for the usual one.
    """
    asked = "DATA" if model is None else f"--live {model}"
    if base_url is not None and model is not None:
        asked += f" --base-url {base_url}"
    if quality is not None:
        asked += f" --quality {quality}"
    return f"nemo-trust calibrate {asked} --out calibration.json"
