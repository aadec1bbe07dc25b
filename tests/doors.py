"""Every door by which an answer comes in to be scored, with one local model behind them all.

    with opened(server.base_url) as doors:
        verdict = await doors["rail 2.x"]([{"role": "user", "content": "1 + 1?"}], "2")

The answer is given, as whatever wrote it said it; the server judges and samples.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.testing import FakeLLMModel
from nemoguardrails.types import LLMResponse, LLMResponseChunk

from nemoguardrails_trust import (
    TLM,
    LocalScorer,
    OpenAICompatibleModel,
    ScorerSettings,
    TraceQuery,
    TrustEvent,
    score_rows,
    score_traces_async,
    stream_with_trust,
)
from nemoguardrails_trust.datasets import evaluate_dataset
from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.publishing import collected_outcomes
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.server.settings import settings_of
from tests.guardrail.scripted import V2_MAIN
from tests.server.running import in_thread
from tests.servers.langfuse import LangfuseServer
from tests.servers.local import threaded_server

Messages = list[dict[str, Any]]
KEY = "sk-never-shown"
RAILS = ("rail 1.0", "rail 1.0 streaming", "rail 2.x", "rail 2.x streaming")
OTHERS = ("TLM", "score", "evaluate", "langfuse", "server TLM", "server chat")
DOORS = (*RAILS, *OTHERS)

_MODELS = """
models:
  - {{type: judge, engine: openai, model: gpt-test,
     parameters: {{base_url: "{url}", api_key: {key}, max_retries: 0, timeout: {timeout}}}}}
custom_data: {{trust: {{model: judge, timeout: {timeout}, cache: 0, on_error: flag}}}}
"""
_V1 = """
import_paths: [nemoguardrails_trust/rail]
rails:
  output:
    flows: [cleanlab trustworthiness]
    streaming: {enabled: true, chunk_size: 1000000, context_size: 1}
"""


@dataclass(frozen=True)
class Verdict:
    """What a door says of an answer.

    Attributes:
        score: `None` where there is none.
        error: Why there is none, or a part of it is missing.
        shown: What the user gets to see; `None` where the door shows nothing.
    """

    score: float | None
    error: str | None
    shown: str | None = None


Door = Callable[[Messages, str], Awaitable[Verdict]]


class _Says(FakeLLMModel):  # type: ignore[misc]
    """A bot's model that says what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ""

    def _next_response(self) -> LLMResponse:
        return LLMResponse(content=self.words)

    async def stream_async(self, prompt: Any, **_: Any) -> AsyncIterator[LLMResponseChunk]:
        half = len(self.words) // 2
        for part in (self.words[:half], self.words[half:]):
            yield LLMResponseChunk(delta_content=part)


