"""LiteLLM's own calls and hooks, with its guardrails at work."""

import time
from collections.abc import AsyncIterator
from inspect import signature
from typing import Any

import litellm
import pytest
import yaml
from litellm.exceptions import GuardrailRaisedException
from litellm.types.guardrails import GuardrailEventHooks, LitellmParams

from nemoguardrails_trust import TLM, SetupError
from nemoguardrails_trust.integrations.litellm import TrustGuardrail
from tests.integrations.scene import PAGE, model
from tests.servers.faults import HANG
from tests.servers.openai import OpenAIServer
from tests.tlm.scene import KEY, is_answering, is_judging, kinds, text_of

pytestmark = pytest.mark.filterwarnings(  # within LiteLLM
    "ignore:.*ReadOnly.*:UserWarning",
    "ignore:Accessing the .model_.*:DeprecationWarning",
)


@pytest.fixture(autouse=True)
async def _closed_clients() -> AsyncIterator[None]:
    """LiteLLM keeps a client of each loop for an hour, with its sockets open."""
    yield
    if hasattr(litellm, "close_litellm_async_clients"):  # the oldest that is allowed has none
        await litellm.close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()


RIGHT, WRONG = "Capital of France?", "Capital of Utopia?"


def guardrail(tlm: TLM, **settings: Any) -> TrustGuardrail:
    usual: dict[str, Any] = {
        "guardrail_name": "trust",
        "event_hook": "post_call",
        "default_on": True,
    }
    return TrustGuardrail(tlm, **usual | settings)


def request(question: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}]}


async def completion(server: OpenAIServer, question: str, **more: Any) -> Any:
    return await litellm.acompletion(
        "openai/gpt-test", api_base=server.base_url, api_key=KEY, **request(question), **more
    )


async def hooked(guard: TrustGuardrail, server: OpenAIServer, question: str) -> Any:
    response = await completion(server, question)
    return await guard.async_post_call_success_hook(request(question), None, response)


@pytest.mark.parametrize(
    ("question", "status"), [(RIGHT, "trusted"), (WRONG, "untrustworthy")], ids=["right", "wrong"]
)
async def test_an_answer_has_its_verdict(
    tlm: TLM, server: OpenAIServer, question: str, status: str
) -> None:
    response = await hooked(guardrail(tlm), server, question)
    assert response.trust["status"] == status
    assert response.model_dump()["trust"]["threshold"] == 0.6
    assert kinds(server) == ["answer", "reflection"]


async def test_an_answer_below_the_threshold_is_blocked(tlm: TLM, server: OpenAIServer) -> None:
    guard = guardrail(tlm, on_untrustworthy="block")
    assert (await hooked(guard, server, RIGHT)).trust["status"] == "trusted"
    with pytest.raises(GuardrailRaisedException, match="the answer is untrustworthy") as raised:
        await hooked(guard, server, WRONG)
    assert raised.value.blocked_content
    assert (await hooked(guardrail(tlm, threshold=0.0), server, WRONG)).trust["threshold"] == 0.0


async def test_an_answer_that_could_not_be_scored_is_blocked_where_wanted(
    tlm: TLM, server: OpenAIServer
) -> None:
    made: dict[str, Any] = {"api_base": server.base_url, "api_key": "sk-refused", "model": "judge"}
    settings: dict[str, Any] = {
        "guardrail_name": "trust",
        "default_on": True,
        "event_hook": "post_call",
    }
    response = await hooked(TrustGuardrail(**made, **settings), server, RIGHT)
    assert response.trust["status"] == "unchecked"
    with pytest.raises(GuardrailRaisedException, match="the answer is unchecked") as raised:
        await hooked(TrustGuardrail(**made, **settings, on_error="block"), server, RIGHT)
    assert not raised.value.blocked_content


async def test_a_score_that_takes_too_long_leaves_an_answer_unchecked(
    server: OpenAIServer,
) -> None:
    guard = TrustGuardrail(
        model="judge",
        api_base=server.base_url,
        api_key=KEY,
        quality_preset="low",
        timeout=0.5,
        guardrail_name="trust",
        default_on=True,
        event_hook="post_call",
    )
    server.faults.always(HANG, when=is_judging)
    started = time.perf_counter()
    try:
        response = await hooked(guard, server, RIGHT)
    finally:
        server.faults.clear()
    assert response.trust["status"] == "unchecked"
    assert time.perf_counter() - started < 30  # the default is twice as long


async def test_the_library_runs_it_by_itself(
    tlm: TLM, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm, "callbacks", [guardrail(tlm, on_untrustworthy="block")])
    response = await completion(server, RIGHT, guardrails=["trust"])
    assert response.trust["status"] == "trusted"
    with pytest.raises(GuardrailRaisedException):
        await completion(server, WRONG, guardrails=["trust"])


