"""How likely the tokens of a row's response were, as people write it down."""

from collections.abc import Mapping
from typing import Any

from nemoguardrails_trust.datasets.rows import Row
from nemoguardrails_trust.errors import DataError, counted
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.exchange.values import unpacked
from nemoguardrails_trust.models.chat_answers import read_logprobs

LOGPROBS = "token_logprobs"
TOP_LOGPROBS = "top_logprobs"
TOKENS = "tokens"
_TOO_LARGE = 10**300  # for a float, or nearly so

Top = tuple[tuple[str, float], ...]


def read_tokens(row: Row) -> tuple[TokenLogprob, ...] | None:
    """Reads how likely the tokens of a response were.

    They stand in the column `token_logprobs`: natural logarithms, objects as servers give them
    (`{"token": …, "logprob": …, "top_logprobs": […]}`), or a whole `logprobs` of a server's
    answer. Beside numbers, the texts may stand in `tokens` and the alternatives in
    `top_logprobs`, one entry a token; a single entry there is that of the token that decides, as
    the letter of a multiple choice. Each may be JSON.

    Returns:
        The tokens; the texts of those that are not known are empty. `None` where the row has none.

    Raises:
        DataError: A column holds something else.
    """
    logprobs, tops = _value(row, LOGPROBS), _value(row, TOP_LOGPROBS)
    if isinstance(tops, int | float):  # how many were asked for
        tops = None
    if isinstance(logprobs, Mapping) and (found := read_logprobs(logprobs)) is not None:
        return found
    if logprobs is None:
        return None if tops is None else tuple(map(_likeliest, _tops(tops)))
    if not isinstance(logprobs, list):
        raise DataError(f"column {LOGPROBS!r} must be a list of numbers")
    tokens = [_token(entry) for entry in logprobs]
    listed = [()] * len(tokens) if tops is None else _tops(tops)
    if len(listed) != len(tokens) and len(listed) == 1:
        return (_likeliest(listed[0]),)
    texts = _texts(row, len(tokens))
    if len(listed) != len(tokens):
        raise DataError(
            f"column {TOP_LOGPROBS!r} has {counted(len(listed), 'entry')}, and "
            f"{LOGPROBS!r} has {len(tokens)}"
        )
    return tuple(
        TokenLogprob(
            token.token or text or _spelt(token.logprob, top), token.logprob, token.top or top
        )
        for token, text, top in zip(tokens, texts, listed, strict=True)
    )


def _value(row: Row, column: str) -> Any:
    value = unpacked(row.get(column))
    return None if value in ("", [], {}) else value


def _token(entry: Any) -> TokenLogprob:
    if not isinstance(entry, Mapping):
        return TokenLogprob("", _number(entry, LOGPROBS))
    text = entry.get("token")
    top = entry.get("top_logprobs")
    return TokenLogprob(
        text if isinstance(text, str) else "",
        _number(entry.get("logprob"), LOGPROBS),
        _top(top) if top else (),
    )


def _tops(value: Any) -> list[Top]:
    """The alternatives, token by token."""
    if isinstance(value, Mapping) or (isinstance(value, list) and _is_pair(value[0])):
        return [_top(value)]
    if not isinstance(value, list):
        raise DataError(
            f"column {TOP_LOGPROBS!r} must be a list, or an object of log-probabilities"
        )
    return [_top(entry) if entry else () for entry in value]


def _is_pair(value: Any) -> bool:
    """Whether something is one alternative: a token and its log-probability."""
    if isinstance(value, Mapping):
        return "token" in value and "logprob" in value
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _top(value: Any) -> Top:
    if isinstance(value, Mapping):
        pairs = [(str(text), logprob) for text, logprob in value.items()]
    elif isinstance(value, list) and all(map(_is_pair, value)):
        pairs = [
            (str(pair["token"]), pair["logprob"])
            if isinstance(pair, Mapping)
            else (pair[0], pair[1])
            for pair in value
        ]
    else:
        raise DataError(f"column {TOP_LOGPROBS!r} must contain tokens with their log-probabilities")
    return tuple((text, _number(logprob, TOP_LOGPROBS)) for text, logprob in pairs)


def _number(value: Any, column: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or abs(value) >= _TOO_LARGE:
        raise DataError(f"column {column!r} must be a list of numbers")
    return float(value)


def _texts(row: Row, count: int) -> list[str]:
    """The tokens' texts; empty ones where the column is not there, or of something else."""
    value = _value(row, TOKENS)
    listed = value if isinstance(value, list) else []
    texts = [text for text in listed if isinstance(text, str)]
    return texts if len(texts) == len(listed) == count else [""] * count


def _likeliest(top: Top) -> TokenLogprob:
    if not top:
        raise DataError(f"column {TOP_LOGPROBS!r} has a token without alternatives")
    text, logprob = max(top, key=lambda pair: pair[1])
    return TokenLogprob(text, logprob, top)


def _spelt(logprob: float, top: Top) -> str:
    """The text of a token that stands among its own alternatives."""
    near = [text for text, other in top if abs(other - logprob) < 1e-6]
    return near[0] if len(near) == 1 else ""