@contextlib.contextmanager
def _loop() -> Iterator[None]:
    """A loop for synchronous code: NeMo Guardrails makes one where there is none, for good."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        loop.close()
        asyncio.set_event_loop(None)


class _Rail:
    """A bot of one Colang version, asked in one of two ways."""

    def __init__(self, url: str, *, version: str, timeout: float) -> None:
        register()
        models = _MODELS.format(url=url, key=KEY, timeout=timeout)
        self._model = _Says()
        yaml = f"{models}{_V1}" if version == "1.0" else f'colang_version: "2.x"\n{models}'
        config = RailsConfig.from_content(
            yaml_content=yaml,
            colang_content=V2_MAIN.format(arguments="", more="") if version == "2.x" else None,
        )
        with _loop():
            self._app = LLMRails(config, llm=self._model)
        if version == "2.x":

            async def answer() -> str:
                return self._model.words

            self._app.register_action(answer, "AnswerAction")

    async def whole(self, messages: Messages, answer: str) -> Verdict:
        self._model.words = answer
        with collected_outcomes() as outcomes:
            said = await self._app.generate_async(messages=messages)
        return self._verdict(outcomes[-1] if outcomes else None, said["content"])

    async def streamed(self, messages: Messages, answer: str) -> Verdict:
        self._model.words = answer
        *texts, event = [item async for item in stream_with_trust(self._app, messages)]
        assert isinstance(event, TrustEvent)
        return self._verdict(event.outcome, "".join(map(str, texts)))

    def _verdict(self, outcome: Any, shown: str) -> Verdict:
        if outcome is None:
            return Verdict(None, "no verdict", shown)
        told = outcome.metadata
        return Verdict(told["trustworthiness_score"], told["error"], shown)


@contextlib.contextmanager
def opened(url: str, *, timeout: float = 20.0) -> Iterator[Mapping[str, Door]]:
    """All doors, by name.

    Args:
        url: The model's base URL.
        timeout: Seconds for a check.
    """
    with contextlib.ExitStack() as stack:
        v1 = _Rail(url, version="1.0", timeout=timeout)
        v2 = _Rail(url, version="2.x", timeout=timeout)
        doors: dict[str, Door] = dict(
            zip(RAILS, (v1.whole, v1.streamed, v2.whole, v2.streamed), strict=True)
        )
        doors |= _python(url, timeout, stack)
        doors["langfuse"] = _langfuse(
            url, timeout, stack.enter_context(threaded_server(LangfuseServer()))
        )
        backend = {"model": "gpt-test", "base_url": url, "api_key_variable": "NO_KEY"}
        settings = settings_of({"backends": {"own": backend}, "limits": {"timeout": timeout}})
        address, _ = stack.enter_context(in_thread(settings))
        doors |= _server(address)
        yield doors


def _scorer(url: str, timeout: float) -> LocalScorer:
    model = OpenAICompatibleModel(
        "gpt-test", base_url=url, api_key=KEY, timeout=timeout, max_retries=0, limits=Limits()
    )
    return LocalScorer(model, ScorerSettings(timeout=timeout))


def _python(url: str, timeout: float, stack: contextlib.ExitStack) -> dict[str, Door]:
    tlm = stack.enter_context(
        TLM(
            model="gpt-test",
            base_url=url,
            api_key=KEY,
            timeout=timeout,
        )
    )

    async def by_tlm(messages: Messages, answer: str) -> Verdict:
        try:
            found = await tlm.get_trustworthiness_score_async(messages, answer)
        except TrustError as error:
            return Verdict(None, str(error))
        return Verdict(found["trustworthiness_score"], None)

    async def by_score(messages: Messages, answer: str) -> Verdict:
        scorer = _scorer(url, timeout)
        try:
            rows = score_rows([{"prompt": messages, "response": answer}], scorer=scorer)
            (row,) = [row async for row in rows]
        finally:
            await scorer.aclose()
        return Verdict(row["trustworthiness_score"], row["error"])

    async def by_evaluate(messages: Messages, answer: str) -> Verdict:
        rows = [{"prompt": messages, "response": answer, "correct": 1}]
        work = partial(evaluate_dataset, rows, scorer=_scorer(url, timeout), score_column="s")
        try:
            found = await asyncio.to_thread(work)
        except TrustError as error:
            return Verdict(None, str(error))
        if found.unchecked:
            return Verdict(None, "unchecked")
        return Verdict(1.0 - (found.flagged_share or 0.0), None)

    return {"TLM": by_tlm, "score": by_score, "evaluate": by_evaluate}


def _langfuse(url: str, timeout: float, server: LangfuseServer) -> Door:
    async def door(messages: Messages, answer: str) -> Verdict:
        name = uuid.uuid4().hex
        server.add_trace(messages, answer, name=name)
        report = await score_traces_async(
            _scorer(url, timeout), TraceQuery(name=name), connection=server.connection(timeout)
        )
        (result,) = report.results
        return Verdict(result.value, result.error)

    return door


def _server(address: str) -> dict[str, Door]:
    async def post(path: str, body: dict[str, Any]) -> Any:
        content = json.dumps(body)  # with half a surrogate pair as JSON has it
        headers = {"Content-Type": "application/json"}
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            response = await client.post(path, content=content, headers=headers)
        assert response.status_code != 500, response.text
        return response.json()

    async def by_tlm(messages: Messages, answer: str) -> Verdict:
        body = {"prompt": messages[-1]["content"], "response": answer}
        told = await post("/api/v0/trustworthy_llm/get_confidence_score", body)
        score = told.get("confidence_score")
        return Verdict(score, None if score is not None else json.dumps(told))

    async def by_chat(messages: Messages, answer: str) -> Verdict:
        choice = {"index": 0, "message": {"role": "assistant", "content": answer}}
        body = {"messages": messages, "completion": {"choices": [choice]}}
        answered = await post("/api/chat/score", body)
        if "tlm_metadata" not in answered:  # a completion without a score is an error
            return Verdict(None, json.dumps(answered))
        told = answered["tlm_metadata"]
        return Verdict(told["trustworthiness_score"], json.dumps(told.get("log")))

    return {"server TLM": by_tlm, "server chat": by_chat}
