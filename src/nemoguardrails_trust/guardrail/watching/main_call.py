"""The call by which the bot's main model writes the answer, watched while it is made."""

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nemoguardrails import LLMRails
from nemoguardrails.context import llm_call_info_var, llm_stats_var
from nemoguardrails.llm.frameworks import get_default_framework
from nemoguardrails.llm.models.initializer import init_llm_model
from nemoguardrails.llm.providers import register_provider
from nemoguardrails.rails.llm.config import Model, RailsConfig
from nemoguardrails.types import ChatMessage, LLMModel, LLMResponse, LLMResponseChunk, Role

from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.exchange.thinking import answer_in
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.guardrail.conversation import ANSWERING_TASKS
from nemoguardrails_trust.guardrail.watching.prefetch import Prefetch
from nemoguardrails_trust.guardrail.watching.token_probabilities import (
    TokenProbabilities,
    wanted_probabilities,
    with_token_probabilities,
)
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.models.prompts import PROMPT_LIMIT

if TYPE_CHECKING:
    from nemoguardrails.logging.stats import LLMStats

_log = logging.getLogger(__name__)

Draw = Callable[[tuple[Message, ...], int | None], Coroutine[Any, Any, Reply]]

_WATCHED_ENGINE = "nemoguardrails_trust"
_WATCHING = "nemoguardrails_trust"
_KEPT_IN_A_TURN = 8
# What a call may set without asking for another kind of answer than the samples are.
_HARMLESS = frozenset(
    {
        "frequency_penalty",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "presence_penalty",
        "seed",
        "temperature",
        "top_logprobs",
        "top_p",
    }
)


@dataclass(eq=False, slots=True)
class MainCall:
    """One call that writes an answer.

    Attributes:
        prefetch: The samples that are drawn beside it.
        text: What the model said; `None` until it has.
        tokens: Its tokens with their probabilities, where they were had.
        unread_calls: The tools that it calls with what are no arguments.
    """

    prefetch: Prefetch | None = None
    text: str | None = None
    tokens: tuple[TokenLogprob, ...] | None = None
    unread_calls: tuple[str, ...] = ()

    def answered(self, text: str, found: TokenProbabilities) -> None:
        """Records what the call brought."""
        self.text, self.tokens, self.unread_calls = text, found.tokens, found.unread_calls
        if not text.strip():
            self.failed()
        elif self.prefetch is not None:
            self.prefetch.answered()

    def failed(self) -> None:
        """Records that no answer came."""
        if self.prefetch is not None:
            self.prefetch.drop()

    def brought(self, response: str) -> bool:
        """Whether this call's text is the answer, as NeMo Guardrails reads it from the text."""
        said = (answer_in(self.text or "") or "").strip()
        return response.strip() in (said, said[1:-1].strip() if said.startswith('"') else said)


