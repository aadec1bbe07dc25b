"""What people read of a row of results."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypedDict

from nemoguardrails_trust.datasets.columns import PROMPTS, RESPONSES, find_column, no_column
from nemoguardrails_trust.datasets.labels import find_label_column, told_labels
from nemoguardrails_trust.datasets.rows import SCORE, Row
from nemoguardrails_trust.datasets.scored import (
    LABEL,
    ScoredRow,
    as_text,
    read_label,
    read_scored,
)
from nemoguardrails_trust.datasets.source import UnreadableRow
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Exchange, read_messages
from nemoguardrails_trust.exchange.values import plain, unpacked


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what.

    Attributes:
        prompt: What was asked: text, or chat messages.
        response: The answer that was scored.
        score: The trustworthiness score, 0 to 1, empty where it could not be had.
        label: Whether the answer is right or wrong.
        is_label_guessed: Whether nobody chose the column of labels, and it has not the name that
            nothing else has: then it may hold something else, such as the kind of a question.
    """

    prompt: str = "prompt"
    response: str = "response"
    score: str = SCORE
    label: str = LABEL
    is_label_guessed: bool = False

    @classmethod
    def find(
        cls,
        present: Sequence[str],
        *,
        path: str | None,
        prompt_column: str | None = None,
        response_column: str | None = None,
        score_column: str = SCORE,
        label_column: str | None = None,
    ) -> Self:
        """Settles the columns of results, by the names under which they can be scored.

        Args:
            present: The columns that there are.
            path: The file, for the error.
            prompt_column: The user's choice; `None` takes the one with a usual name, if any.
            response_column: Likewise.
            score_column: The score's.
            label_column: The user's choice; `None` takes `correct` or another usual name, if any.

        Raises:
            DataError: A column that was chosen is not there, nor that of the score, or which of
                several is meant cannot be told.
        """
        exact = ((score_column, "--score-column"), (label_column, "--label-column"))
        for chosen, option in exact:
            if chosen is not None and chosen not in present:
                raise no_column(present, chosen, option, path)
        asked = find_column(present, prompt_column, PROMPTS, "--prompt-column", path=path)
        answer = find_column(present, response_column, RESPONSES, "--response-column", path=path)
        label = label_column or find_label_column(present, path=path) or LABEL
        is_guessed = label_column is None and label != LABEL
        return cls(asked or PROMPTS[0], answer or RESPONSES[0], score_column, label, is_guessed)


class ChosenColumns(TypedDict, total=False):
    """What the user says of the columns; `None` leaves one to be found."""

    prompt_column: str | None
    response_column: str | None
    score_column: str
    label_column: str | None


