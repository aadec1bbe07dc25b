"""The prompt that the answers reply to."""

import re
from collections.abc import Iterable, Mapping, Set

from nemoguardrails_trust.agreement import (
    choices,
    function_words,
    identifiers,
    measures,
    polarity,
    text,
)
from nemoguardrails_trust.agreement.lazy import lazy
from nemoguardrails_trust.agreement.phrases import words_of
from nemoguardrails_trust.agreement.words import stem

_TEX = re.compile(r"\$[^$\n]{0,200}?(?:\\[a-z]|[\^=_])|\$-?\d*[a-z]\$")
_ONE = re.compile(r"(?<![\d.,])1(?![\d.,]*\d)|\bfirst\b")
_ONE_AS_WRITTEN = re.compile(r" one\b")
_STARTS_WITH_CAPITAL = re.compile(r"\W*[A-Z]")
_SMALL_WORD = re.compile(r"(?<![\w'’])[a-z][a-z-]+")
_OR = (
    " or ", "還是", "还是", "それとも", "아니면", " oder ", " ou ", " o ", " или ", " eller ",
    " veya ", " yoksa ",
)  # fmt: skip
_PAUSE = re.compile("[,:;?]")
_PRICES = text.word_set(
    "fee fees cost costs price prices charge charges charged pay paid kosten kostet"
    " preis preise gebuhr cuesta cuestan precio cout coute coutent prix costa costano custa prezzo"
    " preco стоит стоимость цена kosztuje cena kost prijs fiyat fiyati 价 钱 얼마예요"
)
_WHETHER_IT_COSTS = re.compile(
    r"\b(?:is|are) there (?:an? |any )?(?:\w+ ){0,3}(?:fees?|charges?|costs?)\b"
    r"|\b(?:does|do|will) .{1,60}\bcosts? (?:anything|extra|money)\b"
)
_FREE = text.word_set("free complimentary kostenlos gratis frei gratuit gratuite gratuito gratuita")
_SEVERAL = re.compile(
    r"\b(?:which|what (?:are|were)|name|list)(?: (?:are|were|all|other|two|three|four|five|main)"
    r"(?: the)?)? (?!(?:is|was|does|species|series|means|s)\b)[a-z]{2,}[^su\W\d]s\b"
    r"(?! (?:is|was|has|does)\b)"
)
_AMOUNTS = frozenset(("many", "much", "long", "old", "far", "often"))
_ASKING = text.word_set("what who whom whose which when where why")
_ORDERING = text.word_set(
    "order ordered rank ranked sort sorted ascending descending sequence coordinates"
)


