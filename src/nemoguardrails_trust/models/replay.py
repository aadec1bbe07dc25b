"""A model that replays recorded answers, samples and judgements, so no key is needed."""

import codecs
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, TypeAdapter, ValidationError

from nemoguardrails_trust.disk import reading
from nemoguardrails_trust.errors import DataError, ModelRequestError
from nemoguardrails_trust.exchange import (
    Exchange,
    Message,
    read_messages,
    read_passages,
    read_response,
)
from nemoguardrails_trust.exchange.thinking import answer_in
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.base import Ask, Completion, Reply
from nemoguardrails_trust.models.prompts import spaced
from nemoguardrails_trust.scores import CallUsage

CHARACTERS_PER_TOKEN = 4
"""What the token counts of a replay are estimated by: the usual rule of thumb for English."""

_IN_OTHER_WORDS = "Put in other words:"
_NEVER = -745.0  # exp() of it is the smallest number above 0; JSON and exp() both bear it
_QUOTING = ("reflection", "comparison", "fields", "rephrasing")  # they quote the conversation
_RECOGNISED_BY = 200  # characters of a response that are looked for in a judge's prompt

_MUST_BE = {
    "prompt": "a non-empty string, or chat messages with role and content",
    "response": "a string",
    "samples": "a list of strings",
    "paraphrase_samples": "a list of strings",
    "reflection": "a number from 0 to 1",
    "judged_samples": "an object that has same, partly, different or null for each sample",
    "correct": "1 or 0",
}

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Likeness = Literal["same", "partly", "different"]
"""What a judge says of a sample that it compares with the response."""