@dataclass(frozen=True, slots=True)
class Unread:
    """Rows of results in which something cannot be read.

    Attributes:
        rows: How many there are.
        first: What is wrong with the first, and where; empty if there is none.
    """

    rows: int = 0
    first: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What people are to be told: nothing, if there are none."""
        if self.rows == 0:
            return ()
        if self.rows == 1:
            return (f"1 row cannot be read in full: {self.first}",)
        return (f"{self.rows:,} rows cannot be read in full; the first: {self.first}",)


class ResultReader:
    """Reads the numbers of rows of results.

    A score or label that cannot be read is missing from its row, and the row's error says why.
    A column of labels that was guessed counts only if its first value is a label.
    """

    def __init__(self, columns: Columns, path: str | None) -> None:
        """Takes the columns, and the file for errors."""
        self._columns = columns
        self._path = path
        self._label: str | None = columns.label
        self._is_label_in_doubt = columns.is_label_guessed
        self._told_label: str | None = None
        self._unread = Unread()
        self._usable: Counter[str] = Counter()
        self._problems: dict[str, DataError] = {}

    def read(self, row: Row, line: int) -> ScoredRow:
        """Reads a row; `line` is its place in the file."""
        if isinstance(row, UnreadableRow):
            self._count(row.problem)
            return ScoredRow(None, error=str(row.problem))
        score, label = self._columns.score, self._settled_label(row)
        result, correct, told = ScoredRow(None), None, []
        try:
            result = read_scored(row, score_column=score)
            self._usable[score] += 1
        except ValueError as error:
            told.append(self._problem(score, error, line))
        if label is not None:
            try:
                correct = read_label(row.get(label), label)
                self._usable[label] += 1
            except ValueError as error:
                told.append(self._problem(label, error, line))
        if told:
            self._count(DataError(told[0], path=self._path, line=line))
        reason = "; ".join(filter(None, (*told, result.error)))
        return replace(result, correct=correct, error=reason)

    def finish(self) -> Unread:
        """Tells what could not be read, once all rows have been.

        Raises:
            DataError: In no row could the score be read, or in none the label.
        """
        for column, problem in self._problems.items():
            if not self._usable[column]:
                raise problem
        return self._unread

    @property
    def remarks(self) -> tuple[str, ...]:
        """What people are to be told of what was guessed and of what could not be read."""
        return (*filter(None, [self._told_label]), *self._unread.remarks)

    def _settled_label(self, row: Row) -> str | None:
        """The column of labels; `None` once one that was guessed turned out to hold none."""
        column = self._label
        if column is None or not self._is_label_in_doubt:
            return column
        try:
            is_labelled = read_label(row.get(column), column) is not None
        except ValueError:
            self._label = None
            self._is_label_in_doubt = False
            self._told_label = f"{column!r} is not read as labels: it holds something else"
        else:
            self._is_label_in_doubt = not is_labelled
            self._told_label = told_labels(column) if is_labelled else None
        return self._label

    def _problem(self, column: str, error: ValueError, line: int) -> str:
        told = str(error)
        self._problems.setdefault(column, DataError(told, path=self._path, line=line))
        return told

    def _count(self, problem: DataError) -> None:
        self._unread = Unread(self._unread.rows + 1, self._unread.first or str(problem))


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a response, with a score of its own.

    Attributes:
        start: Where it begins in the response, in characters from 0.
        end: Where it ends.
        score: How far it can be trusted, 0 to 1.
    """

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Texts:
    """What a person reads of a row.

    Attributes:
        prompt: What was asked, with roles where it was a conversation.
        response: The answer that was scored.
        reference: The right answer, where the row has one (`gold`).
        explanation: Why the score is what it is.
        alternatives: Other answers of the model that differ from the response, most frequent
            first.
        claims: Its sentences that have scores (`claims`), in order.
    """

    prompt: str
    response: str
    reference: str
    explanation: str
    alternatives: tuple[str, ...]
    claims: tuple[Claim, ...]


def read_texts(row: Row, columns: Columns) -> Texts:
    """Reads the texts of a row; whatever is not there is empty."""
    response = as_text(row.get(columns.response))
    return Texts(
        prompt=_prompt(row.get(columns.prompt), response),
        response=response,
        reference=as_text(row.get("gold")),
        explanation=as_text(row.get("explanation")),
        alternatives=_alternatives(row, response),
        claims=_claims(row.get("claims")),
    )


def _prompt(value: object, response: str) -> str:
    """What was asked; of a chat that ends with the response, all that came before it."""
    try:
        messages = read_messages(value)
    except DataError:
        return as_text(value)
    last = messages[-1] if len(messages) > 1 else None
    if last is not None and (last.role, last.content) == ("assistant", response):
        messages = messages[:-1]
    return Exchange("", messages).prompt


def _alternatives(row: Row, response: str) -> tuple[str, ...]:
    """The other answers, or the samples of recorded data, apart from the response itself."""
    texts = _texts(row["alternatives"] if "alternatives" in row else row.get("samples"))
    counted = Counter(text for text in texts if _folded(text) not in ("", _folded(response)))
    return tuple(text for text, _ in counted.most_common())


def _claims(value: object) -> tuple[Claim, ...]:
    """Sentences with their scores; what is none is left out."""
    listed = unpacked(value)
    if not isinstance(listed, list | tuple):
        return ()
    found = [_claim(entry) for entry in map(plain, listed) if isinstance(entry, Mapping)]
    return tuple(sorted(filter(None, found), key=lambda claim: claim.start))


def _claim(value: Mapping[str, object]) -> Claim | None:
    start, end, score = (value.get(key) for key in ("start", "end", "score"))
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    if not isinstance(score, int | float) or not 0 <= start < end or not 0.0 <= score <= 1.0:
        return None
    return Claim(start, end, float(score))


def _texts(value: object) -> list[str]:
    value = unpacked(value)
    if isinstance(value, list | tuple):
        return [as_text(text) for text in value]
    return [value] if isinstance(value, str) and value else []


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
