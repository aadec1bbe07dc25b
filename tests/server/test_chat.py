"""The real `openai` client gets the backend's own answers, with a score beside them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.server.running import KEY, Running, is_share, serving
from tests.servers.faults import status
from tests.tlm.scene import is_judging, is_sampling, text_of

BASES = [
    "/api/v1/openai_trustworthy_llm",
    "/api/v1/openai_trustworthy_llm/",
    "/api/v1/openai_trustworthy_llm/v1",
    "/api",
    "/api/v1",
    "/v1",
    "/openai/v1",
]
ASKED: Any = [{"role": "user", "content": "Say echo"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALL = {
    "id": "1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "X"}'},
}


def answer(body: dict[str, Any]) -> Any:
    """Answers with the last word of the question, with a tool's call where there are tools."""
    content = body["messages"][-1]["content"]
    if not isinstance(content, str):
        return "a cat"
    if is_judging(body):
        return "False 10" if "doubtful" in text_of(body) else "True 90"
    if body.get("tools"):
        return {"content": None, "tool_calls": [CALL]}
    if body.get("response_format"):
        return json.dumps({"word": "echo"})
    return content.split()[-1]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    names = {"claimed": "own", "org/other": "own"}
    with serving(answer, keys_variable="CHAT_KEYS", models=names) as server:
        yield server


def client(server: Running, base: str = "/v1", key: str = KEY) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=f"{server.url}{base}", max_retries=0)


def create(server: Running, *, base: str = "/v1", **arguments: Any) -> Any:
    arguments = {"model": "gpt-4o", "messages": ASKED} | arguments
    with client(server, base) as asking:
        return asking.chat.completions.create(**arguments)


def post(server: Running, path: str = "/v1/chat/completions", **body: Any) -> httpx.Response:
    return httpx.post(f"{server.url}{path}", json={"messages": ASKED} | body, timeout=60)


@pytest.mark.conformance(20)
@pytest.mark.parametrize("base", BASES)
def test_a_completion_carries_its_score_below_every_base(running: Running, base: str) -> None:
    completion = create(running, base=base)
    assert completion.choices[0].message.content == "echo"
    assert set(completion.tlm_metadata) == {"trustworthiness_score"}
    assert is_share(completion.tlm_metadata["trustworthiness_score"])


@pytest.mark.parametrize("quality", ["best", "high", "medium", "low", "base"])
def test_the_preset_and_the_options_are_those_of_the_request(
    running: Running, quality: str
) -> None:
    options = {"log": ["explanation", "perplexity"]}
    extra = {"quality_preset": quality, "options": options}
    metadata = create(running, extra_body=extra, logprobs=True).tlm_metadata
    assert is_share(metadata["trustworthiness_score"])
    assert isinstance(metadata["log"]["explanation"], str)
    assert is_share(metadata["log"]["perplexity"])


def test_criteria_are_scored_beside_the_answer(running: Running) -> None:
    options = {"custom_eval_criteria": [{"name": "short", "criteria": "It is short."}]}
    log = create(running, extra_body={"options": options}).tlm_metadata["log"]
    assert is_share(log["custom_eval_criteria"][0]["score"])


@pytest.mark.conformance(20)
def test_parse_and_raw_responses_carry_the_score(running: Running) -> None:
    from pydantic import BaseModel

    class Said(BaseModel):
        word: str

    with client(running) as asking:
        parsed: Any = asking.chat.completions.parse(model="m", messages=ASKED, response_format=Said)
        raw = asking.chat.completions.with_raw_response.create(model="m", messages=ASKED)
    assert parsed.choices[0].message.parsed == Said(word="echo")
    assert is_share(parsed.tlm_metadata["trustworthiness_score"])
    assert is_share(raw.parse().tlm_metadata["trustworthiness_score"])  # type: ignore[attr-defined]


async def test_the_asynchronous_client_is_served(running: Running) -> None:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{running.url}/v1") as asking:
        completion: Any = await asking.chat.completions.create(model="m", messages=ASKED)
    assert is_share(completion.tlm_metadata["trustworthiness_score"])


@pytest.mark.conformance(20)
def test_azures_client_is_served(running: Running) -> None:
    with openai.AzureOpenAI(
        api_key=KEY, azure_endpoint=running.url, api_version="2024-05-01-preview"
    ) as asking:
        completion: Any = asking.chat.completions.create(model="claimed", messages=ASKED)
    assert is_share(completion.tlm_metadata["trustworthiness_score"])