class MainCalls:
    """The calls of one bot that write answers, told apart by the turn they belong to.

    Args:
        draw: Draws the samples for a prompt, with a limit on their tokens; `None` draws none.
        patience: How many seconds after the answer the samples may still be taken.
        config: The bot's configuration.
    """

    def __init__(self, *, draw: Draw | None, patience: float, config: RailsConfig) -> None:
        self._draw = draw
        self._patience = patience
        # A prompt of dialog mode asks for a quoted line of Colang, which is not compared.
        self._sampled_tasks = ANSWERING_TASKS if config.passthrough else ANSWERING_TASKS[:1]
        # Colang 2.x runs each action in a task of its own, whose end says nothing of the turn's.
        self._turn_is_task = config.colang_version == "1.0"
        # NeMo makes these statistics once a turn, and every task of the turn sees them.
        self._by_turn: weakref.WeakKeyDictionary[LLMStats, deque[MainCall]] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def draws(self) -> bool:
        """Whether samples are drawn beside the answers."""
        return self._draw is not None

    def begin(
        self,
        prompt: str | list[ChatMessage],
        stop: Sequence[str] | None,
        parameters: Mapping[str, Any],
    ) -> MainCall | None:
        """Recognises a call that is about to be made; `None` where it writes no answer."""
        info, turn = llm_call_info_var.get(), llm_stats_var.get()
        # A finished one is left over from an earlier call of the same task.
        if info is None or turn is None or info.finished_at or info.task not in ANSWERING_TASKS:
            return None
        call = MainCall()
        if self._draw is not None and info.task in self._sampled_tasks:
            call.prefetch = self._prefetch(self._draw, prompt, stop, parameters)
        self._by_turn.setdefault(turn, deque(maxlen=_KEPT_IN_A_TURN)).append(call)
        return call

    def that_brought(self, response: str) -> MainCall | None:
        """The current turn's call whose text is this answer.

        The samples of its other calls are dropped: their answers never came, or were replaced.
        """
        turn = llm_stats_var.get()
        calls = list(self._by_turn.get(turn, ())) if turn is not None else []
        found = next((call for call in reversed(calls) if call.brought(response)), None)
        for call in calls:
            if call is not found:
                call.failed()
        return found

    def unread_calls(self) -> tuple[str, ...]:
        """The tools that the turn's latest call to the model calls with what are no arguments."""
        turn = llm_stats_var.get()
        calls = self._by_turn.get(turn, ()) if turn is not None else ()
        return calls[-1].unread_calls if calls else ()

    def _prefetch(
        self,
        draw: Draw,
        prompt: str | list[ChatMessage],
        stop: Sequence[str] | None,
        parameters: Mapping[str, Any],
    ) -> Prefetch | None:
        messages = _plain_messages(prompt)
        if messages is None or not parameters.keys() <= _HARMLESS:
            return None
        limit = parameters.get("max_tokens") or parameters.get("max_completion_tokens")

        async def samples() -> Reply:
            reply = await draw(messages, limit)
            return _cut_off(reply, [stop] if isinstance(stop, str) else stop or ())

        turn = asyncio.current_task() if self._turn_is_task else None
        return Prefetch(samples(), patience=self._patience, turn=turn)


class MainModel:
    """The bot's main model, unchanged, with its answering calls recorded in `calls`."""

    def __init__(self, model: LLMModel, calls: MainCalls) -> None:
        self.wrapped_model = model
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        # What an application knows of its own model stays within its reach.
        if name == "wrapped_model":
            raise AttributeError(name)
        return getattr(self.wrapped_model, name)

    @property
    def model_name(self) -> str:
        """The model's name."""
        return str(self.wrapped_model.model_name)

    @property
    def provider_name(self) -> str | None:
        """The name of its provider."""
        name: str | None = self.wrapped_model.provider_name
        return name

    @property
    def provider_url(self) -> str | None:
        """Its address."""
        url: str | None = self.wrapped_model.provider_url
        return url

    async def generate_async(
        self,
        prompt: str | list[ChatMessage],
        *,
        stop: list[str] | None = None,
        **parameters: Any,
    ) -> LLMResponse:
        """Asks the model."""
        call = self._calls.begin(prompt, stop, parameters)
        if call is None:
            return await self.wrapped_model.generate_async(prompt, stop=stop, **parameters)
        try:
            with wanted_probabilities() as found:
                response = await self.wrapped_model.generate_async(prompt, stop=stop, **parameters)
        except BaseException:
            call.failed()
            raise
        call.answered("" if response.tool_calls else response.content or "", found)
        return response

    async def stream_async(
        self,
        prompt: str | list[ChatMessage],
        *,
        stop: list[str] | None = None,
        **parameters: Any,
    ) -> AsyncIterator[LLMResponseChunk]:
        """Asks the model, and passes its answer on as it comes."""
        begun = self._calls.begin(prompt, stop, parameters)
        call, found = begun or MainCall(), TokenProbabilities()
        stream = self.wrapped_model.stream_async(prompt, stop=stop, **parameters)
        text = ""
        try:
            if begun is None:
                chunk = await anext(stream, None)
            else:
                # The request is made with the first part; this generator may be resumed elsewhere.
                with wanted_probabilities() as found:
                    chunk = await anext(stream, None)
            while chunk is not None:
                text += chunk.delta_content or ""
                yield chunk
                chunk = await anext(stream, None)
        except BaseException:
            call.failed()
            raise
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        call.answered(text, found)


