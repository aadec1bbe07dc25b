"""The options of multiple-choice data, which stand in columns of their own beside the question."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from nemoguardrails_trust.exchange.values import plain, scalar_text

COLUMNS = ("choices", "options", "answer_choices", "answer_options")
"""Names of columns that hold all the options."""

_SINGLE = ("option{}", "choice{}", "op{}", "{}")
_FEWEST_BARE = 3  # `A` and `B` alone may be anything
_LETTERS = string.ascii_uppercase
_LABELS = ("label", "labels", "key", "id", "letter")
_TEXTS = ("text", "texts", "value", "content", "option", "choice")

Option = tuple[str, str]
"""What it is called, and what it says."""


def single_columns(names: Mapping[str, str]) -> Sequence[str]:
    """The columns that hold one option each, as in MMLU (`A` to `D`) and WinoGrande (`option1`).

    Args:
        names: All columns, by their names in small letters without spaces and hyphens.
    """
    for form in _SINGLE:
        for signs in (_LETTERS.lower(), "123456789"):
            found = _first_of(names, form, signs)
            if len(found) >= (_FEWEST_BARE if form == "{}" else 2):
                return found
    return ()


def _first_of(names: Mapping[str, str], form: str, signs: str) -> list[str]:
    """The columns that are numbered so, up to the first number that is missing."""
    found: list[str] = []
    for sign in signs:
        name = names.get(form.format(sign))
        if name is None:
            break
        found.append(name)
    return found


def read_options(value: Any) -> list[Option]:
    """The options that a column holds; none where it holds anything else."""
    value = plain(value)
    if isinstance(value, Mapping):
        return _of_object(value)
    listed = [plain(inner) for inner in value] if isinstance(value, list | tuple) else []
    if listed and all(isinstance(inner, Mapping) for inner in listed):
        pairs = [(_first(inner, _LABELS), _first(inner, _TEXTS)) for inner in listed]
        labels = [label or letter for (label, _), letter in zip(pairs, _LETTERS, strict=False)]
        return _options(labels, [text for _, text in pairs])
    return _options(_LETTERS[: len(listed)], [scalar_text(inner) for inner in listed])


def with_options(question: str, options: Sequence[Option] | str) -> str:
    """A question with its options under it, unless it names them already.

    Args:
        question: It.
        options: They, or a text that lists them.
    """
    if isinstance(options, str):
        is_list = len(options.split()) > 1 and options.strip() not in question
        return f"{question}\n\n{options.strip()}" if is_list else question
    if len(options) < 2 or all(text in question for _, text in options):
        return question
    return "\n".join([f"{question}\n", *(f"{label}. {text}" for label, text in options)])


def _of_object(value: Mapping[str, Any]) -> list[Option]:
    """`{"text": […], "label": […]}`, as in ARC, or `{"A": …, "B": …}`."""
    texts = next((value[key] for key in _TEXTS if isinstance(plain(value.get(key)), list)), None)
    if texts is None:
        named = [(str(key), scalar_text(plain(inner))) for key, inner in value.items()]
        if any(len(key) > 2 for key, _ in named):
            return []  # settings, not options
        return _options([key for key, _ in named], [text for _, text in named])
    texts = [scalar_text(plain(text)) for text in plain(texts)]
    labels = plain(next((value[key] for key in _LABELS if value.get(key) is not None), None))
    if not isinstance(labels, list) or len(labels) != len(texts):
        labels = _LETTERS[: len(texts)]
    return _options([str(plain(label)) for label in labels], texts)


def _first(value: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    texts = (scalar_text(plain(value.get(key))) for key in keys)
    return next((text for text in texts if text is not None), None)


def _options(labels: Sequence[str], texts: Sequence[str | None]) -> list[Option]:
    if not texts or len(labels) != len(texts) or any(not (text or "").strip() for text in texts):
        return []
    return [
        (label.strip().rstrip(".):"), str(text).strip())
        for label, text in zip(labels, texts, strict=True)
    ]
