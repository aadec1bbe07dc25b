"""An answer as it is compared: its names, its terms, and the value that it gives."""

import re
from collections.abc import Mapping, Sequence

from nemoguardrails_trust.agreement import (
    choices,
    clocks,
    dates,
    expressions,
    formulas,
    identifiers,
    latex,
    mathematics,
    names,
    namesakes,
    pairs,
    polarity,
    prices,
    quantities,
    refusals,
    structures,
    text,
    units,
)
from nemoguardrails_trust.agreement.lazy import lazy
from nemoguardrails_trust.agreement.phrases import key_of_letters
from nemoguardrails_trust.agreement.terms import Said, own_words, parts_of_names, read_clause, weigh
from nemoguardrails_trust.agreement.words import Term, stem
from nemoguardrails_trust.agreement.written import WrittenAnswer

Value = dates.Date | formulas.Value

_MATHEMATICAL = re.compile(
    r"[\\^=<>≤≥√π∞±×÷]|[\d)}]\s*[-+*/]\s*[\d(a-z\\]|(?<![^\W\d_])[a-z](?:\s*\+|\s[-*/])\s*[\d(a-z]"
    r"|\d\(|\d,\s+[-\d]|^[\s$]*[-+]?[\[(].*[\])][\s$]*$"
)
_PLAIN_NUMBER = re.compile(r"[^\w\\(\[<>≤≥-]*+-?[$£€]?\s*+\d[\d.,]*+\s*+%?\W*+")
_RELATION = re.compile("[<>≤≥]|\\\\(?:le|ge|lt|gt|neq?)")
_WORD_OF_TWO = re.compile(r"(?<![\\a-z])[a-z]{2}")
_SUPERSCRIPT = re.compile("[²³⁴⁵⁶⁷⁸⁹⁰¹½⅓⅔¼¾]")
_SIGNS = re.compile("[-+*/^=<>≤≥±√|()\\[\\]!²³⁴⁵⁶⁷⁸⁹⁰¹]|\\\\(?:frac|sqrt)|(?<=\\d),(?=\\D)")
_PROSE = re.compile(
    r"(?<![\\a-z{])(?!sqrt)[a-z]{4,}|[^\W\da-z_]{4,}|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]{2,}"
)
_HEAD = re.compile(r"(?:;|(?<=[a-z%])\.(?=\s)|:\s|\s-+\s(?!\d)|,\s(?!\d)|\()")
_FIRST = re.compile(r"\w (?:first|second|third)\b(?! \w)")
_LONGEST_VALUE = 40
"""Words beyond which a text is prose and not one quantity or date."""


