"""Which of the answers that a question offers with letters are chosen."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from nemoguardrails_trust.agreement.text import ARTICLES, word_set

_CHOICE = re.compile(
    r"(?:(?:option|choice|answer|letter)\s+)?[(\[]?([a-h])(?:[)\]:]+(?=\s|$).*|(\.?\s.*)|\.?)",
    re.DOTALL,
)
_OTHER_LETTERS = {
    **dict(zip("абвгдежз", "abcdefgh", strict=True)),
    **dict(zip("甲乙丙丁戊己庚辛", "abcdefgh", strict=True)),
    **dict(zip("あいうえおかきく", "abcdefgh", strict=True)),
    **dict(zip("אבגדהוזח", "abcdefgh", strict=True)),
    **dict(zip("αβγδεζηθ", "abcdefgh", strict=True)),
}
"""Letters of other scripts that options go by, folded."""
_CIRCLED = {ord(sign): f"({letter}) " for sign, letter in zip("①②③④⑤⑥⑦⑧", "ABCDEFGH", strict=True)}
_LETTERS = "ABCDEFGH"
_NUMBERED = re.compile(r"^[ \t]*\(?([1-8])[.):]+[ \t]+(\S.{0,200})$", re.MULTILINE)
_CHOOSING = re.compile(
    r"(?i)\b(?:pick|choose|select|options?|multiple[- ]choice|which (?:one|of|is)|answer with)\b"
)
_NUMBERED_ANSWER = re.compile(
    r"(?i)\W{0,4}(?:(?:the )?(?:option|answer|number|choice)(?: is)?:? ?)?\(?([1-8])"
    r"(?:[.):]+\s+(\S.{0,200})|\W{0,4})"
)
_OTHER_LABEL = re.compile(
    rf"(?:(?<=^)|(?<=[\n(\[])|(?<=\n ))([{''.join(_OTHER_LETTERS)}])([).:\]、][).:\]、]*)\s*"
)
_OTHER_ANSWER = re.compile(
    rf"^\W*(?:[^\W\d_]{{4,10}}:?\s)?([{''.join(_OTHER_LETTERS)}])(?:[).:\]、]+\s*(.*)|\W*)$",
    re.DOTALL,
)
_OFFERED = re.compile(r"(?:^|[\s(\[])([a-h])[).:\]]+\s")
_OPTION = re.compile(r"^\s*[(\[]?([a-h])[).:\]]+\s+(\S.{0,200})$", re.MULTILINE)
_LETTER_WORDS = word_set(
    """
    option options choice choices answer answers letter letters both and the are is correct
    or either antwort antworten reponse reponses respuesta risposta resposta ответ
    oder ou o oppure lub eller или vai und et y e i en och og и beide les deux ambos
    """
)
_HEDGES = word_set("or either oder ou o oppure lub eller или")
_TOKEN = re.compile(r"[^\W_]+")
_CAPITAL = re.compile(r"(?<![a-zA-Z\dÀ-ӿ'’])([A-H])(?![a-zA-Z\dÀ-ӿ'’])")
_DENIED = re.compile(r"(?i)n[o']t\b|\b(?:no|never|except|nicht|pas|non|не)\b")
_MOST_WORDS = 12
_MOST_WORDS_OF_TEXTS = 40
_ALL = frozenset(("all", "all of them", "all of above", "all of these", "all options"))
_NEGATING = frozenset(("not", "no", "except", "neither", "nor", "none", "never"))


class Choice(NamedTuple):
    """What is chosen.

    Attributes:
        letters: The letters, in order.
        hedged: Whether it leaves open which of them it is.
    """

    letters: str
    hedged: bool = False


def uncircled(text: str, *, in_lines: bool = False) -> str:
    """Puts letters for the circled numbers that options go by.

    Args:
        text: A prompt or an answer, as it is written.
        in_lines: Whether each option is to have a line of its own.
    """
    return text.translate({sign: "\n" * in_lines + letter for sign, letter in _CIRCLED.items()})


def lettered(prompt: str) -> str | None:
    """A prompt that offers numbered options in lines of their own, with letters for the numbers.

    `None` for another prompt, and for one whose options are numbers themselves.
    """
    if "\n1" not in prompt and "\n(1" not in prompt:
        return None
    lines = _NUMBERED.findall(prompt)
    numbers = [int(number) for number, _ in lines]
    if not 1 < len(lines) <= len(_LETTERS) or numbers != list(range(1, len(lines) + 1)):
        return None
    if any(option.strip(" .$%").isdecimal() for _, option in lines):
        return None
    if _CHOOSING.search(prompt) is None:
        return None
    return _NUMBERED.sub(lambda found: f"{_LETTERS[int(found[1]) - 1]}) {found[2]}", prompt)


def lettered_answer(answer: str) -> str:
    """An answer that gives an option's number, with its letter for it."""
    found = _NUMBERED_ANSWER.fullmatch(answer)
    if found is None:
        return answer
    letter = _LETTERS[int(found[1]) - 1]
    return f"{letter}) {found[2]}" if found[2] else letter


