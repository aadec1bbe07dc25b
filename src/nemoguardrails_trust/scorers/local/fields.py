"""One request that judges the fields of a JSON response, each by itself."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.scorers.local.comparing import read_numbered
from nemoguardrails_trust.signals.reflection import asked_about

FIELDS_AT_ONCE = 20
"""The most fields that one request asks about."""

_NAME_LIMIT = 200
_TASK = (
    "The response is JSON. For each of these fields of it: how likely is it that its value is "
    "right, in percent, and why, in one short sentence?\n{names}\nReply with one JSON object and "
    'nothing else, as in {{"1": [90, "It stands there."], "2": [15, "The year is wrong."]}}, '
    "with the keys {keys}."
)


@dataclass(frozen=True, slots=True)
class FieldJudgement:
    """How likely the value of a field is right, 0 to 1, and why, if the judge says it."""

    value: float
    reason: str = ""


def fields_messages(exchange: Exchange, names: Sequence[str]) -> tuple[Message]:
    """The prompt that asks a judge about fields of a JSON response.

    Args:
        exchange: What to judge.
        names: The fields, which the prompt numbers from 1.
    """
    listed = "\n".join(
        f"{number}. {json.dumps(name[:_NAME_LIMIT])}" for number, name in enumerate(names, start=1)
    )
    keys = ", ".join(str(number) for number in range(1, len(names) + 1))
    task = _TASK.format(names=listed, keys=keys)
    return (asked_about(exchange, task),)


def read_fields(text: str, names: Sequence[str]) -> Mapping[str, FieldJudgement]:
    """What a judge says of fields; those that it did not rate as asked are left out.

    Raises:
        ValueError: Its reply is no JSON object, or rates none of them.
    """
    entries = read_numbered(text, len(names), what="judgement of fields")
    found = {names[place]: read for place, entry in entries.items() if (read := _read(entry))}
    if not found:
        raise ValueError("the judge's judgement of fields rates none of them")
    return found


def _read(entry: object) -> FieldJudgement | None:
    chance, reason = entry, ""
    if isinstance(entry, list) and 1 <= len(entry) <= 2:
        chance = entry[0]
        reason = entry[1] if len(entry) == 2 and isinstance(entry[1], str) else ""
    if isinstance(chance, bool) or not isinstance(chance, int | float):
        return None
    if not math.isfinite(chance) or not 0 <= chance <= 100:
        return None
    return FieldJudgement(chance / 100, " ".join(reason.split()))
