"""Every way in which a server can fail is met by its error, and tried again where that helps."""

import asyncio
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelConnectionError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
    TrustError,
)
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.base import Ask, Reply
from nemoguardrails_trust.models.deadline import whole_deadline
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.models.refusals import failure_of_status
from tests.servers.faults import (
    DISCONNECT,
    HANG,
    HTML,
    MISSING,
    NAN,
    RESET,
    TRUNCATED,
    UNAUTHORIZED,
    Fault,
    closed_port,
    rate_limited,
    status,
)
from tests.servers.openai import OpenAIServer

KEY = "sk-very-secret-0123456789"
PROMPT = "What does nobody else read?"


def model_at(base_url: str, **keywords: Any) -> OpenAICompatibleModel:
    given: dict[str, Any] = {"api_key": KEY, "limits": Limits(), "timeout": 5.0} | keywords
    return OpenAICompatibleModel("gpt-test", base_url=base_url, **given)


async def ask(model: OpenAICompatibleModel, n: int = 1) -> Reply:
    return await model.complete(Ask((Message("user", PROMPT),), "sample", n))


async def error_of(model: OpenAICompatibleModel) -> Any:
    with pytest.raises((ModelError, CredentialsError)) as caught:
        await ask(model)
    shown = f"{caught.value!r} {caught.value.__context__!r}"
    assert str(caught.value).startswith("gpt-test at ")
    assert KEY not in shown
    assert PROMPT not in shown
    return caught.value


@pytest.mark.parametrize(
    ("fault", "kind", "requests"),
    [
        (UNAUTHORIZED, CredentialsError, 1),
        (status(403), ModelRequestError, 1),
        (status(404), ModelRequestError, 1),
        (status(302, Location="/elsewhere"), ModelResponseError, 1),
        (status(400, {"error": {"message": f"{PROMPT} {KEY}"}}), ModelRequestError, 1),
        (status(400, [1]), ModelRequestError, 1),
        (status(408), ModelTimeoutError, 2),
        (status(500), ModelServerError, 2),
        (status(503), ModelServerError, 2),
        (Fault("html", 502), ModelServerError, 2),
        (status(501), ModelRequestError, 1),
        (rate_limited(0.01), RateLimitError, 2),
        (rate_limited(), RateLimitError, 2),
        (HTML, ModelResponseError, 1),
        (TRUNCATED, ModelResponseError, 1),
        (MISSING, ModelResponseError, 1),
        (status(200, {"choices": []}), ModelResponseError, 1),
        (status(200, {"choices": None}), ModelResponseError, 1),
        (status(200, {"choices": ["42"]}), ModelResponseError, 1),
        (status(200, {"choices": [{}]}), ModelResponseError, 1),
        (status(200, {"choices": [{"message": "42"}]}), ModelResponseError, 1),
        (status(200, {"choices": [{"message": {"content": 42}}]}), ModelResponseError, 1),
        (status(200, {"choices": [{"message": {"content": float("nan")}}]}), ModelResponseError, 1),
        (status(200, ["42"]), ModelResponseError, 1),
        (status(200, {"error": {"message": "gone", "code": 503}}), ModelServerError, 2),
        (status(200, {"error": {"message": "slow", "code": 429}}), RateLimitError, 2),
        (RESET, ModelConnectionError, 2),
        (DISCONNECT, ModelConnectionError, 3),
    ],
    ids=str,
)
async def test_a_fault_is_met_by_its_error(
    fault: Fault, kind: type[TrustError], requests: int
) -> None:
    async with OpenAIServer() as server:
        server.faults.always(fault)
        error = await error_of(model_at(server.base_url, max_retries=1))
        assert isinstance(error, kind)
        assert len(server.received) == requests
        if fault.kind == "status" and fault.code >= 300:
            assert error.status == fault.code  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "fault", [status(500), RESET, DISCONNECT, rate_limited(0.05), status(503, Retry_After="0.05")]
)
async def test_a_passing_fault_is_got_over(fault: Fault) -> None:
    async with OpenAIServer() as server:
        server.faults.next(fault)
        reply = await ask(model_at(server.base_url))
    assert [completion.text for completion in reply.completions] == ["42"]
    assert [call.samples for call in reply.calls] == [0, 1]


async def test_nothing_is_tried_again_where_that_is_wished() -> None:
    async with OpenAIServer() as server:
        server.faults.always(status(500))
        await error_of(model_at(server.base_url, max_retries=0))
        assert len(server.received) == 1


async def test_numbers_that_are_none_leave_the_text_alone() -> None:
    async with OpenAIServer(answer="Forty-two") as server:
        server.faults.next(NAN)
        model = model_at(server.base_url, parameters={"logprobs": True, "top_logprobs": 2})
        reply = await ask(model)
    [completion] = reply.completions
    assert completion.text == "Forty-two"
    assert completion.tokens is None
    assert reply.calls[0].prompt_tokens == 0


