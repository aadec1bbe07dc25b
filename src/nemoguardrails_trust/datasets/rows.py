"""One row of a data set: what is read from it to be scored, and what is written beside it."""

import hashlib
import json
import logging
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.given import with_given
from nemoguardrails_trust.datasets.source import UnreadableRow
from nemoguardrails_trust.errors import DataError, TrustError
from nemoguardrails_trust.exchange import (
    Message,
    ending_answer,
    read_messages,
    read_passages,
    read_response,
)
from nemoguardrails_trust.exchange.trees import in_row
from nemoguardrails_trust.exchange.values import (
    json_value,
    plain,
    scalar_text,
    unpacked,
    whole_text,
)
from nemoguardrails_trust.scorers.evaluations import evaluation_values
from nemoguardrails_trust.scores import TrustworthinessScore, Usage

_log = logging.getLogger(__name__)
# Made once: `json.dumps` makes one for each row.
_encode = json.JSONEncoder(separators=(",", ":"), default=json_value).encode

Row = Mapping[str, Any]

SCORE = "trustworthiness_score"
EVALUATION_PREFIX = "evaluation_"
CLAIMS = "claims"
"""Named among the signals, and its own column, where sentences have scores."""
_CARRIED = "input_"
USAGE = ("calls", "samples", "prompt_tokens", "completion_tokens", "seconds")
_AFTER_SIGNALS = ("explanation", "alternatives", "error", *(f"usage_{name}" for name in USAGE))

Kind = Literal["text", "texts", "number", "count", "claims"]
_KINDS: dict[str, Kind] = {
    "response": "text",
    "explanation": "text",
    "alternatives": "texts",
    CLAIMS: "claims",
    "error": "text",
    "usage_calls": "count",
    "usage_samples": "count",
    "usage_prompt_tokens": "count",
    "usage_completion_tokens": "count",
}


@dataclass(frozen=True, slots=True)
class RowContent:
    """What a row gives to score: an exchange whose response may still be to be made."""

    messages: tuple[Message, ...]
    response: str | None
    context: tuple[str, ...]
    from_chat: bool = False  # the answer was the last turn of the chat


def read_content(row: Row, columns: Columns) -> RowContent:
    """Reads what is to be scored from a row.

    Raises:
        DataError: The row has no prompt, or a value is of a kind that cannot be used.
    """
    if isinstance(row, UnreadableRow):
        raise row.problem
    prompt = _cell(row, columns.prompt)
    if prompt is None or (isinstance(prompt, str) and not prompt.strip()):
        raise DataError(f"the row has nothing in column {columns.prompt!r}")
    prompt = in_row(prompt, columns.prompt, row)
    messages = with_given(
        read_messages(prompt, what=f"column {columns.prompt!r}"), row, columns.given
    )
    response = None if columns.response is None else _cell(row, columns.response)
    if columns.blank_is_none and response == "":
        response = None
    if response is not None:
        response = read_response(response, what=f"column {columns.response!r}")
    context = None if columns.context is None else _cell(row, columns.context)
    passages = read_passages(context, what=f"column {columns.context!r}")
    asked, ending = ending_answer(messages, what=f"column {columns.prompt!r}")
    if ending is None or response not in (None, ending):
        return RowContent(messages, response, passages)
    if not asked:
        raise DataError(f"column {columns.prompt!r} has an answer but no question")
    if not ending.strip():
        return RowContent(asked, None, passages)
    return RowContent(asked, ending, passages, from_chat=response is None)


@contextmanager
def reading_row() -> Iterator[None]:
    """Whatever goes wrong within, while a row is read, is that row's error.

    Raises:
        TrustError: Something did.
    """
    try:
        yield
    except TrustError:
        raise
    except Exception as error:
        # What people bring is of more kinds than anyone foresees: one row never ends a run.
        _log.debug("a row could not be read", exc_info=True)
        raise DataError(f"the row cannot be read: {type(error).__name__}") from error


def _cell(row: Row, column: str) -> Any:
    """A value, in which a number or a date is text: a column of numbers is one of short answers."""
    value = plain(row.get(column))
    text = None if value is None else scalar_text(value)
    return value if text is None else text


def read_texts(row: Row, column: str) -> tuple[str, ...]:
    """Reads a column of texts: a list, the JSON of one, or one text; none where it is empty.

    Raises:
        DataError: It holds something else.
    """
    value = plain(row.get(column))
    if value is None or value == "":
        return ()
    listed = unpacked(value)
    texts = [scalar_text(plain(text)) for text in listed] if isinstance(listed, list) else [None]
    if None not in texts:
        return tuple(map(str, texts))
    if isinstance(value, str):
        return (value,)
    raise DataError(f"column {column!r} holds a {type(value).__name__} that is not a list of texts")


