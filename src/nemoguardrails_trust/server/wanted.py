"""What a client wants of a score: its options, translated into the library's."""

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nemoguardrails_trust.errors import MissingDependencyError, SettingsError
from nemoguardrails_trust.scorers.base import PRESETS, QualityPreset
from nemoguardrails_trust.server.bodies import MOST_EVALS
from nemoguardrails_trust.server.settings import LONGEST_REQUEST
from nemoguardrails_trust.server.unfit import told_of_errors
from nemoguardrails_trust.signals.reflection import TASKS, Task
from nemoguardrails_trust.signals.sentences import require_splitter
from nemoguardrails_trust.tlm.options import TLMOptions, read_options

_DEFAULT_QUALITY: QualityPreset = "medium"
_LOGGED = ("explanation", "perplexity", "claims")
FIELDS = "per_field_score"
"""In `log`: the scores of the fields of a JSON response."""
_PLAIN = (str, int, float, type(None))
_REMEMBERED_LENGTH = 1000
_MOST_NOTED = 10  # of what is unknown: a request must not make an answer of its own size

OPTIONS = frozenset(TLMOptions.model_fields) | {"max_timeout", "model_provider"}
"""The options of TLM, as distinct from what stands beside them in some requests."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client wants of one request."""

    model: str | None  # the name that it sent
    quality: QualityPreset
    task: Task
    options: TLMOptions  # without the model and the reasoning effort
    reasoning_effort: str | None
    log: frozenset[str]  # what the answer's `log` is to hold
    has_trustworthiness: bool
    seconds: float | None  # for which it waits, if it says so
    notes: tuple[str, ...]  # what is not done as it asked


def read_wanted(
    quality: str | None, given: Mapping[str, Any] | None, task: str | None = None
) -> Wanted:
    """Translates a client's preset, options and task.

    Options that are unknown, or that nothing here depends on, are noted and not refused: newer
    and hand-written clients send them.

    Raises:
        SettingsError: A value cannot be honoured. The message names the option.
    """
    if all(isinstance(value, _PLAIN) for value in (given or {}).values()):
        text = json.dumps(given or {})
        if len(text) <= _REMEMBERED_LENGTH and len(quality or "") <= _REMEMBERED_LENGTH:
            return _remembered(quality, text, _task(task))
    return _read(quality, given, _task(task))


@functools.lru_cache(maxsize=256)
def _remembered(quality: str | None, given: str, task: Task) -> Wanted:
    """What most clients want is what others have wanted before."""
    return _read(quality, json.loads(given), task)


def _task(sent: str | None) -> Task:
    for task in TASKS:
        if task == (sent or "default"):
            return task
    raise SettingsError(f"task is not one of {', '.join(TASKS)}", key="task")


def _read(quality: str | None, given: Mapping[str, Any] | None, task: Task) -> Wanted:
    if quality is not None and quality not in PRESETS:
        raise SettingsError(f"quality is not one of {', '.join(PRESETS)}", key="quality")
    chosen: QualityPreset = quality or _DEFAULT_QUALITY
    left = {name: value for name, value in (given or {}).items() if value is not None}
    if "model_provider" in left:
        raise refused_option(
            "model_provider", "is refused: the models are those of this server's settings"
        )
    notes: list[str] = []
    seconds = _seconds(left.pop("max_timeout", None))
    if "num_self_reflections" in left:
        left.pop("use_self_reflection", None)
    if left.pop("similarity_measure", None) is not None:
        notes.append("similarity_measure has no effect: answers are compared by what they say")
    log = _log(left, notes)
    unknown = sorted(set(left) - set(TLMOptions.model_fields))
    notes += _unknown("the option", unknown)
    for name in unknown:
        del left[name]
    criteria = left.get("custom_eval_criteria")
    if isinstance(criteria, list) and len(criteria) > MOST_EVALS:
        told = f"has {len(criteria)} entries; at most {MOST_EVALS} are allowed"
        raise refused_option("custom_eval_criteria", told)
    left["log"] = [name for name in log if name in _LOGGED]
    try:
        TLMOptions(**left)
    except ValidationError as error:  # which the library tells in the words of Python
        said = told_of_errors(error.errors(include_url=False), within="options")
        raise SettingsError(said, key=said.partition(":")[0]) from None
    options = read_options(left)
    options = _fitted(chosen, options, notes)
    return Wanted(
        model=options.model,
        quality=chosen,
        task=task,
        options=options.model_copy(update={"model": None, "reasoning_effort": None}),
        reasoning_effort=options.reasoning_effort,
        log=frozenset(log),
        has_trustworthiness=not options.disable_trustworthiness,
        seconds=seconds,
        notes=tuple(notes),
    )


def refused_option(name: str, told: str) -> SettingsError:
    """Why an option cannot be honoured."""
    return SettingsError(f"options.{name} {told}", key=f"options.{name}")


def _fitted(quality: QualityPreset, options: TLMOptions, notes: list[str]) -> TLMOptions:
    """The options, changed where they leave nothing to score with."""
    scores = options.reflections != 0 or options.samples(quality) or options.disable_trustworthiness
    if scores:
        return options
    notes.append("the model reflects anyway: there is nothing else to score with")
    return options.model_copy(update={"use_self_reflection": None, "num_self_reflections": None})


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise refused_option("max_timeout", "must be a number of seconds above 0")
    return float(min(value, LONGEST_REQUEST))  # an integer may be larger than any float


def _log(options: dict[str, Any], notes: list[str]) -> list[str]:
    asked = options.pop("log", ())
    if not isinstance(asked, list | tuple) or not all(isinstance(name, str) for name in asked):
        raise refused_option("log", "must be a list of names")
    known = (*_LOGGED, FIELDS)
    names = list(dict.fromkeys(asked))
    notes += _unknown("log", [name for name in names if name not in known])
    if "claims" in names:
        try:
            require_splitter()
        except MissingDependencyError as error:
            names.remove("claims")
            notes.append(f"no claims: {error}")
    return names


def _unknown(what: str, names: list[str]) -> list[str]:
    told = [f"{what} {name[:60]} is unknown to this server" for name in names[:_MOST_NOTED]]
    more = len(names) - len(told)
    return [*told, f"so are {more} more"] if more else told