class Answer(WrittenAnswer):
    """One answer; everything about it is worked out when it is first asked for."""

    @lazy
    def names(self) -> Mapping[str, str]:
        """Its capitalised words as they stand among its words, each without its elided article."""
        return names.without_elisions(self.capitalised)

    @lazy
    def full_name(self) -> Sequence[str]:
        """The parts of the name that it is; empty where it is none."""
        return names.parts_of_name(self.final)

    @lazy
    def name_words(self) -> Sequence[str]:
        """The words of the name that it is, of whatever; empty where it is none."""
        return namesakes.name_words(self.final)

    @lazy
    def acronym(self) -> str:
        """Its letters, folded, where it is an acronym."""
        return names.acronym(self.final)

    @lazy
    def has_unit(self) -> bool:
        """Whether a number and the name of a unit stand in it."""
        return bool(self.numbers) and not units.UNITS.keys().isdisjoint(self.words)

    @lazy
    def moments(self) -> frozenset[str]:
        """Those of its words that name a day, a month or a span of them."""
        return text.MOMENTS.intersection(self.words)

    @lazy
    def poles(self) -> frozenset[str]:
        """Those of its words that have an opposite and mean little by themselves."""
        return polarity.POLE_WORDS.intersection(self.words)

    @lazy
    def formula(self) -> bool:
        """Whether the answer is written as mathematics, so that its signs matter."""
        if len(self.folded) > mathematics.LONGEST or _PROSE.search(self.folded):
            return False
        if "\n" in self.final and self.parts is not None:
            return False
        if self.question.mathematical and not _WORD_OF_TWO.search(self.folded):
            return True
        if _MATHEMATICAL.search(self.folded):
            years = self.pair is not None and self.pair.are_years
            return not years and dates.date(self.folded) is None  # may 17, 1990
        return _SUPERSCRIPT.search(self.final) is not None

    @lazy
    def key(self) -> tuple[str, ...]:
        """What is left when articles, titles and punctuation are gone; equal keys, equal answers.

        Of a formula its signs are kept.
        """
        words = text.without_ornaments(self.words)
        if self.formula:
            return (*words, *_SIGNS.findall(text.fold(self.final)), *_SIGNS.findall(self.final))
        return tuple(words) or (self.folded.strip() or self.final,)

    @lazy
    def joined(self) -> str:
        """The key without spaces between words: `hayfever`, `hay fever` and `hay-fever`."""
        joined = "".join(self.key)
        if not text.has_digits(joined):
            return joined
        return "".join([f" {word} " if text.is_number(word) else word for word in self.key])

    @lazy
    def value(self) -> Value | None:
        """The number, date or piece of mathematics that the answer gives."""
        if _PLAIN_NUMBER.fullmatch(self.folded):
            return self._quantity_or_date()
        if self.formula or "\\" in self.folded:
            found = formulas.value_of(
                self.folded, self.final, is_asked_for=self.question.mathematical
            )
            if found is not None:
                return found
            if _RELATION.search(self.folded):
                return None
        if self.numbers or self._time is not None:
            return self._quantity_or_date()
        if self.question.asks_for_a_price and prices.is_free(self.words):
            conditions = prices.conditions(self.words, self.question.stems)
            return None if conditions else quantities.exact(0)
        is_symbol = mathematics.may_be_symbol(self.final)
        return mathematics.read(self.final.lower()) if is_symbol else None

    @lazy
    def spaced_value(self) -> expressions.Group | None:
        """The value, when its spaces are taken for commas that got lost, as in `(1 2)`."""
        if "," in self.final or " " not in self.final.strip() or len(self.words) > _LONGEST_VALUE:
            return None
        spaced = mathematics.read(latex.spaces_as_commas(self.final.lower()))
        return spaced if isinstance(spaced, expressions.Group) else None

    @lazy
    def pair(self) -> pairs.Pair | None:
        """The range, ratio or result that the answer gives."""
        if self.question.mathematical:
            return None
        spelled = bool(self.numbers) and not self.has_digits
        return pairs.pair(" ".join(self.words) if spelled else self.folded)

    @lazy
    def _time(self) -> quantities.Quantity | None:
        """The time that it is."""
        return clocks.time_of_day(self.folded)

    def _quantity_or_date(self) -> Value | None:
        if self._time is not None:
            return self._time
        day = dates.date(self.folded)
        if day is not None and day.readings[0][1:] != (None, None):
            return day
        if len(self.words) > _LONGEST_VALUE or self._names_beside_asked_numbers:
            return None
        number = quantities.quantity(self.words)
        if number is not None:
            return number
        if _HEAD.search(self.folded):
            return day  # what follows a pause is no part of a quantity
        own = own_words(self.words, self.question.stems)
        return quantities.quantity(own) or dates.date(" ".join(own)) or day

    @property
    def _names_beside_asked_numbers(self) -> bool:
        """Whether its numbers are the prompt's, and it adds a name or tells what comes first."""
        if not self.question.words.issuperset(self.numbers):
            return False
        is_first = not self.has_digits and _FIRST.search(self.folded) is not None
        return is_first or any(map(self.names_anew, self.words))

    def names_anew(self, word: str) -> bool:
        """Whether a word of it is a name that the prompt does not hold."""
        named = word in self.capitalised and word not in text.STOP_WORDS
        return named and stem(word) not in self.question.stems

    @lazy
    def leading_value(self) -> Value | None:
        """The value, or that of what stands before the first pause: `Two, one on each side`."""
        if self.value is not None or not self.numbers:
            return self.value
        head = _HEAD.split(self.folded, maxsplit=1)[0]
        if len(head) == len(self.folded):
            return None
        words = self.words_of_part(head)
        return quantities.quantity(words) or dates.date(head)

    @lazy
    def declines(self) -> bool:
        """Whether it only declines to answer, or says that it does not know."""
        return refusals.is_refusal(self.folded, self.words, self.sentences)

    @lazy
    def stance(self) -> bool | None:
        """Whether the answer is a yes or a no; `None` where it is neither."""
        said = self.said_stance
        if said is not None or not self.question.asks_yes_or_no:
            return said
        asked = self.question.asks_whether_free
        free = None if asked is None else prices.costs_nothing(self.words, self.question.stems)
        return self.implied_stance if free is None else free == asked

    @lazy
    def said_stance(self) -> bool | None:
        """The yes or no that it says in so many words."""
        return polarity.stance(self.folded, self.words)

    @lazy
    def implied_stance(self) -> bool | None:
        """Whether it says yes or no by repeating the question as a statement."""
        first = next(iter(self.clauses), "")
        return polarity.implied_stance(self.words_of_part(first), self.question.in_order)

    @lazy
    def choice(self) -> choices.Choice | None:
        """The letters of a multiple-choice answer, also where it gives an option's text."""
        offered = self.question.offers_choices
        found = choices.read_choice(self.folded, self.final, offered=offered)
        if found is None and offered:
            letters = choices.letters_of_texts(self.folded, self.question.options)
            found = choices.Choice(letters) if letters else None
        return found

    @lazy
    def identifiers(self) -> frozenset[str]:
        """The versions, addresses and codes in it, as they are written."""
        return identifiers.identifiers(self.final, asked=self.question.asks_for_identifier)

    @lazy
    def addresses(self) -> frozenset[str]:
        """The addresses of pages, mailboxes and files in it, and the options of commands."""
        if self.question.mathematical:
            return frozenset()
        return identifiers.addresses(self._read)

    @lazy
    def call_numbers(self) -> frozenset[str]:
        """The digits of telephone numbers and accounts in it, where the prompt may ask for one."""
        if not (self.question.asks_for_call and text.has_digits(self.final)):
            return frozenset()
        return identifiers.call_numbers(self.final)

    @lazy
    def parts(self) -> list[str] | None:
        """The items of a list, as they stand in the text."""
        final = text.without_asides(self.final)
        return structures.list_items(final, elsewhere=self.question.is_elsewhere)

    @lazy
    def enumerates(self) -> bool:
        """Whether it is a list of several things, and not one thing such as `Paris, France`."""
        return structures.enumerates(self.final, elsewhere=self.question.is_elsewhere)

    @lazy
    def items(self) -> list[str] | None:
        """The items of a list, each brought to its key."""
        if self.parts is None:
            return None
        keys = (key_of_letters(part, self.question.words) for part in self.parts)
        return [
            " ".join(Answer(part, self.question).key if key is None else key)
            for part, key in zip(self.parts, keys, strict=True)
        ]

    @lazy
    def terms(self) -> dict[str, Term]:
        """The words that it adds to the prompt, in order."""
        return weigh(self._said, self.question.left_out)

    @lazy
    def picks(self) -> int | None:
        """Which of the prompt's two alternatives it names first, 1 or 2."""
        return self.question.picked(self.all_terms)

    @lazy
    def all_terms(self) -> dict[str, Term]:
        """All its words that mean something, in order."""
        said = weigh(self._said, self.question.function_words)
        return said or {word: Term(1.0, negated=False) for word in self.words}

    @lazy
    def parts_of_names(self) -> dict[str, Term]:
        """The prompt's words that are here a part of a name: `National Civil Liberty Museum`."""
        return parts_of_names(self._said, self.question.left_out, self.question.in_small_letters)

    @lazy
    def repeats(self) -> float:
        """The share of the prompt's words that it repeats."""
        asked = self.question.content
        return len(self.all_terms.keys() & asked) / max(1, len(asked))

    @lazy
    def _said(self) -> list[list[Said]]:
        """The words that mean something, by the sentence."""
        asked, capitalised = self.question.words, self.capitalised
        return [
            [
                said
                for words in map(self.words_of_part, self.clauses_of(sentence))
                for said in read_clause(
                    words, asked=asked, capitalised=capitalised, written=self.final
                )
            ]
            for sentence in self.sentences
        ]