def fingerprint(row: Row) -> str:
    """A digest of all of a row's names and values, as 32 hex digits."""
    values: Any = list(row.items())
    if isinstance(row, UnreadableRow):
        values = [str(row.problem), row.raw]
    try:
        text = _encode(values)
    except (RecursionError, ValueError):  # nested without end: such a row is not scored anyway
        text = json.dumps([str(name) for name in row])
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class RowResult:
    """What scoring a row brought, as it is stored and written out.

    Attributes:
        score: 0 to 1; `None` where it could not be had.
        signals: The values of the signals by name, and of evaluations by `evaluation_` and theirs.
        explanation: Why the score is what it is.
        alternatives: Other answers the model gave, most frequent first.
        error: Why there is no score, or which signals are missing from it.
        usage: What the score cost, and the response where it was made.
        response: The response, where the row has no column with it: the last turn of the chat,
            or one that was made.
        made: Whether it was made.
        missing: Why signals have no value, by the signals' names.
        claims: The sentences that have scores, each with its `start`, `end` and `score`; `None`
            where they were not asked for.
        unreadable: Whether the row itself could not be used; not stored.
    """

    score: float | None
    signals: Mapping[str, float | None] = field(default_factory=dict)
    explanation: str | None = None
    alternatives: tuple[str, ...] = ()
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    response: str | None = None
    made: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[Mapping[str, Any], ...] | None = None
    unreadable: bool = False

    @classmethod
    def of(
        cls, score: TrustworthinessScore, *, response: str | None = None, made: bool = False
    ) -> "RowResult":
        """Takes from a score what a data set keeps of it."""
        evaluated, failed = evaluation_values(score.metadata)
        values = {name: signal.value for name, signal in score.signals.items()}
        return cls(
            score=score.score,
            signals=values | {EVALUATION_PREFIX + name: share for name, share in evaluated.items()},
            explanation=encodable(score.explanation),
            alternatives=tuple(map(encodable, score.alternatives)),
            error=encodable(score.error),
            usage=score.usage,
            response=encodable(response),
            made=made,
            missing={
                name: str(encodable(signal.error or "no reason given"))
                for name, signal in score.signals.items()
                if signal.value is None
            }
            | {EVALUATION_PREFIX + name: str(encodable(why)) for name, why in failed.items()},
            claims=None
            if score.claims is None
            else tuple(claim.to_json() for claim in score.claims),
        )

    @classmethod
    def unusable(cls, error: DataError) -> "RowResult":
        """The result of a row that cannot be used itself."""
        return cls(None, error=encodable(str(error)), unreadable=True)

    @property
    def failed(self) -> bool:
        """Whether there is no score."""
        return self.score is None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its signals, and `claims` where its sentences have scores."""
        return tuple(self.signals) if self.claims is None else (*self.signals, CLAIMS)

    def to_json(self) -> dict[str, Any]:
        """The result as JSON types, without the single calls."""
        told = {
            "score": self.score,
            "signals": dict(self.signals),
            "explanation": self.explanation,
            "alternatives": list(self.alternatives),
            "error": self.error,
            "usage": [getattr(self.usage, name) for name in USAGE],
            "response": self.response,
            "made": self.made,
            "missing": dict(self.missing),
        }
        return told if self.claims is None else {**told, CLAIMS: list(self.claims)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "RowResult":
        """The inverse of `to_json`."""
        listed = {name: tuple(stored[name]) for name in ("alternatives", CLAIMS) if name in stored}
        return cls(**{**stored, **listed, "usage": Usage(*stored["usage"])})

    def columns(self, signal_names: Iterable[str]) -> dict[str, Any]:
        """The columns that are written beside the row's own, the made response left out."""
        values: dict[str, Any] = {SCORE: self.score}
        values.update((column_of(name), self._value(name)) for name in signal_names)
        values["explanation"] = self.explanation
        values["alternatives"] = list(self.alternatives)
        values["error"] = self._told_error()
        values.update((f"usage_{name}", getattr(self.usage, name)) for name in USAGE)
        return values

    def _told_error(self) -> str | None:
        """The error of the score, and why evaluations have no value."""
        failed = [
            f"{name}: {why}"
            for name, why in self.missing.items()
            if name.startswith(EVALUATION_PREFIX)
        ]
        return "; ".join(filter(None, (self.error, *failed))) or None

    def _value(self, name: str) -> Any:
        if name == CLAIMS:
            return None if self.claims is None else list(self.claims)
        return self.signals.get(name)


def added_columns(signal_names: Iterable[str]) -> tuple[str, ...]:
    """The names of the columns that scoring adds, in the order in which they are written."""
    return (SCORE, *map(column_of, signal_names), *_AFTER_SIGNALS)


def column_of(signal: str) -> str:
    """The column in which a signal is written; an evaluation has one by its own name."""
    own = signal == CLAIMS or signal.startswith(EVALUATION_PREFIX)
    return signal if own else f"signal_{signal}"


def kind_of(column: str) -> Kind:
    """What a column that scoring adds holds."""
    return _KINDS.get(column, "number")


def carried_name(column: str, added: Container[str]) -> str:
    """The name under which an input column is written: its own, unless scoring adds that one.

    Then it is `input_` and its own. A column that has that name already gets another `input_`,
    so that no two columns are written under one name, whichever others there are.
    """
    bare = column
    while isinstance(bare, str) and bare not in added and bare.startswith(_CARRIED):
        bare = bare.removeprefix(_CARRIED)
    return f"{_CARRIED}{column}" if bare in added else column


def scored_row(
    row: Row, result: RowResult, columns: Columns, signal_names: Iterable[str] | None = None
) -> dict[str, Any]:
    """A row with all its own columns, a response that was made for it, and what scoring adds.

    Args:
        row: The row as it was read.
        result: What scoring it brought.
        columns: Which columns were read.
        signal_names: The signals of the whole data set; `None` takes the row's own.
    """
    values = result.columns(result.names if signal_names is None else signal_names)
    written = dict(row)
    if result.response is not None or columns.response is None:
        written[columns.response or "response"] = result.response
    return {carried_name(name, values): value for name, value in written.items()} | values


def encodable(value: Any) -> Any:
    """A value whose texts every format can hold: half a surrogate pair is not UTF-8."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, dict):
        return {encodable(name): encodable(inner) for name, inner in value.items()}
    return [encodable(inner) for inner in value] if isinstance(value, list | tuple) else value
