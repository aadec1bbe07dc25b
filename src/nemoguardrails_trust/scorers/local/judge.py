"""The model that judges: asked about a response, and to compare samples with it."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from nemoguardrails_trust.errors import ModelResponseError, TrustError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.models.base import Ask, Completion, LanguageModel, Purpose
from nemoguardrails_trust.scorers.local.calls import Calls
from nemoguardrails_trust.scorers.local.comparing import comparison_messages, read_comparison
from nemoguardrails_trust.scorers.local.fields import FieldJudgement, fields_messages, read_fields
from nemoguardrails_trust.scores import Signal
from nemoguardrails_trust.signals.claims import claims_messages, read_claims
from nemoguardrails_trust.signals.reflection import (
    TOP_LOGPROBS,
    Criterion,
    Task,
    explanation_messages,
    read_reflection,
    reflection_messages,
    verdict_came_first,
)

_log = logging.getLogger(__name__)

_VERDICT_TOKENS = 12  # `False 15`, and a model's own marks around it
_REASONS_TOKENS = 200
_TOKENS_A_FIELD = 50
_TOKENS_AN_ANSWER = 12  # `"12": "different", `
_TOKENS_A_SENTENCE = 12  # `12: False 15`, with marks


class Judge:
    """Asks a model for judgements, and learns how little it needs for one.

    The same prompt serves servers with token probabilities and without. Once a verdict came as
    the first token of an answer with its probabilities, one token is asked for. A model that
    thinks before it answers uses up the few tokens of a verdict; the first such reply is asked
    for again without a limit, and later ones are from the start.
    """

    def __init__(
        self, model: LanguageModel, *, explain: bool = False, task: Task = "default"
    ) -> None:
        """Takes the model, whether to ask it for reasons, and what kind of responses it sees."""
        self.model = model
        self._explain = explain
        self._task = task
        self._one_token_suffices = False
        self._thinks_first = False

    async def reflect(self, exchange: Exchange, calls: Calls, view: int = 0) -> Signal:
        """Asks whether the response is correct.

        Args:
            exchange: What to judge.
            calls: Makes the call.
            view: Which of the questions is put, from 0.

        Raises:
            TrustError: No answer could be had.
        """
        messages = reflection_messages(exchange, explain=self._explain, view=view, task=self._task)
        return await self.verdict(messages, calls, explain=self._explain)

    async def meets(self, exchange: Exchange, calls: Calls, criterion: Criterion) -> Signal:
        """Asks whether the response meets a criterion.

        Args:
            exchange: What to judge.
            calls: Makes the call.
            criterion: What to ask about.

        Raises:
            TrustError: No answer could be had.
        """
        return await self.verdict(reflection_messages(exchange, criterion=criterion), calls)

    async def verdict(
        self, messages: tuple[Message, ...], calls: Calls, *, explain: bool = False
    ) -> Signal:
        """Asks a question that is answered by True or False and a chance.

        Args:
            messages: The question.
            calls: Makes the call.
            explain: Whether it asks for reasons.

        Raises:
            TrustError: No answer could be had.
        """
        room = _REASONS_TOKENS if explain else 1 if self._one_token_suffices else _VERDICT_TOKENS
        try:
            completion = await self._ask(messages, calls, "reflection", room)
        except TrustError:
            # One token may have held no text.
            self._one_token_suffices = False
            raise
        judged = read_reflection(completion, explain=explain)
        if room == 1:  # the one token is the first
            self._one_token_suffices = judged.details.get("source") == "token_probabilities"
        elif not explain:
            self._one_token_suffices = verdict_came_first(completion)
        return judged

    async def explain(self, exchange: Exchange, score: float, calls: Calls) -> str:
        """Asks why the response has the score that it has.

        Returns:
            The reasons; empty where the judge gave none.

        Raises:
            TrustError: No answer could be had.
        """
        messages = explanation_messages(exchange, score)
        completion = await self._ask(messages, calls, "reflection", _REASONS_TOKENS)
        reasons = " ".join(completion.text.split())
        # One who only ever gives verdicts gives one here too.
        is_verdict = read_reflection(Completion(reasons)).value is not None
        return "" if is_verdict else reasons

    async def judge_fields(
        self, exchange: Exchange, names: Sequence[str], calls: Calls
    ) -> Mapping[str, FieldJudgement]:
        """Asks how likely fields of a JSON response are right, in one call.

        Raises:
            TrustError: No answer could be had, or nothing of it can be used.
        """
        messages = fields_messages(exchange, names)
        room = 20 + _TOKENS_A_FIELD * len(names)
        completion = await self._ask(messages, calls, "fields", room)
        with _reading():
            return read_fields(completion.text, names)

    async def judge_claims(
        self, exchange: Exchange, sentences: Sequence[str], calls: Calls
    ) -> Mapping[int, float | None]:
        """Asks how likely each sentence of the response is true, in one call; see `read_claims`.

        Raises:
            TrustError: No answer could be had, or nothing of it can be used.
        """
        messages = claims_messages(exchange, sentences)
        room = 20 + _TOKENS_A_SENTENCE * len(sentences)
        completion = await self._ask(messages, calls, "claims", room)
        with _reading():
            return read_claims(completion, len(sentences))

    async def compare(
        self, question: str, response: str, answers: Sequence[str], calls: Calls
    ) -> Mapping[int, float]:
        """Asks which answers say the same as the response, in one call.

        Returns:
            Agreements from 0 to 1 by the place of the answer in `answers`. Those that the judge
            did not rate as asked are left out.

        Raises:
            TrustError: No answer could be had, or nothing of it can be used.
        """
        unlike = list(dict.fromkeys(answers))
        messages = comparison_messages(question, response, unlike)
        room = 20 + _TOKENS_AN_ANSWER * len(unlike)
        completion = await self._ask(messages, calls, "comparison", room)
        with _reading():
            rated = read_comparison(completion.text, len(unlike))
        places = {answer: place for place, answer in enumerate(unlike)}
        return {
            i: rated[places[answer]] for i, answer in enumerate(answers) if places[answer] in rated
        }

    async def _ask(
        self, messages: tuple[Message, ...], calls: Calls, purpose: Purpose, room: int
    ) -> Completion:
        top_logprobs = TOP_LOGPROBS if purpose in ("reflection", "claims") else None
        reply = await calls.ask(
            self.model,
            Ask(
                messages,
                purpose,
                temperature=0.0,
                max_tokens=None if self._thinks_first else room,
                top_logprobs=top_logprobs,
            ),
        )
        completion = reply.completions[0]
        if self._thinks_first or not _was_cut_while_thinking(completion):
            return completion
        _log.info("the judge thinks before it answers: its judgements are no longer cut short")
        self._thinks_first = True
        return await self._ask(messages, calls, purpose, room)


@contextmanager
def _reading() -> Iterator[None]:
    """A judgement that cannot be read is a failure of the model."""
    try:
        yield
    except ValueError as error:
        raise ModelResponseError(str(error)) from None


def _was_cut_while_thinking(completion: Completion) -> bool:
    if completion.finish_reason != "length":
        return False
    text = completion.text.lstrip()
    is_thinking = not text or text.startswith("<think")
    return is_thinking and not verdict_came_first(completion)
