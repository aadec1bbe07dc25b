"""The calls to models that a LangChain chain makes inside a passthrough function."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from nemoguardrails_trust.concurrency.context import Holding
from nemoguardrails_trust.exchange import Message, read_messages
from nemoguardrails_trust.exchange.thinking import answer_in

_QUOTES = "\"'` \n"


@dataclass(slots=True)
class ChainCall:
    """One call of a chain to a model: LangChain's messages or a text, and what came."""

    prompt: Any
    texts: tuple[str, ...] = ()


@dataclass(slots=True)
class ChainCalls:
    """The calls of one turn, by the id of LangChain's run."""

    by_run: dict[Any, list[ChainCall]] = field(default_factory=dict)

    def begin(self, run: Any, prompts: Sequence[Any]) -> None:
        """Notes calls that are about to be made, one for each prompt."""
        self.by_run[run] = [ChainCall(prompt) for prompt in prompts]

    def end(self, run: Any, generations: Sequence[Sequence[Any]]) -> None:
        """Notes what they brought."""
        for call, brought in zip(self.by_run.get(run, ()), generations, strict=False):
            call.texts = tuple(str(generation.text) for generation in brought)


_turn: ContextVar[ChainCalls | None] = ContextVar("trust_chain_calls", default=None)
_handler: ContextVar[Any] = ContextVar("trust_chain_handler", default=None)


@contextmanager
def watched_chains() -> Iterator[None]:
    """Notes the calls of all chains that run inside, where LangChain is in use at all."""
    if "langchain_core" not in sys.modules:
        yield
        return
    calls = ChainCalls()
    with Holding(_turn, calls), Holding(_handler, _handler_class()(calls)):
        yield


@cache
def _handler_class() -> type[Any]:
    """The class of what LangChain calls, made and made known to it once."""
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.tracers.context import register_configure_hook

    class ChainWatch(BaseCallbackHandler):  # type: ignore[misc]
        """Passes on what the models of a chain are given and say."""

        run_inline = True  # a thread would see the answer only after the chain has gone on

        def __init__(self, calls: ChainCalls) -> None:
            self._calls = calls

        def on_chat_model_start(
            self, _serialized: Any, prompts: Sequence[Any], *, run_id: Any, **_: Any
        ) -> None:
            self._calls.begin(run_id, prompts)

        on_llm_start = on_chat_model_start

        def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
            self._calls.end(run_id, response.generations)

    register_configure_hook(_handler, inheritable=True)
    return ChainWatch


def prompt_of_chain(answer: str) -> tuple[Message, ...] | None:
    """What the model was given that wrote an answer of this turn, in a chain.

    Args:
        answer: The answer, as it is or out of a text that holds more.

    Returns:
        The messages; `None` where no call is known to have brought the answer.

    Raises:
        DataError: A message is of no known form.
    """
    calls = _turn.get()
    if calls is None or not answer.strip():
        return None
    ended = [call for run in calls.by_run.values() for call in run if call.texts]
    found = [call for call in ended if any(_is(answer, text) for text in call.texts)]
    if not found:
        # An answer that a parser took out of more; of several texts that hold it, none is known.
        holding = [call for call in ended if any(answer.strip() in text for text in call.texts)]
        found = holding if len(holding) == 1 else []
    return _messages(found[-1].prompt) if found else None


def _is(answer: str, text: str) -> bool:
    return answer.strip(_QUOTES) == (answer_in(text) or "").strip(_QUOTES)


def _messages(prompt: Any) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    from langchain_core.messages import convert_to_openai_messages

    return tuple(read_messages(convert_to_openai_messages(prompt), in_text=False))


def settled_output(output: Any, said: Any, *, is_withheld: bool) -> Any:
    """What a chain gives out in the place of its model's message, once the rails have decided.

    `RunnableRails` puts what they made of an answer into texts and objects alone: a message, as
    chat models give it, would go out as it came.

    Args:
        output: What the chain brought.
        said: What the bot says.
        is_withheld: Whether the answer must not go out.
    """
    if "langchain_core" not in sys.modules:
        return output
    from langchain_core.messages import BaseMessage

    if not isinstance(output, BaseMessage) or output.content == said:
        return output
    if not (output.content or is_withheld):
        return output  # it only calls tools
    changed: dict[str, Any] = {"content": said}
    if is_withheld or str(output.text) not in said:
        changed["additional_kwargs"] = {}
        for key in ("tool_calls", "invalid_tool_calls"):
            if hasattr(output, key):
                changed[key] = []
    return output.model_copy(update=changed)