class Question:
    """The prompt that the answers reply to."""

    def __init__(self, prompt: str) -> None:
        # Not in a name: `Act One`.
        self._says_one = " one" in prompt and _ONE_AS_WRITTEN.search(prompt) is not None
        self.circles = "①" in prompt and "②" in prompt
        if self.circles:
            prompt = choices.uncircled(prompt, in_lines=True)
        self._written = prompt
        lettered = choices.lettered(prompt)
        self.numbers_options = lettered is not None
        prompt = prompt if lettered is None else lettered
        folded = text.fewer_words(text.fold(text.window(prompt)))
        self.folded = measures.in_english(folded)

    @lazy
    def in_order(self) -> list[str]:
        """Its words in order, numbers in digits; the `one` of `a new one` is none."""
        words = words_of(self.folded)
        if self._says_one and "1" in words and _ONE.search(self.folded) is None:
            return ["one" if word == "1" else word for word in words]
        return words

    @lazy
    def words(self) -> frozenset[str]:
        """Its words, numbers in digits."""
        return frozenset(self.in_order)

    @lazy
    def asks_for_a_year(self) -> bool:
        """Whether it asks when something was."""
        return not self.words.isdisjoint(("when", "year"))

    @lazy
    def asks_for_a_price(self) -> bool:
        """Whether it asks what something costs."""
        return not self.words.isdisjoint(_PRICES)

    @lazy
    def asks_whether_free(self) -> bool | None:
        """Whether it asks if something is free, or if there is a charge; `None` for neither."""
        if not self.asks_yes_or_no:
            return None
        if _WHETHER_IT_COSTS.search(self.folded):
            return False
        return None if _FREE.isdisjoint(self.words) else True

    @lazy
    def stems(self) -> frozenset[str]:
        """Its words without their endings."""
        return frozenset(map(stem, self.words))

    @lazy
    def function_words(self) -> Set[str]:
        """The stems of words that say nothing in its language, where that is not English."""
        return frozenset(map(stem, function_words.function_words(self.words)))

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is in another language than English."""
        return bool(self.function_words)

    @lazy
    def left_out(self) -> Set[str]:
        """The stems of words that say nothing new in an answer."""
        return self.stems | self.function_words

    @lazy
    def in_small_letters(self) -> frozenset[str]:
        """The stems of its words that are no names, where it is written with capitals at all."""
        written = text.window(self._written)
        if not _STARTS_WITH_CAPITAL.match(written):
            return frozenset()
        return frozenset(
            stem(word) for word in _SMALL_WORD.findall(written) if word not in text.STOP_WORDS
        )

    @lazy
    def content(self) -> frozenset[str]:
        """Those of its words that mean something, without their endings."""
        return frozenset(stem(word) for word in self.words if word not in text.STOP_WORDS)

    @lazy
    def mathematical(self) -> bool:
        """Whether it is written with formulas, so that letters in answers are variables."""
        return "$" in self.folded and bool(_TEX.search(self.folded))

    @lazy
    def asks_yes_or_no(self) -> bool:
        """Whether it asks for yes or no."""
        return polarity.is_yes_no_question(self.folded)

    @lazy
    def may_ask_yes_or_no(self) -> bool:
        """Whether it may ask so in another language than English."""
        return "?" in self.folded[-3:] and function_words.may_ask_yes_or_no(self.words)

    @lazy
    def asks_for_something(self) -> bool:
        """Whether it asks who, what or why, so that no yes or no answers it."""
        return not (self.asks_yes_or_no or self.words.isdisjoint(_ASKING))

    @lazy
    def offers_choices(self) -> bool:
        """Whether it lists answers with letters, as in `A) Paris B) London`."""
        return choices.offers_choices(self.folded)

    @lazy
    def letters_offered(self) -> frozenset[str]:
        """Those letters, in lower case."""
        return choices.letters_offered(self.folded)

    @lazy
    def options(self) -> Mapping[str, str]:
        """What stands behind each of those letters, folded."""
        return choices.options(self.folded)

    @lazy
    def asks_for_identifier(self) -> bool:
        """Whether it asks for digits that are a name, as a version or a code."""
        return identifiers.asks_for_identifier(self.words)

    @lazy
    def asks_for_a_formula(self) -> bool:
        """Whether it is about chemistry, so that capitals tell symbols apart."""
        return identifiers.asks_for_a_formula(self.words)

    @lazy
    def asks_for_call(self) -> bool:
        """Whether it may ask for a number to call, or that of an account."""
        return identifiers.asks_for_call_number(self.words)

    @lazy
    def alternatives(self) -> tuple[frozenset[str], frozenset[str]] | None:
        """What it leaves to choose from: the words next to its last `or`, without endings."""
        offered = [word for word in _OR if word in self.folded]
        if not offered:
            return None
        start, word = max((self.folded.rfind(word), word) for word in offered)
        before, after = self.folded[:start], self.folded[start + len(word) :]
        left, right = (
            frozenset(stem(word) for word in words if word not in text.STOP_WORDS)
            for words in (
                text.tokens(_PAUSE.split(before[-60:])[-1])[-3:],
                text.tokens(after[:60])[:3],
            )
        )
        return (left - right, right - left) if left - right and right - left else None

    def picked(self, words: Iterable[str]) -> int | None:
        """Which of its two alternatives words name first, 1 or 2."""
        if self.alternatives is None:
            return None
        left, right = self.alternatives
        return next((1 if word in left else 2 for word in words if word in left | right), None)

    @lazy
    def asks_for_several(self) -> bool:
        """Whether it asks for several things: `Which countries border it?`."""
        return _SEVERAL.search(self.folded) is not None

    @lazy
    def asks_how(self) -> bool:
        """Whether it asks how something is done."""
        return not self.words.isdisjoint(("how", "steps")) and self.words.isdisjoint(_AMOUNTS)

    @lazy
    def asks_for_order(self) -> bool:
        """Whether the order of a list matters to it."""
        return not self.words.isdisjoint(_ORDERING)
