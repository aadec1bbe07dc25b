"""Rows that have scores, as `nemo-trust score` writes them or as recorded data has them."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from nemoguardrails_trust.datasets.rows import EVALUATION_PREFIX, SCORE, USAGE, Row
from nemoguardrails_trust.exchange.values import plain, to_json, unpacked
from nemoguardrails_trust.scores import number_of

LABEL = "correct"
"""The column that says whether an answer is right, unless told otherwise."""

SIGNAL_PREFIX = "signal_"
USAGE_PREFIX = "usage_"

LABELS_ALLOWED = (
    "1 or 0, true or false, yes or no, right or wrong, correct or incorrect, pass or fail, ✓ or ✗"
)

# What spreadsheets in other languages make of true and false, and people of yes and no.
_TRUE_ABROAD = (
    *("wahr", "vrai", "verdadero", "vero", "verdadeiro", "waar", "prawda", "истина"),
    *("ja", "oui", "sí", "si", "sì", "sim", "tak", "да", "richtig"),
)
_FALSE_ABROAD = (
    *("falsch", "faux", "falso", "onwaar", "fałsz", "ложь"),
    *("nein", "non", "não", "nee", "nie", "нет"),
)
_PASSED = ("pass", "passed", "✓", "✔", "✔️", "✅", "👍")
_FAILED = ("fail", "failed", "✗", "✘", "✖", "✖️", "❌", "👎")
_RIGHT = frozenset({"1", "true", "t", "yes", "y", "right", "correct", *_PASSED, *_TRUE_ABROAD})
_WRONG = frozenset({"0", "false", "f", "no", "n", "wrong", "incorrect", *_FAILED, *_FALSE_ABROAD})
_LABEL_SHOWN = 30  # characters; longer text is no label, and may be an answer


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """The numbers of a row that has been scored.

    Attributes:
        score: The trustworthiness score, 0 to 1; `None` where it could not be had.
        correct: Whether the answer is right; `None` where that is not known.
        signals: The measurements behind the score, 0 to 1, by name; and evaluations, by
            `evaluation_` and theirs.
        usage: What the score cost, by `calls`, `samples` and so on; what is not known is left out.
        error: Why there is no score, or which signals are missing from it; else empty.
    """

    score: float | None
    correct: bool | None = None
    signals: Mapping[str, float | None] = field(default_factory=dict)
    usage: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def measured(self) -> dict[str, float | None]:
        """The signals that the score was made of: all but the evaluations."""
        return {
            name: value
            for name, value in self.signals.items()
            if not name.startswith(EVALUATION_PREFIX)
        }


def read_scored(row: Row, *, score_column: str = SCORE) -> ScoredRow:
    """Reads the numbers of a row, without its label; a column that is not there counts as empty.

    Args:
        row: The row, by column.
        score_column: The trustworthiness score, 0 to 1, or empty.

    Raises:
        ValueError: A score or a signal is not a number from 0 to 1.
    """
    return ScoredRow(
        score=_share(score_column, row.get(score_column)),
        signals=_signals(row),
        usage=_usage(row),
        error=as_text(row.get("error")),
    )


def read_label(value: object, column: str = LABEL) -> bool | None:
    """Reads whether an answer is right, as a number, a truth value or a word in any case.

    Returns:
        `None` where there is nothing.

    Raises:
        ValueError: It is none of the labels that are allowed, which the message lists.
    """
    value = plain(value)
    if value is None or isinstance(value, bool):
        return value
    is_label = isinstance(value, str | int | float | Decimal)
    word = str(value).strip().casefold() if is_label else "?"
    if not word:
        return None
    if word not in _RIGHT | _WRONG:
        # "1.0" is what becomes of 1 where some labels are missing, and "1,0" where commas are.
        word = {0.0: "0", 1.0: "1"}.get(number_of(word.replace(",", ".")), word)
    if word in _RIGHT:
        return True
    if word in _WRONG:
        return False
    shown = repr(value) if isinstance(value, str) and len(value) <= _LABEL_SHOWN else _shown(value)
    raise ValueError(f"{column} is {shown}; it must be {LABELS_ALLOWED}")


def as_text(value: object) -> str:
    """A value as people read it: text as it stands, nothing as nothing, the rest as JSON."""
    value = plain(value)
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value)


def _share(name: str, value: object) -> float | None:
    if isinstance(value, str) and "." not in value:
        value = value.replace(",", ".")  # as spreadsheets write it in many countries
    number = _number(value)
    if number is not None and not 0.0 <= number <= 1.0:
        raise ValueError(f"{name} is {_shown(value)}; it must be a number from 0 to 1, or empty")
    return number


def _number(value: object) -> float | None:
    """A number; `None` where a file says that there is none, and infinity for what is none."""
    if value is None or value == "":
        return None
    try:
        number = math.inf if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.inf
    return None if math.isnan(number) else number


def _signals(row: Row) -> dict[str, float | None]:
    prefixes = (SIGNAL_PREFIX, EVALUATION_PREFIX)
    names = [name for name in row if isinstance(name, str) and name.startswith(prefixes)]
    found = {
        name.removeprefix(SIGNAL_PREFIX): _share(name, row[name])
        for name in names
        if name.startswith(SIGNAL_PREFIX)
    }
    for name in names:
        if name.startswith(EVALUATION_PREFIX):
            with suppress(ValueError):  # a column of the user's own that is merely called so
                found[name] = _share(name, row[name])
    together = unpacked(row.get("signals"))
    if isinstance(together, Mapping):
        for name, value in together.items():
            number = value.get("value") if isinstance(value, Mapping) else value
            found[str(name)] = _share(f"signal {name}", number)
    return found


def _usage(row: Row) -> dict[str, float]:
    found = {}
    for name in USAGE:
        column = USAGE_PREFIX + name
        if (number := _number(row.get(column))) is not None:
            if not 0.0 <= number < math.inf:
                raise ValueError(
                    f"{column} is {_shown(row[column])}; it must be 0 or more, or empty"
                )
            found[name] = number
    return found


def _shown(value: object) -> str:
    """What an error may show of a value: a number, but no text, which may be an answer."""
    if isinstance(value, int | float):
        digits = repr(value)
        return digits if len(digits) <= _LABEL_SHOWN else "a number of many digits"
    return "text" if isinstance(value, str) else f"a {type(value).__name__}"