async def test_a_closed_port_is_a_refused_connection() -> None:
    error = await error_of(model_at(f"http://127.0.0.1:{closed_port()}/v1", max_retries=0))
    assert isinstance(error, ModelConnectionError)
    assert "refused" in str(error)


async def test_an_unknown_host_is_named_and_not_tried_again() -> None:
    started = asyncio.get_running_loop().time()
    error = await error_of(model_at("http://nowhere.invalid/v1", max_retries=9))
    assert isinstance(error, ModelConnectionError)
    assert str(error) == "gpt-test at nowhere.invalid: no such host; is base_url right?"
    assert asyncio.get_running_loop().time() - started < 30


async def test_a_server_without_tls_is_no_secure_connection() -> None:
    async with OpenAIServer() as server:
        error = await error_of(model_at(server.base_url.replace("http:", "https:"), max_retries=9))
    assert isinstance(error, ModelConnectionError)
    assert "secure" in str(error)


async def test_a_hanging_server_is_a_timeout_that_leaves_nothing_open() -> None:
    async with OpenAIServer() as server:
        server.faults.always(HANG)
        error = await error_of(model_at(server.base_url, timeout=2))
        assert isinstance(error, ModelTimeoutError)
        await server.idle()
        assert len(server.received) == server.cancelled_requests == 1


async def test_what_is_no_http_is_an_unusable_answer() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    error = await error_of(model_at(f"http://127.0.0.1:{port}/v1", max_retries=0))
    assert isinstance(error, ModelResponseError)
    server.close()
    await server.wait_closed()


async def test_a_retry_after_beyond_the_timeout_fails_at_once_and_for_all() -> None:
    async with OpenAIServer() as server:
        server.faults.always(rate_limited(30))
        model = model_at(server.base_url, timeout=20)
        started = asyncio.get_running_loop().time()
        first = await error_of(model)
        second = await error_of(model)
        assert asyncio.get_running_loop().time() - started < 30
        assert len(server.received) == 1
    for error in (first, second):
        assert isinstance(error, RateLimitError)
        assert error.status == 429
        assert error.retry_after == pytest.approx(30, abs=2)


async def test_a_retry_after_beyond_a_whole_deadline_fails_at_once() -> None:
    async with OpenAIServer() as server:
        server.faults.next(rate_limited(2))
        model = model_at(server.base_url, timeout=60)
        with whole_deadline(9), whole_deadline(1), pytest.raises(RateLimitError):
            await ask(model)


async def test_a_whole_deadline_cuts_a_request_short() -> None:
    async with OpenAIServer() as server:
        server.faults.always(HANG)
        with whole_deadline(0.1), pytest.raises(ModelTimeoutError):
            await ask(model_at(server.base_url, timeout=60))


@pytest.mark.parametrize("form", ["ms", "date", "reset"])
async def test_the_time_to_wait_is_understood_in_every_form(form: str) -> None:
    headers = {
        "ms": {"Retry_After_Ms": "300", "Retry_After": "50"},
        "date": {"Retry_After": formatdate(usegmt=True)},
        "reset": {"X_Ratelimit_Remaining_Tokens": "0", "X_Ratelimit_Reset_Tokens": "300ms"},
    }[form]
    async with OpenAIServer() as server:
        server.faults.next(rate_limited(None, **headers))
        started = asyncio.get_running_loop().time()
        await ask(model_at(server.base_url))
        took = asyncio.get_running_loop().time() - started
    assert took < 10
    assert form == "date" or took >= 0.3


async def test_a_used_up_quota_is_not_tried_again_and_holds_nobody_up() -> None:
    async with OpenAIServer() as server:
        server.faults.next(status(429, {"error": {"code": "insufficient_quota"}}))
        model = model_at(server.base_url)
        error = await error_of(model)
        assert isinstance(error, RateLimitError)
        assert "quota" in str(error)
        assert (await ask(model)).completions
        assert len(server.received) == 2


async def test_the_servers_code_is_quoted_but_not_its_words() -> None:
    body = {"error": {"message": f"No {PROMPT}", "type": "invalid", "code": "model_not_found"}}
    async with OpenAIServer() as server:
        server.faults.next(status(404, body))
        error = await error_of(model_at(server.base_url))
    assert "(model_not_found, invalid)" in str(error)


async def test_a_call_that_fails_is_cancelled_with_none_of_its_requests_left() -> None:
    async with OpenAIServer(n="ignored") as server:
        model = model_at(server.base_url, timeout=1.0)
        await ask(model, 2)
        server.faults.always(HANG)
        with pytest.raises(ModelTimeoutError):
            await ask(model, 6)
        await server.idle()
        assert server.cancelled_requests == 6


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "param", "code", "type", "detail", "loc", "msg"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(code=st.integers(300, 599), body=JSON)
def test_any_error_body_makes_an_error_with_its_status(code: int, body: Any) -> None:
    failed = failure_of_status("gpt-test at host", code, {}, body)
    assert failed.error.status == code
    assert str(failed.error).startswith(f"gpt-test at host: status {code}")