def plain_model(llm: LLMModel) -> LLMModel:
    """The model itself, where it is watched."""
    return llm.wrapped_model if isinstance(llm, MainModel) else llm


def watch_main_model(
    app: LLMRails, calls: MainCalls, *, probabilities: bool, asked_for: bool
) -> None:
    """Watches the main model of a bot that is being built.

    A model that NeMo Guardrails has still to make is watched by way of an engine of our own, which
    makes it as the configuration says and puts the configuration back as it was.

    Args:
        app: The bot.
        calls: Where the answering calls are recorded.
        probabilities: Whether to ask for the answers' token probabilities, which only a model that
            NeMo Guardrails has still to make can be had to give.
        asked_for: Whether the settings name what the calls are watched for. What is so by default
            is left alone where it cannot be had.
    """
    if app.llm is not None:
        if calls.draws:
            app.llm = MainModel(plain_model(app.llm), calls)
        return
    models = app.config.models
    place = next((i for i, model in enumerate(models) if model.type == "main"), None)
    if place is None:
        return
    if get_default_framework() != "default":
        _log.log(
            logging.WARNING if asked_for else logging.DEBUG,
            "NEMOGUARDRAILS_LLM_FRAMEWORK is %s: prefetch and token_probabilities "
            "need the model to be passed to LLMRails(config, llm=…)",
            get_default_framework(),
        )
        return
    entry = original_entry(models[place])
    register_provider(_WATCHED_ENGINE, _make_watched)
    watching = _Watching(app.config, entry, calls, probabilities)
    # NeMo Guardrails refuses Azure's address for engines that it does not know as Azure's.
    parameters = {k: v for k, v in (entry.parameters or {}).items() if k != "azure_endpoint"}
    models[place] = entry.model_copy(
        update={"engine": _WATCHED_ENGINE, "parameters": {**parameters, _WATCHING: watching}}
    )


def original_entry(entry: Model) -> Model:
    """A `models:` entry as the user wrote it."""
    watching = (entry.parameters or {}).get(_WATCHING)
    return watching.entry if isinstance(watching, _Watching) else entry


@dataclass(frozen=True, eq=False, slots=True)
class _Watching:
    """What the engine needs to make a watched model."""

    config: RailsConfig
    entry: Model
    calls: MainCalls
    probabilities: bool


def _make_watched(*, model: str, **parameters: Any) -> LLMModel:
    watching: _Watching = parameters.pop(_WATCHING)
    entry, models = watching.entry, watching.config.models
    models[:] = [entry if original_entry(known) is entry else known for known in models]
    whole = {**(entry.parameters or {}), **parameters}
    made: LLMModel = init_llm_model(model, entry.engine, whole, mode="chat")
    if watching.probabilities:
        giving = with_token_probabilities(made, entry.engine, whole)
        if giving is not None:
            return MainModel(giving, watching.calls)
        _log.info("engine %s gives no token probabilities", entry.engine)
    # What there is nothing to watch for stays NeMo's own.
    return MainModel(made, watching.calls) if watching.calls.draws else made


def _plain_messages(prompt: str | list[ChatMessage]) -> tuple[Message, ...] | None:
    """The prompt as messages; `None` where they would not say all of it."""
    if isinstance(prompt, str):
        messages = [Message("user", prompt)]
    elif any(
        message.role is Role.TOOL or message.tool_calls or not isinstance(message.content, str)
        for message in prompt
    ):
        return None
    else:
        messages = [Message(message.role.value, str(message.content)) for message in prompt]
    length = sum(len(message.content) for message in messages)
    return tuple(messages) if messages and length <= PROMPT_LIMIT else None


def _cut_off(reply: Reply, stop: Sequence[str]) -> Reply:
    """Ends each sample where the answer itself would have ended."""
    completions = []
    for completion in reply.completions:
        ends = [place for ending in stop if (place := completion.text.find(ending)) > 0]
        text = completion.text[: min(ends)].rstrip() if ends else completion.text
        completions.append(replace(completion, text=text))
    return replace(reply, completions=tuple(completions))
