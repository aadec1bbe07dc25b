"""LangChain: a callback that scores what models say, and a runnable that scores answers.

    from nemoguardrails_trust.integrations.langchain import TrustCallback, trust_runnable

    message = model.invoke("…", config={"callbacks": [TrustCallback(tlm)]})
    message.response_metadata["trust"]["trustworthiness_score"]

    chain = RunnablePassthrough.assign(response=prompt | model) | trust_runnable(tlm)

Importing this imports `langchain_core`. NeMo Guardrails' own `RunnableRails` runs this package's
rail like any other.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from nemoguardrails_trust.errors import DataError, TrustError, needing
from nemoguardrails_trust.exchange.values import kind_told
from nemoguardrails_trust.integrations.verdicts import Verdict, answer_of, no_verdict, verdict_of
from nemoguardrails_trust.tlm import TLM

with needing("langchain-core", "langchain"):
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.documents import Document
    from langchain_core.messages import (
        AIMessage,
        BaseMessage,
        convert_to_messages,
        convert_to_openai_messages,
    )
    from langchain_core.runnables import (
        AddableDict,
        RunnableGenerator,
        RunnableLambda,
        RunnablePassthrough,
    )

if TYPE_CHECKING:
    from langchain_core.outputs import Generation, LLMResult
    from langchain_core.runnables import Runnable

__all__ = ["TrustCallback", "trust_runnable"]


class TrustCallback(BaseCallbackHandler):  # type: ignore[misc]
    """Scores every answer of the models that it is attached to.

    The verdict is a dictionary with `trustworthiness_score`, `threshold` and `status` (`trusted`,
    `untrustworthy` or `unchecked`). It is in the message's `response_metadata["trust"]` or, if the
    model is not a chat model, in `generation_info`. In asynchronous chains, the score is made in a
    thread. If scoring fails, the chain still succeeds.

    Args:
        tlm: The `TLM` that scores.
        on_verdict: Called with the id of the run and the verdict. Use it for streams, whose chunks
            have already been passed on when the score is made.
    """

    def __init__(
        self, tlm: TLM, *, on_verdict: Callable[[UUID, Verdict], object] | None = None
    ) -> None:
        super().__init__()
        self._tlm = tlm
        self._on_verdict = on_verdict
        self._prompts: dict[UUID, Any] = {}

    def on_chat_model_start(
        self,
        serialized: Mapping[str, Any],
        messages: Sequence[Sequence[BaseMessage]],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """Keeps what the model is asked; see LangChain."""
        asked = _prompt_of(messages[0])
        tools = kwargs.get("invocation_params", {}).get("tools")
        self._prompts[run_id] = {"messages": asked, "tools": tools} if tools else asked

    def on_llm_start(
        self, serialized: Mapping[str, Any], prompts: Sequence[str], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Keeps what the model is asked; see LangChain."""
        self._prompts[run_id] = prompts[0]

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Forgets what the model was asked; see LangChain."""
        self._prompts.pop(run_id, None)

    def on_llm_end(self, response: "LLMResult", *, run_id: UUID, **kwargs: Any) -> None:
        """Scores what the model answered; see LangChain."""
        prompt = self._prompts.pop(run_id, None)
        for generation in response.generations[0]:
            message = getattr(generation, "message", None)
            answer = generation.text if message is None else _response_of(message)
            result = self._tlm.try_get_trustworthiness_score(prompt, answer)
            verdict = verdict_of(result, self._tlm.threshold)
            _attach(generation, message, verdict)
            if self._on_verdict is not None:
                self._on_verdict(run_id, verdict)


def trust_runnable(
    tlm: TLM, *, prompt: str = "prompt", response: str = "response", context: str = "context"
) -> "Runnable[Mapping[str, Any], dict[str, Any]]":
    """Makes a runnable that scores an answer.

    It takes a dictionary and returns it with `trust`: a dictionary with `trustworthiness_score`,
    `threshold` and `status` (`trusted`, `untrustworthy` or `unchecked`), and with `log["error"]`
    if there is no score. In a stream, the chunks of the answer pass through as they come, and the
    last chunk has `trust`.

    Args:
        tlm: The `TLM` that scores.
        prompt: The key of the question: text, messages or a prompt value.
        response: The key of the answer: text, a message, or an object, which is scored as JSON.
            Without it, the last of the messages is the answer, as in the state of an agent.
        context: The key of the retrieved passages, as texts or documents, if there are any.

    The runnable raises a `DataError` if it is given something other than a dictionary.
    """

    def taken(given: Mapping[str, Any]) -> dict[str, Any]:
        if prompt not in given:
            told = ", ".join(map(str, given)) or "nothing"
            raise DataError(f"it has no {prompt!r}, only {told}; name the question with prompt=")
        asked, said = given[prompt], given.get(response)
        if said is None and isinstance(asked, list) and asked and isinstance(asked[-1], AIMessage):
            asked, said = asked[:-1], asked[-1]
        return {
            "prompt": _prompt_of(asked),
            "response": _response_of(said),
            "context": _passages_of(given.get(context)),
        }

    def score(given: Mapping[str, Any]) -> Verdict:
        try:
            result = tlm.try_get_trustworthiness_score(**taken(given))
        except _UNREADABLE as error:
            return _unread(error, tlm.threshold)
        return verdict_of(result, tlm.threshold)

    async def score_async(given: Mapping[str, Any]) -> Verdict:
        try:
            result = await tlm.try_get_trustworthiness_score_async(**taken(given))
        except _UNREADABLE as error:
            return _unread(error, tlm.threshold)
        return verdict_of(result, tlm.threshold)

    scored = RunnablePassthrough.assign(trust=RunnableLambda(score, score_async))
    passed = RunnableGenerator(_dictionaries, _dictionaries_async)
    return (passed | scored).with_config(run_name="trustworthiness")


def _dictionaries(chunks: Iterator[Mapping[str, Any]]) -> Iterator[AddableDict]:
    """What a runnable got, as it comes: the whole, or the chunks of a stream."""
    for chunk in chunks:
        yield _dictionary(chunk)


async def _dictionaries_async(
    chunks: AsyncIterator[Mapping[str, Any]],
) -> AsyncIterator[AddableDict]:
    async for chunk in chunks:
        yield _dictionary(chunk)


def _dictionary(given: Mapping[str, Any]) -> AddableDict:
    """What a verdict can be added to.

    Raises:
        DataError: It is something else.
    """
    if not isinstance(given, Mapping):
        raise DataError(
            f"trust_runnable got {kind_told(given)}; it takes a dictionary with the question and "
            "the answer, as RunnablePassthrough.assign(response=…) makes it"
        )
    return AddableDict(given)  # whose chunks add up


# The last three are what LangChain raises at messages that it does not know.
_UNREADABLE = (DataError, NotImplementedError, TypeError, ValueError)


def _unread(error: Exception, threshold: float) -> Verdict:
    told = str(error) if isinstance(error, TrustError) else type(error).__name__
    return no_verdict(f"what was given could not be read: {told}", threshold)


def _prompt_of(prompt: Any) -> Any:
    if prompt is None or isinstance(prompt, str):
        return prompt
    return convert_to_openai_messages(convert_to_messages(prompt))


def _response_of(response: Any) -> Any:
    if isinstance(response, Mapping) and isinstance(response.get("raw"), BaseMessage):
        response = response["raw"]  # of a structured output that was asked for with it
    is_list = isinstance(response, list) and any(isinstance(it, BaseMessage) for it in response)
    if is_list or isinstance(response, BaseMessage):
        return convert_to_openai_messages(response)
    return answer_of(response)


def _passages_of(context: Any) -> Any:
    if isinstance(context, Document):
        context = [context]
    if context is None or isinstance(context, str):
        return context
    return [getattr(passage, "page_content", passage) for passage in context]


def _attach(generation: "Generation", message: BaseMessage | None, verdict: Verdict) -> None:
    if message is not None:
        message.response_metadata["trust"] = verdict
    else:
        generation.generation_info = {**(generation.generation_info or {}), "trust": verdict}