def offers_choices(folded_prompt: str) -> bool:
    """Whether a prompt lists answers with letters, as in `A) Paris B) London`."""
    return len(letters_offered(folded_prompt)) > 1


def letters_offered(folded_prompt: str) -> frozenset[str]:
    """The letters before the answers that a prompt lists."""
    return frozenset(_OFFERED.findall(_in_latin(folded_prompt)))


def options(folded_prompt: str) -> Mapping[str, str]:
    """What stands behind each letter, where each has a line of its own."""
    return {letter: option.strip() for letter, option in _OPTION.findall(_in_latin(folded_prompt))}


def _in_latin(folded_prompt: str) -> str:
    """The prompt with the Latin letter before each option that goes by one of another script."""
    if folded_prompt.isascii():
        return folded_prompt
    labels = _OTHER_LABEL.findall(folded_prompt)
    if len(labels) < 2:
        return folded_prompt
    return _OTHER_LABEL.sub(lambda found: f"{_OTHER_LETTERS[found[1]]}) ", folded_prompt)


def read_choice(folded: str, final: str, *, offered: bool) -> Choice | None:
    """Reads the letters that an answer chooses; `None` where it chooses by no letter.

    Args:
        folded: The answer, folded.
        final: The same with its capitals.
        offered: Whether the prompt offers letters; else only a bare one is taken for a choice.
    """
    bare = folded.strip().strip("{}$ *")
    if offered and not bare.isascii():
        other = _OTHER_ANSWER.match(bare)
        if other is not None:
            return Choice(_OTHER_LETTERS[other[1]])
    if offered:
        several = _letters_alone(bare) or _letters_with_texts(bare)
        if several is not None:
            return several
    found = _CHOICE.fullmatch(bare)
    if found is not None and (offered or not found[2]):  # A. Lincoln
        return Choice(found[1])
    return _letter_at_the_end(final) if offered else None


def letters_of_texts(folded: str, options: Mapping[str, str]) -> str:
    """The letters of the options whose texts make up an answer, or of the only one it names.

    Args:
        folded: The answer, folded.
        options: What stands behind each letter, folded.
    """
    words = _words(folded)
    if not options or not words or len(words) > _MOST_WORDS_OF_TEXTS:
        return ""
    texts = {letter: _words(option) for letter, option in options.items()}
    whole = [letter for letter, option in texts.items() if option == words]
    if len(whole) == 1:
        return whole[0]
    if " ".join(words) in _ALL:
        return "".join(sorted(options))
    named = [letter for letter, option in texts.items() if _stands_in(option, words)]
    # `Paris` does not stand by itself where `Paris and Rome` does.
    named = [
        letter
        for letter in named
        if not any(
            len(texts[other]) > len(texts[letter]) and _stands_in(texts[letter], texts[other])
            for other in named
        )
    ]
    rest = len(words) - sum(len(texts[letter]) for letter in named)
    if len(named) > 1 and rest > len(named):
        return ""  # it speaks of several, and perhaps chooses one
    if not _NEGATING.isdisjoint(words):
        return ""
    return "".join(sorted(named))


def _words(text: str) -> list[str]:
    return [word for word in _TOKEN.findall(text) if word not in ARTICLES]


def _stands_in(part: list[str], words: list[str]) -> bool:
    size = len(part)
    return bool(part) and any(
        words[place : place + size] == part for place in range(len(words) - size + 1)
    )


def _letters_alone(bare: str) -> Choice | None:
    """The letters of `A and C`, `AC` or `A or C`."""
    if len(bare) > 80:
        return None
    words = _TOKEN.findall(bare)
    left = [word for word in words if word not in _LETTER_WORDS]
    if len(left) == 1 and 1 < len(left[0]) <= 8 and list(left[0]) == sorted(set(left[0])):
        left = list(left[0])
    if len(left) < 2 or any(len(word) != 1 or not "a" <= word <= "h" for word in left):
        return None
    return Choice("".join(sorted(set(left))), not _HEDGES.isdisjoint(words))


def _letters_with_texts(bare: str) -> Choice | None:
    """The letters of `A) Paris and C) Rome`."""
    letters = set(_OFFERED.findall(bare))
    return Choice("".join(sorted(letters))) if len(letters) > 1 else None


def _letter_at_the_end(final: str) -> Choice | None:
    """The letter of `The answer seems to be A`, say."""
    letters = _CAPITAL.findall(final)
    is_last = letters and final.rstrip(" .!*)\"'")[-1:] == letters[-1]
    if not is_last or len(set(letters)) > 1 or len(final.split()) > _MOST_WORDS:
        return None
    return None if _DENIED.search(final) else Choice(letters[-1].lower())
