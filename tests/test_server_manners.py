"""However a server behaves, each client ends in time with an error of ours, and small."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from nemoguardrails import RailsConfig
from nemoguardrails.llm.models.initializer import init_llm_model
from nemoguardrails.rails.llm.config import Model

from nemoguardrails_trust.commands.building import build_model
from nemoguardrails_trust.commands.options import ScorerOptions
from nemoguardrails_trust.errors import ModelError, ModelResponseError, ModelTimeoutError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.guardrail.bot_models import BotModels
from nemoguardrails_trust.guardrail.settings import read_settings
from nemoguardrails_trust.integrations.langfuse.client import (
    Connection,
    LangfuseClient,
    RetryPolicy,
)
from nemoguardrails_trust.models.base import Ask, LanguageModel
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.server.backends import Backends
from nemoguardrails_trust.server.settings import settings_of
from tests.scorers.cleanlab.scene import Scene
from tests.servers.faults import status, streamed
from tests.servers.langfuse import PUBLIC_KEY, SECRET_KEY, LangfuseServer
from tests.servers.local import LocalServer
from tests.servers.manners import DIGITS, MANNERS
from tests.servers.openai import OpenAIServer
from tests.servers.tlm import TLMServer

MOST_MEMORY = 50_000_000
SLACK = 20.0  # seconds that a busy machine may add


Use = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def local(timeout: float) -> AsyncIterator[tuple[LocalServer, Use]]:
    async with OpenAIServer() as server:
        model = OpenAICompatibleModel(
            "gpt-test",
            base_url=server.base_url,
            api_key="k",
            timeout=timeout,
            max_retries=0,
            limits=Limits(),
        )
        yield server, lambda: model.complete(Ask((Message("user", "?"),), "sample"))
        await model.aclose()


@asynccontextmanager
async def hosted(timeout: float) -> AsyncIterator[tuple[LocalServer, Use]]:
    async with TLMServer() as server:
        with pytest.MonkeyPatch.context() as patch:
            scorer = Scene("cleanlab-tlm", patch).scorer(server.url, timeout=timeout)
            yield server, lambda: scorer.score(Exchange("2", (Message("user", "1 + 1?"),)))
            await scorer.aclose()


@asynccontextmanager
async def langfuse(timeout: float) -> AsyncIterator[tuple[LocalServer, Use]]:
    async with LangfuseServer() as server:
        client = LangfuseClient(
            Connection(PUBLIC_KEY, SECRET_KEY, server.url, timeout),
            RetryPolicy(attempts=1, rate_limit_attempts=1),
        )

        yield (
            server,
            lambda: client.call("reading traces", client.api.observations.get_many, limit=10),
        )
        await client.aclose()


@pytest.fixture(scope="module")
def warm() -> set[Any]:
    """The clients that were used before."""
    return set()


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("client", [local, hosted, langfuse], ids=lambda client: client.__name__)
async def test_a_client_ends_in_time_with_the_error_and_takes_little(
    client: Callable[[float], Any], manner: str, warm: set[Any]
) -> None:
    fault, kind = MANNERS[manner]
    timeout = 0.3 if kind is ModelTimeoutError else 20.0
    if client not in warm:
        async with client(20.0) as (_, use):
            await use()  # what is loaded once is no matter of the server's
        warm.add(client)
    async with client(timeout) as (server, use):
        server.faults.always(fault)
        started = asyncio.get_running_loop().time()
        tracemalloc.start()
        try:
            with pytest.raises(ModelError) as caught:
                await use()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert asyncio.get_running_loop().time() - started < timeout + SLACK
    assert isinstance(caught.value, kind)
    assert peak < MOST_MEMORY


async def test_what_is_packed_as_asked_is_read() -> None:
    body = b'{"choices": [{"message": {"content": "42"}}]}'
    deflated = zlib.compress(body)
    for packing, sent in [
        ("gzip", gzip.compress(body)),
        ("deflate", deflated),
        ("deflate", deflated[2:-4]),  # as some servers send it
        ("identity", body),
    ]:
        async with local(20.0) as (server, use):
            server.faults.always(streamed(partial(list, [sent]), Content_Encoding=packing))
            assert (await use()).completions[0].text == "42"


@pytest.mark.parametrize(
    "further",
    [
        {"usage": {"prompt_tokens": 10**400, "completion_tokens": 7, "total_tokens": 10**400}},
        {"usage": {"completion_tokens_details": {"reasoning_tokens": -(10**400)}}},
        {"usage": {"prompt_tokens": 1e308, "total_tokens": float("inf")}},
    ],
    ids=["count", "negative", "infinite"],
)
async def test_a_senseless_count_costs_nothing_but_itself(further: dict[str, Any]) -> None:
    answer = {"choices": [{"message": {"content": "42"}}]}
    async with local(20.0) as (server, use):
        server.faults.always(status(200, answer | further))
        for _ in range(2):  # what is learnt of the first must not spoil the second
            reply = await use()
            assert reply.completions[0].text == "42"
            assert reply.calls[0].prompt_tokens == 0


@pytest.mark.parametrize("logprob", [10**400, -(10**400), "-1", None, float("nan")], ids=str)
async def test_a_senseless_log_probability_costs_nothing_but_itself(logprob: Any) -> None:
    listed = {"content": [{"token": "42", "logprob": logprob, "top_logprobs": []}]}
    answer = {"choices": [{"message": {"content": "42"}, "logprobs": listed}]}
    async with local(20.0) as (server, use):
        server.faults.always(status(200, answer))
        (completion,) = (await use()).completions
    assert completion.text == "42"
    if logprob == -(10**400):  # as good as impossible
        assert completion.tokens is not None
        assert completion.tokens[0].logprob == -9999.0
    else:
        assert completion.tokens is None


@pytest.mark.parametrize("reset", [f"{DIGITS}s", f"{DIGITS}h", DIGITS, "0.0000001ms"])
async def test_a_senseless_reset_slows_no_later_request_down(reset: str) -> None:
    answer = {"choices": [{"message": {"content": "42"}}]}
    headers = {
        "x_ratelimit_limit_requests": "100",
        "x_ratelimit_remaining_requests": "0",
        "x_ratelimit_reset_requests": reset,
    }
    async with local(20.0) as (server, use):
        server.faults.next(status(200, answer, **headers))
        await use()
        started = asyncio.get_running_loop().time()
        assert (await use()).completions[0].text == "42"
        assert asyncio.get_running_loop().time() - started < 2 + SLACK


async def test_a_reason_that_is_none_is_not_quoted() -> None:
    answer = {"choices": [{"message": {"content": ""}, "finish_reason": "Bearer sk-echoed"}]}
    async with local(20.0) as (server, use):
        server.faults.always(status(200, answer))
        with pytest.raises(ModelResponseError, match="has no text") as caught:
            await use()
        assert "sk-echoed" not in str(caught.value)
        answer["choices"][0]["finish_reason"] = "content_filter"
        with pytest.raises(ModelResponseError, match=r"\(content_filter\)"):
            await use()


def _of_a_command(url: str) -> LanguageModel:
    model = build_model(ScorerOptions(model="gpt-test", base_url=url, most_bytes=50))
    assert model is not None
    return model


def _of_the_server(url: str) -> LanguageModel:
    backend = {"model": "gpt-test", "base_url": url, "most_bytes": 50}
    return Backends(settings_of({"backends": {"own": backend}})).model("own")


def _of_the_rail(url: str) -> LanguageModel:
    parameters = {"base_url": url, "api_key": "k"}
    entry = Model(type="main", engine="openai", model="gpt-test", parameters=parameters)
    config = RailsConfig(models=[entry])
    llm = init_llm_model("gpt-test", "openai", parameters, mode="chat")
    model = BotModels(read_settings({"trust": {"most_bytes": 50}}), config).model_for(llm)
    assert model is not None
    return model


@pytest.mark.parametrize("build", [_of_a_command, _of_the_server, _of_the_rail])
async def test_the_most_of_an_answer_is_a_setting(
    build: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    async with OpenAIServer(answer="x" * 100) as server:
        model = build(server.base_url)
        with pytest.raises(ModelResponseError, match="larger than"):
            await model.complete(Ask((Message("user", "?"),), "sample"))
        await model.aclose()
