"""Whether the answer of a row is right: as a column says, or by a reference answer."""

import re
from abc import ABC, abstractmethod
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from nemoguardrails_trust.agreement.compare import SAME, agreement
from nemoguardrails_trust.datasets.columns import Columns, find_column, no_column
from nemoguardrails_trust.datasets.rows import (
    Row,
    RowContent,
    carried_name,
    read_content,
    read_texts,
    reading_row,
)
from nemoguardrails_trust.datasets.scored import LABEL, LABELS_ALLOWED, read_label
from nemoguardrails_trust.datasets.source import Source, UnreadableRow
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.values import plain, scalar_text

GOLDS = (
    *("gold", "gold_answer", "gold_answers", "reference", "reference_answer", "ground_truth"),
    *("expected", "expected_answer", "expected_output", "target", "ideal", "correct_answer"),
)

LABELS = (LABEL, "is_correct", "label", "right", "is_right", "passed")
_STANCES = ("yes", "no")
_NUMBER = re.compile(r"[\W\d_]*")


class Labels(ABC):
    """Where it stands whether an answer is right.

    Attributes:
        column: The column that is read.
        option: The option by which people choose that column.
    """

    column: str
    option: ClassVar[str]

    def require(self, row: Row) -> None:
        """Makes sure, before anything is paid for, that the row can be labelled.

        Raises:
            DataError: It cannot; the message says why.
        """
        self.read(row)

    @abstractmethod
    def read(self, row: Row) -> bool:
        """Whether the answer of the row is right.

        Raises:
            DataError: It cannot be told.
        """

    @abstractmethod
    def written(self, added: Container[str]) -> "Labels":
        """The same, in the file of the scored rows, which adds columns."""


@dataclass(frozen=True, slots=True)
class ColumnLabels(Labels):
    """Labels that stand in a column."""

    column: str = LABEL
    option = "--label-column"

    def read(self, row: Row) -> bool:
        """See `Labels.read`."""
        if isinstance(row, UnreadableRow):
            raise row.problem
        try:
            correct = read_label(row.get(self.column), self.column)
        except ValueError as error:
            raise DataError(str(error)) from None
        if correct is None:
            raise DataError(f"has no {self.column!r}, which must be {LABELS_ALLOWED}")
        return correct

    def written(self, added: Container[str]) -> "ColumnLabels":
        """See `Labels.written`."""
        return replace(self, column=carried_name(self.column, added))


@dataclass(frozen=True, slots=True)
class GoldLabels(Labels):
    """Labels by comparing each answer with its reference answer.

    Attributes:
        column: Where the reference answer is, or several of which any will do.
        columns: Where the question is, and the answer.
    """

    column: str
    columns: Columns
    option = "--gold-column"

    def require(self, row: Row) -> None:
        """See `Labels.require`."""
        self._content(row)

    def read(self, row: Row) -> bool:
        """See `Labels.read`. Where there is no answer, there is no right one."""
        content, golds = self._content(row)
        asked = content.messages[-1].content
        return any(is_right(content.response or "", gold, asked) for gold in golds)

    def written(self, added: Container[str]) -> "GoldLabels":
        """See `Labels.written`."""
        asked, given = self.columns.prompt, self.columns.response or "response"
        columns = Columns(carried_name(asked, added), carried_name(given, added), None)
        return GoldLabels(carried_name(self.column, added), columns)

    def _content(self, row: Row) -> tuple[RowContent, Sequence[str]]:
        with reading_row():
            content = read_content(row, self.columns)
            value = plain(row.get(self.column))
            text = None if value is None or isinstance(value, str) else scalar_text(value)
            found = read_texts(row, self.column) if text is None else (text,)
        golds = [gold for gold in found if gold.strip()]
        if not golds:
            raise DataError(f"has no {self.column!r}, the reference answer")
        return content, golds


def find_labels(source: Source, chosen: str | None) -> ColumnLabels:
    """Settles which column says whether answers are right.

    Args:
        source: The rows.
        chosen: The user's choice; `None` takes the one with a name of `LABELS`, else `correct`.

    Raises:
        DataError: Which of several it is cannot be told.
    """
    return ColumnLabels(chosen or find_label_column(source.columns, path=source.name) or LABEL)


def find_label_column(present: Sequence[str], *, path: str | None) -> str | None:
    """The column that says whether answers are right, by its usual names.

    Args:
        present: The columns that there are.
        path: The file, for errors.

    Returns:
        Its name; `None` where there is no such column.

    Raises:
        DataError: Which of several it is cannot be told.
    """
    return find_column(present, None, LABELS, ColumnLabels.option, path=path)


def told_labels(column: str) -> str | None:
    """What people are to be told of a column of labels; nothing if it has the usual name."""
    return None if column == LABEL else f"reading labels from {column!r}"


def find_gold(source: Source, chosen: str | None) -> str:
    """Settles which column holds the reference answers.

    Raises:
        DataError: It is not there, or which of several it is cannot be told.
    """
    option = GoldLabels.option
    found = find_column(source.columns, chosen, GOLDS, option, path=source.name)
    if found is None:
        raise no_column(source.columns, "gold", option, source.name)
    return found


def is_right(answer: str, gold: str, question: str) -> bool:
    """Whether an answer says what the reference answer says, or names it within a sentence.

    A number is not looked for within a sentence, where there may be others: it has to be what the
    sentence comes to. Where there is one reference answer to a question, a few right answers count
    as wrong.
    """
    found = agreement(answer, gold, prompt=question)
    if _NUMBER.fullmatch(gold) or (found.settled and found.value >= SAME):
        return found.value >= SAME
    words, wanted = _words(answer), _words(gold)
    if len("".join(wanted)) == 1 or any(
        agreement(gold, stance).value >= SAME for stance in _STANCES
    ):
        return False  # a letter or a yes is in many a sentence that does not say it
    places = range(len(words) - len(wanted) + 1)
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in places)


def _words(text: str) -> list[str]:
    plain_text = "".join(letter if letter.isalnum() else " " for letter in text.casefold())
    return plain_text.split()
