"""Counts and costs of scored rows."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from pydantic_core import PydanticKnownError

from nemoguardrails_trust.concurrency.failures import count_reason, merge_reasons
from nemoguardrails_trust.datasets.rows import CLAIMS, RowResult
from nemoguardrails_trust.disk import read_yaml
from nemoguardrails_trust.errors import DataError, SettingsError, known_instead, why_invalid


@dataclass(slots=True)
class Tally:
    """Counts and costs of scored rows, added up.

    Attributes:
        signals: How many rows have each signal, in the order in which signals first came.
        reasons: Why rows have no score, and how many for each reason.
        missing: For each signal that is missing somewhere, why, and in how many rows for each
            reason.
    """

    rows: int = 0
    flagged: int = 0
    errors: int = 0
    made: int = 0  # rows whose response was made
    calls: int = 0
    samples: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    signals: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    missing: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, result: RowResult, threshold: float) -> None:
        """Adds a row."""
        self.rows += 1
        if result.score is None:
            self.errors += 1
            count_reason(self.reasons, result.error or "no reason given")
        elif result.score < threshold:
            self.flagged += 1
        self.made += result.made
        self.calls += result.usage.calls
        self.samples += result.usage.samples
        self.prompt_tokens += result.usage.prompt_tokens
        self.completion_tokens += result.usage.completion_tokens
        for name in result.names:
            has_value = name == CLAIMS or result.signals[name] is not None
            self.signals[name] = self.signals.get(name, 0) + has_value
        for name, reason in result.missing.items():
            count_reason(self.missing.setdefault(name, {}), reason)

    def merge(self, other: "Tally") -> None:
        """Adds the rows of another tally."""
        for name in self.__slots__:
            mine, others = getattr(self, name), getattr(other, name)
            if isinstance(mine, int):
                setattr(self, name, mine + others)
        for name, rows in other.signals.items():
            self.signals[name] = self.signals.get(name, 0) + rows
        merge_reasons(self.reasons, other.reasons)
        for name, reasons in other.missing.items():
            merge_reasons(self.missing.setdefault(name, {}), reasons)

    def to_json(self) -> dict[str, Any]:
        """The tally as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**stored)

    @property
    def scored(self) -> int:
        """Rows with a score."""
        return self.rows - self.errors


@dataclass(frozen=True, slots=True)
class Prices:
    """What tokens cost, in whatever currency.

    Attributes:
        prompt: A million tokens read, at least 0.
        completion: A million tokens written, at least 0.
    """

    prompt: float = 0.0
    completion: float = 0.0

    def cost(self, tally: Tally) -> float:
        """What the tokens of a tally cost."""
        tokens = tally.prompt_tokens * self.prompt + tally.completion_tokens * self.completion
        return tokens / 1e6


class _PriceOfModel(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    prompt: float = Field(ge=0.0)
    completion: float = Field(ge=0.0)

    @field_validator("*", mode="before")
    @classmethod
    def _is_number(cls, price: object) -> object:
        if isinstance(price, bool):  # 1.0 to pydantic; text it reads, as YAML makes text of 1e6
            raise PydanticKnownError("float_type")
        return price


def read_prices(path: Path, model: str) -> Prices:
    """Reads what a model's tokens cost from a file: by model, `prompt` and `completion`.

    Raises:
        DataError: The file cannot be read, or is not made so.
        SettingsError: It has no price for the model.
    """
    given = read_yaml(path)
    try:
        by_model = TypeAdapter(dict[str, _PriceOfModel]).validate_python(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{place or 'the whole'}: {why_invalid(first)}; prices are written as "
            "'NAME: {prompt: 0.15, completion: 0.60}'",
            path=str(path),
        ) from None
    if model not in by_model:
        hint = known_instead(model, by_model)
        raise SettingsError(f"{path} has no price for {model!r}; {hint}", key="prices")
    return Prices(by_model[model].prompt, by_model[model].completion)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    Attributes:
        tally: All rows so far, those of earlier runs too.
        resumed: Rows among them that an earlier run had scored.
        total: Rows of the whole input, as far as can be told from how far it has been read;
            `None` where nothing has been read yet.
        seconds: Time since this run began.
    """

    tally: Tally
    resumed: int
    total: int | None
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second in this run."""
        return (self.tally.rows - self.resumed) / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Time that the rest will take at this rate; `None` where that cannot be told yet."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.tally.rows) / self.rate


ProgressCallback = Callable[[Progress], None]
