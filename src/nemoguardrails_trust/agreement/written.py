"""An answer as it is written: its final answer, folded, and the words of that."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from nemoguardrails_trust.agreement import (
    choices,
    dates,
    identifiers,
    latex,
    measures,
    polarity,
    structures,
    text,
    units,
)
from nemoguardrails_trust.agreement.evidence import without_evidence
from nemoguardrails_trust.agreement.final_answer import final_answer
from nemoguardrails_trust.agreement.lazy import lazy
from nemoguardrails_trust.agreement.phrases import as_number, words_of, written_out
from nemoguardrails_trust.agreement.question import Question

_WORD = re.compile(r"[^\W_]")
_OF_PLAIN_PROSE: Mapping[str, Any] = MappingProxyType(
    {"structure": None, "identifiers": frozenset(), "call_numbers": frozenset()}
)
"""What is to be read in no text without digits and brackets, by its attribute."""


class WrittenAnswer:
    """What one answer says, word by word; each reading is made when it is first asked for."""

    def __init__(self, answer: str, question: Question) -> None:
        self.text = answer
        self.question = question
        self.blank = not answer or answer.isspace()
        self.cut = False  # until it is read: whether only the two ends of it are
        self.plain = text.is_plain_prose(answer)
        if self.plain:
            self.__dict__.update(_OF_PLAIN_PROSE)

    @lazy
    def structure(self) -> Any | None:
        """The JSON value, where the answer is one."""
        return structures.without_thoughts(structures.structure(self.text))

    @lazy
    def _read(self) -> str:
        """As much of the text as is read."""
        read = dates.days_in_full(text.window(self.text))
        if self.question.asks_for_identifier:
            read = identifiers.without_last_zero(read)
        if self.question.numbers_options:
            return choices.lettered_answer(read)
        return choices.uncircled(read) if self.question.circles else read

    @lazy
    def final(self) -> str:
        """The final answer of a longer text, or the whole text."""
        read = self._read.strip()
        final = final_answer(read)
        self.cut = len(self.text) > text.WINDOW and final == read
        return without_evidence(final)

    @lazy
    def folded(self) -> str:
        """The final answer without case, accents, asides in brackets, and the looks of LaTeX."""
        if self.plain or text.is_plain_prose(self.final):
            plain = self.final.lower()
            if not measures.may_be_reworded(plain):
                return plain  # nothing below would change it
        written = self.final if self.question.mathematical else units.in_full(self.final)
        whole = latex.clean_latex(text.fold(written)[: 2 * text.WINDOW])
        folded = text.fewer_words(whole)
        if len(folded) < len(whole):
            self.cut = True
        folded = measures.in_english(folded)
        if not self.question.mathematical:
            folded = written_out(folded)
        without_asides = text.without_asides(folded)
        if without_asides is folded or _WORD.search(without_asides):
            return without_asides
        return folded

    @lazy
    def words(self) -> list[str]:
        """Its words, numbers in digits."""
        words = self._words
        return as_number(words, self.question.words) if words else words

    @lazy
    def _words(self) -> list[str]:
        """The same, but a word that stands for a number as it is."""
        return words_of(self.folded)

    def words_of_part(self, part: str) -> list[str]:
        """The words of a part of the folded answer, which often is all of it."""
        if part == self.folded:
            return self.words
        if part == self.folded[:-1] and part.replace(" ", "").isalnum():
            return self._words  # the sign at the end is none of a number's or a word's
        return words_of(part)

    @lazy
    def capitalised(self) -> frozenset[str]:
        """Those of its words that begin with a capital letter, folded."""
        fold = str.lower if self.final.isascii() else text.fold
        return frozenset(map(fold, text.CAPITALISED.findall(self.final)))

    @lazy
    def has_digits(self) -> bool:
        """Whether any digit stands in it."""
        return text.has_digits(self.folded)

    @lazy
    def numbers(self) -> list[str]:
        """Its numbers, in digits."""
        return text.numbers(self.words)

    @lazy
    def sentences(self) -> list[str]:
        """Its sentences and lines, folded."""
        return polarity.sentences(self.folded)

    @lazy
    def clauses(self) -> list[str]:
        """Its parts over which a negation reaches, folded."""
        return polarity.clauses(self.folded)

    def clauses_of(self, sentence: str) -> list[str]:
        """Those of one of its sentences, which often is all of it."""
        return self.clauses if sentence == self.folded else polarity.clauses(sentence)
