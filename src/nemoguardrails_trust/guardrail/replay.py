"""The `replay` engine: a NeMo Guardrails model that gives recorded answers back."""

import json
from collections.abc import AsyncIterator
from typing import Any

from nemoguardrails.types import (
    ChatMessage,
    LLMResponse,
    LLMResponseChunk,
    ToolCall,
    ToolCallFunction,
)

from nemoguardrails_trust.errors import ModelError, SettingsError
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.base import Ask, LanguageModel
from nemoguardrails_trust.models.replay import ReplayModel, read_recorded
from nemoguardrails_trust.signals.evaluations import only_calls_tools

REPLAY_ENGINE = "replay"

_QUESTIONS_NAMED = 3


class ReplayLLM:
    """Answers from recorded JSON lines, so that a bot runs without a key.

    In a configuration: `engine: replay`, `model:` any name, and `parameters: {recorded: FILE}`,
    where FILE is read from the configuration's folder. A response that is
    `{"tool_calls": [{"name": …, "arguments": {…}}]}` is given as calls of tools.

    Args:
        model: The name that the model goes by.
        recorded: The path of the recorded lines.
        others: Further parameters of the `models:` entry, which a replay has no use for.

    Raises:
        SettingsError: `recorded` is missing.
        DataError: The file cannot be read.
    """

    def __init__(self, model: str, recorded: str | None = None, **others: Any) -> None:
        if recorded is None:
            raise SettingsError(
                f"model {model!r} of engine 'replay' needs parameters: {{recorded: FILE}}",
                key="recorded",
            )
        self._name = model
        self._model = ReplayModel(read_recorded(recorded), name=model)

    @property
    def language_model(self) -> LanguageModel:
        """The model underneath, which the scorer samples from."""
        return self._model

    @property
    def recorded_questions(self) -> tuple[str, ...]:
        """The questions that an answer is recorded for."""
        return self._model.questions

    @property
    def model_name(self) -> str:
        """The name that the model goes by."""
        return self._name

    @property
    def provider_name(self) -> str | None:
        """The name of the engine."""
        return REPLAY_ENGINE

    @property
    def provider_url(self) -> str | None:
        """There is no address."""
        return None

    async def generate_async(
        self,
        prompt: str | list[ChatMessage],
        *,
        stop: list[str] | None = None,
        **parameters: Any,
    ) -> LLMResponse:
        """Gives the recorded answer to the prompt's question, or says that there is none."""
        try:
            reply = await self._model.complete(Ask(_messages(prompt), "answer"))
        except ModelError:
            return LLMResponse(content=self._unrecorded(), finish_reason="stop")
        text = reply.completions[0].text
        if calls := _calls(text):
            return LLMResponse(content="", tool_calls=calls, finish_reason="tool_calls")
        return LLMResponse(content=text, finish_reason="stop")

    def _unrecorded(self) -> str:
        questions = [f"“{question}”" for question in self._model.questions[:_QUESTIONS_NAMED]]
        told = "No answer to this question is recorded."
        return f"{told} Some that are recorded: {', '.join(questions)}" if questions else told

    async def stream_async(
        self,
        prompt: str | list[ChatMessage],
        *,
        stop: list[str] | None = None,
        **parameters: Any,
    ) -> AsyncIterator[LLMResponseChunk]:
        """Gives the recorded answer word by word."""
        response = await self.generate_async(prompt, stop=stop, **parameters)
        words = response.content.split(" ")
        for index, word in enumerate(words):
            yield LLMResponseChunk(delta_content=word if index == 0 else f" {word}")
        yield LLMResponseChunk(delta_content="", finish_reason="stop")


def _calls(text: str) -> list[ToolCall]:
    """The calls that a recorded answer consists of, as `{"tool_calls": [{"name": …}]}`."""
    if not only_calls_tools(text) or not text.lstrip().startswith('{"tool_calls"'):
        return []
    return [
        ToolCall(
            id=f"call_{number}",
            type="function",
            function=ToolCallFunction(name=call["name"], arguments=call["arguments"]),
        )
        for number, call in enumerate(json.loads(text)["tool_calls"], start=1)
    ]


def _messages(prompt: str | list[ChatMessage]) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    return tuple(Message(message.role.value, str(message.content or "")) for message in prompt)