def test_the_backend_is_sent_what_the_client_sent_but_for_the_model() -> None:
    odd: dict[str, Any] = {"seed": 7, "temperature": None, "made_up": {"a": [1, None]}, "user": "u"}
    with serving(answer) as server:
        sent: dict[str, Any] = {"model": "gpt-4o", **odd, "quality_preset": "low", "options": {}}
        assert post(server, **sent).status_code == 200
        first = server.model.bodies[0]
    assert first == {"model": "gpt-test", "messages": ASKED, **odd}


def test_the_client_is_given_what_the_backend_gave(running: Running) -> None:
    body = post(running, n=2, logprobs=True, quality_preset="low").json()
    metadata = body.pop("tlm_metadata")
    assert metadata["choice"] == 0
    direct = httpx.post(
        f"{running.model.base_url}/chat/completions",
        json={"messages": ASKED, "n": 2, "logprobs": True, "model": "gpt-test"},
        timeout=60,
    ).json()
    assert body == direct
    assert is_share(metadata["trustworthiness_score"])


def test_samples_are_drawn_with_the_tools_of_the_request() -> None:
    with serving(answer) as server:
        completion = create(server, tools=[TOOL], tool_choice="required")
        samples = [body for body in server.model.bodies if is_sampling(body)]
    assert completion.choices[0].message.tool_calls[0].function.name == "weather"
    assert samples
    assert all(body["tools"] == [TOOL] for body in samples)
    assert all(body["tool_choice"] == "required" for body in samples)
    # All samples call the tool with the same arguments, and so agree.
    assert completion.tlm_metadata["trustworthiness_score"] > 0.85


def test_samples_are_free_of_the_sampling_of_the_request() -> None:
    with serving(answer) as server:
        create(server, seed=3, top_p=0.1, temperature=0.0, max_completion_tokens=99)
        (drawn,) = [body for body in server.model.bodies if is_sampling(body)]
    assert drawn["n"] == 5
    assert not {"seed", "top_p", "stream"} & drawn.keys()
    assert drawn["max_tokens"] == 99


def test_samples_are_drawn_while_the_answer_is_made() -> None:
    with serving(answer, model={"latency": 0.3}) as server:
        create(server)
        made = server.model.received[:2]
    assert {is_sampling(request.body) for request in made} == {True, False}
    assert server.model.peak_requests == 2


@pytest.mark.parametrize(
    ("url", "is_scored"), [("data:image/png;base64,AAAA", True), ("x:", False)]
)
def test_an_image_is_passed_on_and_goes_along_to_the_judge(
    running: Running, url: str, *, is_scored: bool
) -> None:
    image = {"type": "image_url", "image_url": {"url": url}}
    asked = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]
    completion = create(running, messages=asked)
    assert completion.choices[0].message.content == "a cat"
    assert (completion.tlm_metadata["trustworthiness_score"] is not None) == is_scored
    if not is_scored:
        error = completion.tlm_metadata["log"]["error"]
        assert "image" in error["message"]
        assert error["retryable"] is False


def test_messages_that_cannot_be_read_are_the_backends_to_refuse() -> None:
    with serving(answer) as server:
        server.model.faults.next(status(400))
        refused = post(server, messages=[{"role": "user"}])
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "Scripted 400."


@pytest.mark.parametrize(
    ("word", "extra", "verdict"),
    [
        ("echo", {}, "trusted"),
        ("doubtful", {}, "untrustworthy"),
        ("echo", {"fallback": "I do not know."}, "trusted"),
    ],
)
def test_a_threshold_gives_a_verdict_and_leaves_the_answer(
    running: Running, word: str, extra: dict[str, Any], verdict: str
) -> None:
    asked = [{"role": "user", "content": f"Say {word}"}]
    extra = {"threshold": 0.5, "quality_preset": "low"} | extra
    completion = create(running, messages=asked, extra_body=extra)
    assert completion.choices[0].message.content == word
    assert completion.tlm_metadata["status"] == verdict
    assert "original_message" not in completion.tlm_metadata


@pytest.mark.parametrize("threshold", [{}, {"threshold": 0.6}])
def test_an_untrustworthy_answer_is_replaced_where_there_is_a_fallback(
    running: Running, threshold: dict[str, float]
) -> None:
    extra = {"fallback": "I do not know.", "quality_preset": "low", **threshold}
    asked = [{"role": "user", "content": "Say doubtful"}]
    completion = create(running, messages=asked, extra_body=extra)
    assert completion.choices[0].message.content == "I do not know."
    assert completion.choices[0].finish_reason == "stop"
    metadata = completion.tlm_metadata
    assert metadata["status"] == "untrustworthy"
    assert metadata["threshold"] == 0.6
    assert metadata["original_message"]["content"] == "doubtful"
    assert metadata["trustworthiness_score"] < 0.6


