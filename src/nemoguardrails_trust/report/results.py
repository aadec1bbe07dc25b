"""One row of results, as `nemo-trust score` writes it or as recorded data has it."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Exchange

SIGNAL_PREFIX = "signal_"
USAGE_PREFIX = "usage_"
USAGE = ("calls", "samples", "prompt_tokens", "completion_tokens", "seconds")

_TRUTH = TypeAdapter(bool)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what.

    Attributes:
        prompt: What was asked: text, or chat messages.
        response: The answer that was scored.
        score: The trustworthiness score, 0 to 1, empty where it could not be had.
        label: Whether the answer is right (1, true, yes) or wrong (0, false, no).
    """

    prompt: str = "prompt"
    response: str = "response"
    score: str = "trustworthiness_score"
    label: str = "correct"


@dataclass(frozen=True, slots=True)
class Result:
    """What the figures need of a row.

    Attributes:
        score: The trustworthiness score; `None` where it could not be had.
        label: 1 for a right answer, 0 for a wrong one, `None` where it is not known.
        signals: The measurements behind the score, by name.
        usage: What the score cost, by column; a missing column is left out.
        error: Why there is no score, or which signals are missing from it; else empty.
    """

    score: float | None
    label: int | None
    signals: Mapping[str, float | None]
    usage: Mapping[str, float]
    error: str


@dataclass(frozen=True, slots=True)
class Texts:
    """What a person reads of a row.

    Attributes:
        prompt: What was asked, with roles where it was a conversation.
        response: The answer that was scored.
        reference: The right answer, where the row has one (`gold`).
        explanation: Why the score is what it is.
        alternatives: Other answers of the model that differ from the response, most frequent
            first.
    """

    prompt: str
    response: str
    reference: str
    explanation: str
    alternatives: tuple[str, ...]


def read_result(row: Row, columns: Columns, *, line: int, path: str | None = None) -> Result:
    """Reads the numbers of a row.

    Args:
        row: The row, by column.
        columns: Which columns hold what.
        line: The row's number, counted from 1, for errors.
        path: The file it is from, for errors.

    Raises:
        DataError: A score or a signal is not a number from 0 to 1, or a label is neither true
            nor false.
    """
    try:
        return Result(
            score=_share(columns.score, row.get(columns.score)),
            label=_label(columns.label, row.get(columns.label)),
            signals=_signals(row),
            usage=_usage(row),
            error=_text(row.get("error")),
        )
    except ValueError as error:
        raise DataError(str(error), path=path, line=line) from None


def read_texts(row: Row, columns: Columns) -> Texts:
    """Reads the texts of a row; whatever is not there is empty."""
    response = _text(row.get(columns.response))
    return Texts(
        prompt=_prompt(row.get(columns.prompt)),
        response=response,
        reference=_text(row.get("gold")),
        explanation=_text(row.get("explanation")),
        alternatives=_alternatives(row, response),
    )


def _share(name: str, value: object) -> float | None:
    try:
        number = _number(value)
    except (TypeError, ValueError):
        number = math.inf
    if number is not None and not 0.0 <= number <= 1.0:
        raise ValueError(f"{name} is {_shown(value)}; it must be a number from 0 to 1, or empty")
    return number


def _number(value: object) -> float | None:
    """A number, or `None` for the ways in which files say that there is none.

    Raises:
        TypeError: It is neither a number nor text.
        ValueError: It is text that is no number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise TypeError("a truth value is not a number")
    number = float(value)  # type: ignore[arg-type]
    return None if math.isnan(number) else number


def _label(name: str, value: object) -> int | None:
    value = _plain(value)
    if isinstance(value, str):
        value = value.strip().removesuffix(".0")  # so written where some labels are missing
    if value is None or value == "":
        return None
    try:
        return int(_TRUTH.validate_python(value))
    except ValidationError:
        raise ValueError(
            f"{name} is {_shown(value)}; it must be 1 or 0, true or false, yes or no, or empty"
        ) from None


def _signals(row: Row) -> dict[str, float | None]:
    found = {
        name.removeprefix(SIGNAL_PREFIX): _share(name, value)
        for name, value in row.items()
        if isinstance(name, str) and name.startswith(SIGNAL_PREFIX)
    }
    together = _from_json(row.get("signals"))
    if isinstance(together, Mapping):
        for name, value in together.items():
            number = value.get("value") if isinstance(value, Mapping) else value
            found[str(name)] = _share(f"signal {name}", number)
    return found


def _usage(row: Row) -> dict[str, float]:
    found = {}
    for name in USAGE:
        column = USAGE_PREFIX + name
        try:
            number = _number(row.get(column))
        except (TypeError, ValueError):
            number = math.inf
        if number is not None:
            if not 0.0 <= number < math.inf:
                raise ValueError(
                    f"{column} is {_shown(row[column])}; it must be 0 or more, or empty"
                )
            found[name] = number
    return found


def _prompt(value: object) -> str:
    value = _plain(value)
    if isinstance(value, list | tuple):
        try:
            return Exchange.of(value, "").prompt
        except (KeyError, TypeError, ValueError):
            return _text(list(value))
    return _text(value)


def _alternatives(row: Row, response: str) -> tuple[str, ...]:
    """The other answers, or the samples of recorded data, apart from the response itself."""
    texts = _texts(row["alternatives"] if "alternatives" in row else row.get("samples"))
    counted = Counter(text for text in texts if _folded(text) not in ("", _folded(response)))
    return tuple(text for text, _ in counted.most_common())


def _texts(value: object) -> list[str]:
    value = _from_json(_plain(value))
    if isinstance(value, list | tuple):
        return [_text(each) for each in value]
    return [value] if isinstance(value, str) and value else []


def _from_json(value: object) -> Any:
    """Unpacks what a CSV file can only hold as JSON text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _text(value: object) -> str:
    value = _plain(value)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    """A value without the wrappers of numpy, and `None` for what data frames hold for nothing."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return None if value != value else value


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _shown(value: object) -> str:
    """What an error may show of a value: a number, but no text, which may be an answer."""
    if isinstance(value, int | float):
        return repr(value)
    return "text" if isinstance(value, str) else f"a {type(value).__name__}"
