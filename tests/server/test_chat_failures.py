"""What a client of chat completions is told where the backend, or the judge, fails."""

from typing import Any

import openai
import pytest

from tests.server.running import is_share, serving
from tests.server.test_chat import answer, create, post
from tests.servers.faults import DISCONNECT, HANG, HTML, status
from tests.tlm.scene import is_judging, is_sampling, text_of


def is_first(body: dict[str, Any]) -> bool:
    """Whether a request is for the answer itself."""
    return not (is_judging(body) or is_sampling(body))


@pytest.mark.parametrize("code", [400, 403, 404, 422, 429, 500, 503])
def test_a_refusal_of_the_backend_is_passed_on_as_it_is(code: int) -> None:
    said = {"error": {"message": "odd", "type": "t", "param": "p", "code": "c"}, "more": 1}
    with serving(answer) as server:
        headers = {"Retry_After": "7"} if code == 429 else {}
        server.model.faults.always(status(code, said, **headers))
        refused = post(server, quality_preset="low")
        assert len(server.model.received) == 1
    assert refused.status_code == code
    assert refused.json() == said
    assert refused.headers.get("Retry-After") == headers.get("Retry_After")


def test_a_refused_key_of_the_server_is_not_the_clients_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = {"error": {"message": "Incorrect API key: sk-12345", "code": "invalid_api_key"}}
    with serving(answer) as server:
        server.model.faults.always(status(401, secret))
        with pytest.raises(openai.InternalServerError, match="key of this server"):
            create(server)
        refused = post(server)
    assert refused.status_code == 503
    assert "sk-12345" not in refused.text + caplog.text


@pytest.mark.parametrize("fault", [HTML, DISCONNECT, status(302)], ids=["html", "gone", "moved"])
def test_a_backend_that_does_not_answer_is_a_503_in_the_clients_form(fault: Any) -> None:
    with serving(answer) as server:
        server.model.faults.always(fault)
        refused = post(server, quality_preset="low")
    assert refused.status_code == 503
    assert refused.json()["error"]["type"] == "server_error"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fallback", [{}, {"fallback": "I do not know."}], ids=["", "fallback"])
@pytest.mark.parametrize(
    "choices", [None, 5, {"a": 1}, [], [5], [{}], [{"text": "echo"}], [{"message": None}]], ids=str
)
def test_an_answer_that_is_no_completion_is_a_503(
    choices: Any, fallback: dict[str, str], *, stream: bool
) -> None:
    with serving(answer) as server:
        server.model.faults.always(status(200, {"choices": choices}), when=is_first)
        refused = post(server, quality_preset="low", stream=stream, **fallback)
    assert refused.status_code == 503
    assert "not a chat completion" in refused.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_that_calls_itself_a_success_is_none(stream: bool) -> None:
    said = {"error": {"message": "odd", "type": "t", "param": None, "code": "c"}}
    with serving(answer) as server:
        server.model.faults.always(status(200, said))
        refused = post(server, quality_preset="low", stream=stream)
    assert (refused.status_code, refused.json()) == (503, said)


def test_every_success_of_the_backend_is_scored() -> None:
    with serving(answer) as server:
        whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "echo"}}]}
        server.model.faults.always(status(201, whole), when=is_first)
        scored = post(server, quality_preset="low")
    assert is_share(scored.json()["tlm_metadata"]["trustworthiness_score"])


def test_one_connection_that_was_closed_meanwhile_does_no_harm() -> None:
    with serving(answer) as server:
        server.model.faults.next(DISCONNECT)
        assert post(server, quality_preset="low").status_code == 200


def test_an_answer_that_could_not_be_scored_says_so() -> None:
    with serving(answer) as server:
        server.model.faults.always(status(500), when=is_judging)
        body = post(server, quality_preset="low").json()
    assert body["choices"][0]["message"]["content"] == "echo"
    assert body["tlm_metadata"]["trustworthiness_score"] is None
    assert "status 500" in body["tlm_metadata"]["log"]["error"]["message"]
    assert body["tlm_metadata"]["log"]["error"]["retryable"] is True


def test_a_model_that_takes_too_long_is_a_504() -> None:
    with serving(answer) as server:
        server.model.faults.always(HANG)
        late = post(server, options={"max_timeout": 0.3})
    assert late.status_code == 504
    assert late.json()["error"]["type"] == "server_error"


def test_a_criterion_that_could_not_be_judged_says_why_beside_the_answer() -> None:
    criteria = [{"name": name, "criteria": f"It is {name}."} for name in ("polite", "short")]
    with serving(answer) as server:
        server.model.faults.always(status(400), when=lambda body: "is polite" in text_of(body))
        told = create(server, extra_body={"options": {"custom_eval_criteria": criteria}})
    polite, short = told.tlm_metadata["log"]["custom_eval_criteria"]
    assert polite["score"] is None
    assert "status 400" in polite["error"]
    assert set(short) == {"name", "score"}
    assert is_share(short["score"])
    assert is_share(told.tlm_metadata["trustworthiness_score"])