def test_an_answer_without_a_score_is_replaced_too() -> None:
    with serving(answer) as server:
        server.model.faults.always(status(500), when=is_judging)
        body = post(server, quality_preset="low", fallback="I do not know.").json()
    assert body["choices"][0]["message"]["content"] == "I do not know."
    assert body["tlm_metadata"]["status"] == "unchecked"


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"threshold": 1.5}, "threshold"),
        ({"quality_preset": "superb"}, "quality"),
        ({"options": {"model_provider": {"api_base": "http://x"}}}, "options.model_provider"),
        ({"options": {"disable_trustworthiness": True}, "threshold": 0.5}, "threshold"),
        ({"fallback": "No.", "n": 2}, "fallback"),
        ({"messages": []}, "messages"),
        ({"messages": "Say echo"}, "messages"),
        ({"stream": "sometimes"}, "stream"),
    ],
)
def test_what_cannot_be_honoured_is_named_in_the_clients_form(
    running: Running, extra: dict[str, Any], named: str
) -> None:
    refused = post(running, **extra)
    assert refused.status_code == 422
    error = refused.json()["error"]
    assert named in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.conformance(24)
def test_a_wrong_key_is_an_authentication_error(server: Running) -> None:
    with client(server, key="wrong") as asking, pytest.raises(openai.AuthenticationError) as told:
        asking.chat.completions.create(model="m", messages=ASKED)
    assert told.value.code == "invalid_api_key"
    with client(server) as asking:
        assert asking.chat.completions.create(model="m", messages=ASKED).choices


@pytest.mark.parametrize("base", BASES)
def test_the_models_are_listed(running: Running, base: str) -> None:
    with client(running, base) as asking:
        assert {model.id for model in asking.models.list()} == {"claimed", "org/other", "gpt-test"}


def test_a_model_is_described_or_not_found(running: Running) -> None:
    with client(running) as asking:
        assert asking.models.retrieve("org/other").id == "org/other"
        with pytest.raises(openai.NotFoundError, match="no model"):
            asking.models.retrieve("nothing")


def test_recorded_answers_are_scored_too(tmp_path: Any) -> None:
    recorded = tmp_path / "recorded.jsonl"
    row = {"prompt": "2 + 2?", "response": "4", "samples": ["4", "4"], "reflection": 0.9}
    recorded.write_text(json.dumps(row) + "\n", encoding="utf-8")
    backends = {"own": {"model": "replay", "recorded": str(recorded)}}
    with serving(backends=backends) as server:
        completion = create(server, messages=[{"role": "user", "content": "2 + 2?"}])
        unknown = post(server)
    assert completion.choices[0].message.content == "4"
    assert completion.tlm_metadata["trustworthiness_score"] > 0.8
    assert unknown.status_code == 422


def given(**message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": "stop"}
    return {"completion": {"id": "1", "object": "chat.completion", "choices": [choice]}}


def test_a_given_completion_is_scored(running: Running) -> None:
    extra = {"options": {"log": ["explanation"]}, "model": "gpt-4o", "temperature": 0.5}
    answered = post(running, "/api/chat/score", **given(content="echo"), **extra)
    metadata = answered.json()["tlm_metadata"]
    assert is_share(metadata["trustworthiness_score"])
    assert isinstance(metadata["log"]["explanation"], str)


def test_a_given_call_of_a_tool_is_compared_with_calls(running: Running) -> None:
    answered = post(running, "/api/chat/score", **given(tool_calls=[CALL]), tools=[TOOL])
    assert answered.json()["tlm_metadata"]["trustworthiness_score"] > 0.85


def test_a_given_completion_that_cannot_be_scored_is_no_success() -> None:
    with serving(answer) as server:
        server.model.faults.always(status(503))
        failed = post(server, "/api/chat/score", **given(content="echo"), quality_preset="low")
    assert failed.status_code == 503
    assert "status 503" in failed.json()["error"]


def test_scoring_without_a_key_has_a_switch_of_its_own(tmp_path: Any) -> None:
    keys = tmp_path / "keys"
    keys.write_text("secret", encoding="utf-8")
    with serving(answer, keys_file=str(keys), is_score_endpoint_open=True) as server:
        path = "/api/chat/score"
        assert post(server, path, **given(content="echo")).status_code == 200
        assert post(server).status_code == 401