def _read_by(read: Callable[..., Any], key: str) -> PlainValidator:
    """Has a key of a recorded line read as files of all kinds are."""

    def validate(value: Any) -> Any:
        try:
            return read(value, what=repr(key))
        except DataError as error:
            raise ValueError(str(error)) from None

    return PlainValidator(validate)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a model once answered to a prompt.

    Attributes:
        prompt: The user's text, or the chat messages.
        response: The answer.
        samples: Other answers of the model to the same prompt, in the order drawn.
        reflection: How likely the judge found it that the response is correct, 0 to 1.
        context: Retrieved passages that the model was given along with the prompt.
        paraphrase_samples: Answers to rephrasings of the prompt.
        judged_fields: How likely the judge found it that each field of the response, or each
            argument of a call, is right, in the order in which they are asked about.
        judged_samples: The judge's verdict on each sample that it compared with the response, by
            the sample; `None` if its answer could not be used.
    """

    prompt: Annotated[str | tuple[Message, ...], _read_by(read_messages, "prompt")]
    response: Annotated[str, _read_by(read_response, "response")]
    samples: tuple[str, ...] = ()
    reflection: Share | None = None
    context: Annotated[str | tuple[str, ...] | None, _read_by(read_passages, "context")] = None
    paraphrase_samples: tuple[str, ...] = ()
    judged_fields: Mapping[str, Share] = field(default_factory=dict)
    judged_samples: Mapping[str, Likeness | None] = field(default_factory=dict)

    @property
    def exchange(self) -> Exchange:
        """The prompt, the context and the response, as a scorer takes them."""
        return Exchange.of(self.prompt, self.response, context=self.context)


_RECORDED = TypeAdapter(Recorded)


def read_recorded(path: str | Path) -> Iterator[Recorded]:
    """Reads recorded answers from JSON lines. Unknown keys are ignored.

    Raises:
        DataError: The file cannot be read, or a line, which is named, is not a recorded answer.
    """
    with reading(Path(path)), Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if not text.strip():
                continue
            try:
                yield _RECORDED.validate_json(text, strict=True)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                raise DataError(_complaint(first), path=str(path), line=number) from None


def _complaint(error: Mapping[str, Any]) -> str:
    """What is wrong with a line; it names the key, and never holds the value."""
    if error["type"] == "json_invalid":
        return f"is not JSON: {error['ctx']['error']}"
    if not error["loc"]:
        return "is not a JSON object"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    key = str(error["loc"][0])
    must_be = _MUST_BE.get(key, error["msg"])
    if error["type"] == "missing" and len(error["loc"]) == 1:
        return f"has no {key!r}, which must be {must_be}"
    return f"{key!r} must be {must_be}"


# How NeMo Guardrails writes the user's turns into a prompt.
_LATER_QUESTION = re.compile(r"\buser(?::| \")", re.IGNORECASE)
# How a judge is shown the samples that it compares.
_ANSWER = re.compile(
    r"<answer-(?P<number>\d+) (?P<mark>\w+)>\n(?P<text>.*?)\n</answer-(?P=number) (?P=mark)>",
    re.DOTALL,
)


class ReplayModel:
    """A language model that replays recorded answers.

    A prompt is found by the last user message, otherwise by the recorded prompt that ends last in
    the last message, in case a guardrail has put its instructions and earlier turns around it. A
    prompt followed by another question is not found. White space does not count.

    Samples are given in the order recorded. The next request for the same prompt continues where
    the last one ended. It starts over when an answer is requested again or, with `rewind`, when all
    samples have been given.

    Rephrasings themselves are not recorded, but the answers to them may be. Each rephrasing is
    then a placeholder that leads to its answer.

    Token counts are estimates, namely characters divided by `CHARACTERS_PER_TOKEN`.
    """

    def __init__(
        self, records: Iterable[Recorded], name: str = "replay", *, rewind: bool = True
    ) -> None:
        """Creates the model from recorded answers.

        Args:
            records: The recorded answers. If a prompt has several, the first is the answer.
            name: The model's name, as shown to people.
            rewind: Whether to start over once all samples of a prompt have been given. Otherwise,
                requesting more is an error.
        """
        self._name = name
        self._rewind = rewind
        self._records: dict[str, list[Recorded]] = {}
        self._drawn: dict[str, int] = {}
        for record in records:
            self._records.setdefault(spaced(record.exchange.question), []).append(record)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Creates the model from a JSON lines file of recorded answers.

        Raises:
            DataError: The file cannot be read, or a line is not a recorded answer.
        """
        return cls(read_recorded(path))

    @property
    def name(self) -> str:
        """The model's name, as shown to people."""
        return self._name

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions with a recorded answer, in order, with single spaces."""
        return tuple(self._records)

    async def complete(self, ask: Ask) -> Reply:
        """Gives the recorded answer, samples or judgement.

        Args:
            ask: The messages are the conversation, or a judge's prompt that quotes it. Fewer than
                `n` answers are returned if fewer are recorded. With `top_logprobs` above 0, a
                judgement includes the probabilities of `True` and `False`. Temperature and
                `max_tokens` have no effect, and judgements of sentences are not recorded.

        Raises:
            ModelError: Nothing is recorded for this request.
        """
        if ask.purpose == "claims":
            raise ModelRequestError("judgements of sentences are not recorded")
        question = self._find(ask.messages, anywhere=ask.purpose in _QUOTING)
        completions: tuple[Completion, ...]
        if ask.purpose == "reflection":
            with_logprobs = bool(ask.top_logprobs)
            completions = (self._judge(question, ask.messages, with_logprobs=with_logprobs),)
        elif ask.purpose == "fields":
            completions = (self._judge_fields(question, ask.messages),)
        elif ask.purpose == "comparison":
            completions = (self._compare(question, ask.messages),)
        elif ask.purpose == "rephrasing":
            recorded = len(self._records[question][0].paraphrase_samples)
            if not recorded:
                raise ModelRequestError("no answers to rephrasings of this prompt are recorded")
            completions = (Completion(f"{_IN_OTHER_WORDS} {question}"),) * min(ask.n, recorded)
        elif ask.purpose == "sample":
            answers = map(answer_in, self._given(question, ask))
            completions = tuple(Completion(answer) for answer in answers if answer is not None)
            if not completions:
                raise ModelRequestError("the samples recorded for this prompt contain no answers")
        else:
            self._drawn.pop(question, None)
            completions = (Completion(self._records[question][0].response),)
        call = CallUsage(
            ask.purpose,
            samples=len(completions) if ask.purpose == "sample" else 0,
            prompt_tokens=_estimated_tokens(message.content for message in ask.messages),
            completion_tokens=_estimated_tokens(completion.text for completion in completions),
        )
        return Reply(completions, (call,))

    async def aclose(self) -> None:
        """Does nothing: there are no connections."""

    def _find(self, messages: Sequence[Message], *, anywhere: bool) -> str:
        asked = next(
            (message.content for message in reversed(messages) if message.role == "user"), ""
        )
        if (exact := spaced(asked)) in self._records:
            return exact
        texts = [message.content for message in (messages if anywhere else messages[-1:])]
        text = spaced("\n".join(texts))
        ends = [
            (start + len(question), len(question), question)
            for question in self._records
            if question and (start := text.rfind(question)) >= 0
        ]
        end, _, question = max(ends, default=(0, 0, ""))
        asked_later = not anywhere and _LATER_QUESTION.search(text, end)
        if not question or asked_later:
            raise ModelRequestError("nothing is recorded for this prompt")
        return question

    def _given(self, question: str, ask: Ask) -> tuple[str, ...]:
        if spaced(ask.messages[-1].content).startswith(_IN_OTHER_WORDS):
            return self._records[question][0].paraphrase_samples[: ask.n]
        return self._draw(question, ask.n)

    def _draw(self, question: str, n: int) -> tuple[str, ...]:
        samples = self._records[question][0].samples
        if not samples:
            raise ModelRequestError("no samples are recorded for this prompt")
        start = self._drawn.get(question, 0)
        if self._rewind:
            count = min(n, len(samples))
            self._drawn[question] = (start + count) % len(samples)
            return tuple(samples[(start + i) % len(samples)] for i in range(count))
        drawn = samples[start : start + n]
        if not drawn:
            raise ModelRequestError(f"only {len(samples)} samples are recorded for this prompt")
        self._drawn[question] = start + len(drawn)
        return drawn

    def _judge(
        self, question: str, messages: Sequence[Message], *, with_logprobs: bool
    ) -> Completion:
        found = [
            (length, record.reflection)
            for length, record in self._judged(question, messages)
            if record.reflection is not None
        ]
        probability = max(found)[1] if found else None
        if probability is None:
            raise ModelRequestError("no judgement is recorded for this response")
        if not with_logprobs:
            return Completion(repr(probability), finish_reason="stop")
        top = (("True", _log(probability)), ("False", _log(1.0 - probability)))
        token, logprob = max(top, key=lambda entry: entry[1])
        return Completion(token, (TokenLogprob(token, logprob, top),), finish_reason="stop")

    def _judge_fields(self, question: str, messages: Sequence[Message]) -> Completion:
        found = [
            (length, list(record.judged_fields.values()))
            for length, record in self._judged(question, messages)
            if record.judged_fields
        ]
        if not found:
            raise ModelRequestError("no judgement of the fields of this response is recorded")
        shares = max(found)[1]
        percent = {str(number): 100 * share for number, share in enumerate(shares, start=1)}
        return Completion(json.dumps(percent), finish_reason="stop")

    def _compare(self, question: str, messages: Sequence[Message]) -> Completion:
        asked = "\n".join(message.content for message in messages)
        answers = {found["number"]: spaced(found["text"]) for found in _ANSWER.finditer(asked)}
        for _, record in sorted(self._judged(question, messages), key=itemgetter(0), reverse=True):
            said = {spaced(sample): word for sample, word in record.judged_samples.items()}
            if said.keys() >= set(answers.values()):
                words = {number: said[answer] for number, answer in answers.items()}
                told = {number: word for number, word in words.items() if word is not None}
                return Completion(json.dumps(told), finish_reason="stop")
        raise ModelRequestError("no comparison of these samples is recorded")

    def _judged(self, question: str, messages: Sequence[Message]) -> Iterator[tuple[int, Recorded]]:
        """The records whose response a judge's prompt quotes, with the length of what it quotes."""
        # The response follows its question; what stands before may hold the same words by chance.
        asked = _bare("".join(message.content for message in messages))
        words = _bare(question)  # none of a question that is but a mark or an emoji
        judged = asked.partition(words)[2] if words else asked
        for record in self._records[question]:
            response = _bare(record.response)[:_RECOGNISED_BY]
            if response in judged:
                yield len(response), record


def _bare(text: str) -> str:
    # Letters and digits only, since a judge's prompt may quote an answer with its marks altered.
    return "".join(character for character in text.casefold() if character.isalnum())


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0.0 else _NEVER


def _estimated_tokens(texts: Iterable[str]) -> int:
    return math.ceil(sum(len(text) for text in texts) / CHARACTERS_PER_TOKEN)