async def streamed(guard: TrustGuardrail, server: OpenAIServer, question: str) -> str:
    chunks: AsyncIterator[Any] = guard.async_post_call_streaming_iterator_hook(
        None, await completion(server, question, stream=True), request(question)
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


async def test_a_stream_is_held_back_until_it_is_scored(tlm: TLM, server: OpenAIServer) -> None:
    guard = guardrail(tlm, on_untrustworthy="block")
    assert await streamed(guard, server, RIGHT) == "Paris"
    assert kinds(server) == ["answer", "reflection"]
    with pytest.raises(GuardrailRaisedException):
        await streamed(guard, server, WRONG)


async def test_a_stream_that_nothing_can_block_is_passed_on(tlm: TLM, server: OpenAIServer) -> None:
    assert await streamed(guardrail(tlm), server, WRONG) == "Zug"
    assert kinds(server) == ["answer"]


async def two_answers(server: OpenAIServer, question: str, second: str) -> Any:
    """An answer with a second choice."""
    response = await completion(server, question)
    other = response.choices[0].model_copy(deep=True, update={"index": 1})
    other.message.content = second
    response.choices.append(other)
    return response


async def test_each_choice_has_its_verdict_and_any_of_them_can_block(
    tlm: TLM, server: OpenAIServer
) -> None:
    response = await two_answers(server, RIGHT, "Zug")
    data = request(RIGHT)
    flagged = await guardrail(tlm).async_post_call_success_hook(data, None, response)
    statuses = [choice.trust["status"] for choice in flagged.choices]
    assert statuses == ["trusted", "untrustworthy"]
    assert flagged.trust == flagged.choices[0].trust
    guard = guardrail(tlm, on_untrustworthy="block")
    with pytest.raises(GuardrailRaisedException, match="untrustworthy"):
        await guard.async_post_call_success_hook(data, None, response)


async def test_a_stream_of_several_choices_is_scored_by_choice(
    tlm: TLM, server: OpenAIServer
) -> None:
    async def chunks(second: str) -> AsyncIterator[Any]:
        stream = await completion(server, RIGHT, stream=True)
        async for chunk in stream:
            yield chunk
            other = chunk.model_copy(deep=True)
            other.choices[0].index = 1
            other.choices[0].delta.content = second if chunk.choices[0].delta.content else None
            yield other

    async def passed(second: str) -> int:
        guard = guardrail(tlm, on_untrustworthy="block", on_error="block")
        hook = guard.async_post_call_streaming_iterator_hook
        return len([chunk async for chunk in hook(None, chunks(second), request(RIGHT))])

    assert await passed("Paris") > 0
    with pytest.raises(GuardrailRaisedException, match="the answer is untrustworthy"):
        await passed("Zug")


@pytest.mark.parametrize(("said", "status"), [("Paris", "trusted"), ("Zug", "untrustworthy")])
async def test_an_answer_in_anthropics_form_has_its_verdict(
    tlm: TLM, said: str, status: str
) -> None:
    content = [{"type": "text", "text": said}]
    message = {"type": "message", "role": "assistant", "content": content}
    guard = guardrail(tlm)
    answered = await guard.async_post_call_success_hook(request(RIGHT), None, message)
    assert answered["trust"]["status"] == status


@pytest.mark.parametrize(("said", "status"), [("Paris", "trusted"), ("Zug", "untrustworthy")])
async def test_a_completion_of_text_has_its_verdict(tlm: TLM, said: str, status: str) -> None:
    response = litellm.TextCompletionResponse(choices=[{"text": said, "index": 0}])
    guard = guardrail(tlm)
    answered = await guard.async_post_call_success_hook({"prompt": RIGHT}, None, response)
    assert answered.trust["status"] == status


@pytest.mark.parametrize(
    "data", [{"prompt": [RIGHT, WRONG]}, {}], ids=["several prompts", "no prompt"]
)
async def test_an_answer_to_what_is_not_known_is_unchecked(tlm: TLM, data: dict[str, Any]) -> None:
    response = litellm.TextCompletionResponse(choices=[{"text": "Paris", "index": 0}])
    answered = await guardrail(tlm).async_post_call_success_hook(data, None, response)
    assert answered.trust["status"] == "unchecked"
    guard = guardrail(tlm, on_error="block")
    with pytest.raises(GuardrailRaisedException, match="the answer is unchecked"):
        await guard.async_post_call_success_hook(data, None, response)


async def messages_streamed(server: OpenAIServer, question: str) -> AsyncIterator[bytes]:
    """An answer in Anthropic's form, as LiteLLM makes a stream of it."""
    stream = await litellm.anthropic.messages.acreate(
        model="hosted_vllm/gpt-test",
        api_base=server.base_url,
        api_key=KEY,
        max_tokens=99,
        stream=True,
        **request(question),
    )
    async for event in stream:
        yield event


async def test_a_stream_in_anthropics_form_is_held_back_until_it_is_scored(
    tlm: TLM, server: OpenAIServer
) -> None:
    hook = guardrail(
        tlm, on_untrustworthy="block", on_error="block"
    ).async_post_call_streaming_iterator_hook
    shown = hook(None, messages_streamed(server, RIGHT), request(RIGHT))
    assert b"Paris" in b"".join([event async for event in shown])
    with pytest.raises(GuardrailRaisedException, match="the answer is untrustworthy"):
        _ = [e async for e in hook(None, messages_streamed(server, WRONG), request(WRONG))]


async def test_so_are_the_calls_of_tools_in_it(tlm: TLM, server: OpenAIServer) -> None:
    function = {"name": "look_up", "arguments": '{"city": "Paris"}'}
    call = {"id": "1", "type": "function", "function": function}
    server.answers = lambda body: (
        {"content": None, "tool_calls": [call]} if is_answering(body) else model(body)
    )
    hook = guardrail(tlm, on_error="block").async_post_call_streaming_iterator_hook
    try:
        shown = [e async for e in hook(None, messages_streamed(server, RIGHT), request(RIGHT))]
    finally:
        server.answers = model
    assert b"look_up" in b"".join(shown)
    assert "look_up" in text_of(server.bodies[-1])


@pytest.mark.parametrize(
    "stream",
    [
        b"event: message_start\ndata: {}\n\n",
        b'data: {"type": "message_start", "message": {"type": "message"}}\n\n',
        b'data: {"type": "content_block_start", "index": 0}\n\n',
        b'data: {"type": "message_stop"}\n\n',
        b"data: [1]\n\n",
        b"data: \xff\n\n",
    ],
)
async def test_a_stream_in_another_form_is_unchecked(tlm: TLM, stream: bytes) -> None:
    async def events() -> AsyncIterator[bytes]:
        yield stream

    hook = guardrail(tlm, on_error="block").async_post_call_streaming_iterator_hook
    with pytest.raises(GuardrailRaisedException, match="the answer is unchecked"):
        _ = [event async for event in hook(None, events(), request(RIGHT))]


async def test_an_embedding_is_left_alone(tlm: TLM, server: OpenAIServer) -> None:
    guard = guardrail(tlm, on_untrustworthy="block", on_error="block")
    embedding = litellm.EmbeddingResponse(data=[{"embedding": [0.1], "index": 0}])
    data = {"input": ["Capital of France?"]}
    assert await guard.async_post_call_success_hook(data, None, embedding) is embedding
    assert not server.received


async def test_a_request_that_does_not_want_it_is_left_alone(
    tlm: TLM, server: OpenAIServer
) -> None:
    guard = TrustGuardrail(tlm, guardrail_name="trust", event_hook="post_call", default_on=False)
    assert not hasattr(await hooked(guard, server, WRONG), "trust")
    assert kinds(server) == ["answer"]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"threshold": 2}, "threshold is 2"),
        ({"on_untrustworthy": "warn"}, "on_untrustworthy is 'warn'"),
        ({"on_error": "allow"}, "on_error is 'allow'"),
        ({"threshold": "0.7"}, "threshold is '0.7'"),
        ({"treshold": 0.7}, r"treshold is not a setting; did you mean threshold\?"),
        ({"on_untrustworhty": "block"}, r"did you mean on_untrustworthy\?"),
        ({"quality": "low"}, r"quality is not a setting; did you mean quality_preset\?"),
        ({"base_url": "http://x/v1"}, r"did you mean api_base\?"),
        ({"event_hook": "pre_call"}, "pre_call"),
    ],
)
def test_a_setting_out_of_range_is_told(tlm: TLM, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(SetupError, match=named) as caught:
        guardrail(tlm, **settings)
    # At these, the proxy starts without the guardrail.
    assert not isinstance(caught.value, ValueError | TypeError)


def test_the_judges_address_is_named_as_the_proxy_names_it() -> None:
    with pytest.raises(SetupError, match=r"^api_base must be an address such as"):
        TrustGuardrail(model="judge", api_base="localhost", api_key=KEY, guardrail_name="trust")


def test_no_setting_of_litellm_itself_is_taken_for_a_slip(tlm: TLM) -> None:
    theirs = LitellmParams(guardrail="trust.TrustGuardrail", mode="post_call").model_dump()
    ours = {*signature(TrustGuardrail).parameters, "guardrail", "mode", "default_on"}
    guardrail(tlm, **{name: value for name, value in theirs.items() if name not in ours})


def test_the_settings_of_the_page_are_taken(server: OpenAIServer) -> None:
    section = PAGE.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    (entry,) = yaml.safe_load(section)["guardrails"]
    settings = entry["litellm_params"]
    assert settings.pop("guardrail") == f"trust.{TrustGuardrail.__name__}"
    guard = TrustGuardrail(
        guardrail_name=entry["guardrail_name"],
        event_hook=settings.pop("mode"),
        api_base=server.base_url,
        api_key=KEY,
        **settings,
    )
    assert guard.should_run_guardrail(request(RIGHT), GuardrailEventHooks.post_call)
