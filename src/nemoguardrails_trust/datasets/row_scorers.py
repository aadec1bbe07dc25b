"""Scores one row: reads it, has its response made where there is none, and keeps what fails."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from nemoguardrails_trust.concurrency.failures import FailureStreak
from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.probabilities import read_tokens
from nemoguardrails_trust.datasets.rows import (
    Row,
    RowContent,
    RowResult,
    read_content,
    read_texts,
    reading_row,
)
from nemoguardrails_trust.errors import DataError, ModelError, SetupError, TrustError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.exchange.values import is_filled, plain, unpacked
from nemoguardrails_trust.models.base import Ask, Completion, LanguageModel
from nemoguardrails_trust.models.deadline import calls_deadline
from nemoguardrails_trust.models.prompts import prompt_messages
from nemoguardrails_trust.models.replay import Likeness, Recorded, ReplayModel, Share
from nemoguardrails_trust.scorers.base import Scorer, close
from nemoguardrails_trust.scorers.create import require_scorer
from nemoguardrails_trust.scorers.safely import BATCH_TIMEOUT, score_safely, settled
from nemoguardrails_trust.scores import CallUsage, TrustworthinessScore, Usage
from nemoguardrails_trust.signals.answer_tokens import letters_offered

Known = TypeVar("Known")

_REFLECTION: TypeAdapter[float | None] = TypeAdapter(Share | None)
_COMPARISON = TypeAdapter(dict[str, Likeness | None])


class RowScorer(ABC):
    """Scores rows; what is wrong with a row becomes its result's error.

    Attributes:
        server: The address of the server that scores; `None` where there is none or it is not
            known.
    """

    server: str | None = None

    @abstractmethod
    async def score(self, row: Row, columns: Columns) -> RowResult:
        """Scores a row.

        Raises:
            TrustError: No row can be scored: a key is refused, an extra is missing.
        """

    async def aclose(self) -> None:  # noqa: B027 - most have nothing to close
        """Closes what was opened on the running event loop."""


class RowScorerAround(RowScorer):
    """A row scorer that has another one score the rows."""

    def __init__(self, scorer: RowScorer) -> None:
        """Takes what scores."""
        self._scorer = scorer
        self.server = scorer.server

    async def aclose(self) -> None:
        """See `RowScorer.aclose`."""
        await self._scorer.aclose()


class ModelRowScorer(RowScorer):
    """Scores rows with a scorer; a model makes the responses that are missing."""

    def __init__(
        self,
        scorer: Scorer,
        model: LanguageModel | None = None,
        *,
        anew: bool = False,
        timeout: float = BATCH_TIMEOUT,
        decide_at: float | None = None,
    ) -> None:
        """Takes what scores, and the model that makes responses, or all of them `anew`.

        The timeout holds for a score, and for an answer; `decide_at` is the threshold, where only
        the decision matters.

        Raises:
            SettingsError: It is no scorer.
        """
        require_scorer(scorer, f"scorer is a {type(scorer).__name__}")
        self._scorer = scorer
        self.server = getattr(scorer, "server", None)
        self._timeout = timeout
        self._decide_at = decide_at
        self._model = model
        self._anew = anew
        check: Callable[[], None] | None = getattr(scorer, "check", None)
        if check is not None:
            check()

    async def score(self, row: Row, columns: Columns) -> RowResult:
        """See `RowScorer.score`."""
        started = time.monotonic()
        made: Completion | None = None
        calls: tuple[CallUsage, ...] = ()
        answer: str | None = None
        try:
            with reading_row():
                content = read_content(row, columns)
                if self._anew:
                    content = replace(content, response=None)
                tokens = None if content.response is None else read_tokens(row)
            response = content.response
            answer = response if content.from_chat else None
            if response is None:
                made, calls = await self._answer(content)
                answer, response, tokens = made.text, made.text, made.tokens
            exchange = Exchange(response, content.messages, content.context, tokens=tokens)
            score = await score_safely(
                self._scorer, exchange, timeout=self._timeout, decide_at=self._decide_at
            )
        except SetupError:
            raise
        except DataError as error:
            return RowResult.unusable(error)
        except TrustError as error:
            score = TrustworthinessScore(None, error=str(error), failures=(error,))
        if calls:
            usage = Usage.of_calls(calls, 0.0) + score.usage
            score = replace(score, usage=replace(usage, seconds=time.monotonic() - started))
        return RowResult.of(score, response=answer, made=made is not None)

    async def aclose(self) -> None:
        """See `RowScorer.aclose`."""
        for part in (self._scorer, self._model):
            await close(part)

    async def _answer(self, content: RowContent) -> tuple[Completion, tuple[CallUsage, ...]]:
        if self._model is None:
            raise DataError(
                "the row has no response; --generate (generate=True) has the model write one"
            )
        asked = prompt_messages(Exchange("", content.messages, content.context))
        work = self._model.complete(
            Ask(asked, "answer", top_logprobs=letters_offered(asked[-1].content))
        )
        with calls_deadline(self._timeout):
            reply = await settled(work, timeout=self._timeout, what="the model")
        completion = reply.completions[0]
        if not completion.text.strip():
            raise ModelError("the model gave an empty response")
        return completion, reply.calls


class ReplayRowScorer(RowScorer):
    """Scores each row with the samples and judgements that stand in the row itself."""

    def __init__(
        self, build: Callable[[LanguageModel], Scorer], *, decide_at: float | None = None
    ) -> None:
        """Takes what builds the scorer.

        Args:
            build: Makes a scorer of a model; called for each row with one that replays it, as the
                same prompt may stand in several, with other answers.
            decide_at: The threshold, where only the decision matters.
        """
        build(ReplayModel([]))  # settings that do not fit are found before the first row
        self._build = build
        self._decide_at = decide_at

    async def score(self, row: Row, columns: Columns) -> RowResult:
        """See `RowScorer.score`."""
        try:
            with reading_row():
                record = _recorded(row, columns)
        except DataError as error:
            return RowResult.unusable(error)
        scorer = self._build(ReplayModel([record], rewind=False))
        return await ModelRowScorer(scorer, decide_at=self._decide_at).score(row, columns)


class StoppingRowScorer(RowScorerAround):
    """Scores rows until so many in a row have failed that there is no use in going on.

    Rows that cannot be used themselves do not count: they say nothing about the next one.
    """

    def __init__(self, scorer: RowScorer, max_failures: int) -> None:
        """Takes what scores, and how many rows in a row may fail; 0 bears any number."""
        super().__init__(scorer)
        self._streak = FailureStreak(max_failures)

    async def score(self, row: Row, columns: Columns) -> RowResult:
        """Scores a row.

        Raises:
            TooManyFailuresError: It was one failure too many.
            TrustError: No row can be scored.
        """
        result = await self._scorer.score(row, columns)
        if not result.failed:
            self._streak.succeeded()
        elif not result.unreadable:
            self._streak.failed(result.error or "no reason given")
        return result


def _recorded(row: Row, columns: Columns) -> Recorded:
    content = read_content(row, columns)
    if content.response is None:
        raise DataError("the row has no response, and replay cannot generate one")
    return Recorded(
        content.messages,
        content.response,
        samples=read_texts(row, "samples"),
        reflection=_recorded_reflection(row),
        context=content.context,
        paraphrase_samples=read_texts(row, "paraphrase_samples"),
        judged_samples=_recorded_comparison(row),
    )


def _recorded_reflection(row: Row) -> float | None:
    value = plain(row.get("reflection"))
    must = "be a number from 0 to 1"
    return None if value == "" else _checked(_REFLECTION, value, "reflection", must)


def _recorded_comparison(row: Row) -> dict[str, Likeness | None]:
    value = unpacked(row.get("judged_samples"))
    must = "have same, partly, different or null"
    return _checked(_COMPARISON, value if is_filled(value) else {}, "judged_samples", must)


def _checked(known: TypeAdapter[Known], value: Any, column: str, must: str) -> Known:
    try:
        return known.validate_python(value)
    except ValidationError:
        raise DataError(f"column {column!r} must {must}") from None
