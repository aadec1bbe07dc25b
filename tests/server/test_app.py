"""The server's answers to requests written by hand, good and bad."""

import concurrent.futures
import json
import logging
from typing import Any

import httpx
import pytest

from tests.server.running import KEY, Running, serving
from tests.servers.faults import Fault, status
from tests.tlm.scene import text_of

SCORE = "/api/v0/trustworthy_llm/get_confidence_score"
GOOD = {"prompt": "Say echo", "response": "echo", "quality": "low"}


def post(server: Running, path: str = SCORE, key: str = f"Bearer {KEY}", **body: Any) -> Any:
    headers = {"Authorization": key} if key else {}
    return httpx.post(f"{server.url}{path}", json=body or GOOD, headers=headers, timeout=60)


@pytest.mark.conformance(23)
def test_a_plain_request_with_a_text_as_response_is_scored(server: Running) -> None:
    answer = post(server, prompt="Say echo", response="echo")
    assert answer.status_code == 200
    body = answer.json()
    assert 0 <= body["confidence_score"] <= 1
    assert body["deberta_success"] is True
    assert set(body) == {"confidence_score", "deberta_success"}


@pytest.mark.parametrize("key", [f"bearer {KEY}", f"Bearer {KEY}", "BEARER another"])
def test_a_key_is_taken_in_any_case_of_its_scheme(server: Running, key: str) -> None:
    assert post(server, key=key).status_code == 200


def test_a_key_is_taken_from_the_header_of_azure(server: Running) -> None:
    answer = httpx.post(f"{server.url}{SCORE}", json=GOOD, headers={"api-key": KEY}, timeout=60)
    assert answer.status_code == 200


@pytest.mark.parametrize("key", ["", "bearer wrong", f"basic {KEY}", f"bearer {KEY}x", "bearer ä"])
def test_other_keys_are_refused_without_being_repeated(server: Running, key: str) -> None:
    answer = httpx.post(
        f"{server.url}{SCORE}", json=GOOD, headers={b"Authorization": key.encode()}, timeout=60
    )
    assert answer.status_code == 401
    body = answer.json()
    assert body["code"] == "invalid_api_key"
    assert body["error"] == body["description"]
    assert "wrong" not in answer.text


@pytest.mark.parametrize(
    "path", [f"/{SCORE}", f"{SCORE}/", f"{SCORE}?version=2", "/api//" + SCORE[5:]]
)
def test_slashes_and_queries_make_no_difference(server: Running, path: str) -> None:
    assert post(server, path).status_code == 200


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"prompt": None}, "prompt"),
        ({"response": {"text": "echo"}}, "response"),
        ({"response": {"response": "echo", "perplexity": 1.5}}, "perplexity"),
        ({"quality": "superb"}, "quality"),
        ({"task": "poetry"}, "task"),
        ({"options": {"max_tokens": -1}}, "options.max_tokens"),
        ({"options": {"max_timeout": 0}}, "options.max_timeout"),
        ({"options": {"num_self_reflections": 4}}, "options.num_self_reflections"),
        ({"options": {"disable_trustworthiness": "yes"}}, "options.disable_trustworthiness"),
        ({"options": {"log": "explanation"}}, "options.log"),
        ({"options": {"model_provider": {"api_base": "http://x"}}}, "options.model_provider"),
        ({"response": {"response": "a", "constrain_outputs": ["b"]}}, "constrain_outputs"),
    ],
)
def test_what_cannot_be_honoured_is_named_in_a_422(
    server: Running, changed: dict[str, Any], named: str
) -> None:
    answer = post(server, **(GOOD | changed))
    assert answer.status_code == 422
    assert named in answer.json()["error"]


def test_unknown_options_are_noted(server: Running) -> None:
    options = {"new_option": 1, "similarity_measure": "code", "model": "gpt-4.1-mini"}
    body = post(server, **GOOD, options=options).json()
    assert "new_option" in body["log"]["warning"]
    assert "similarity_measure" in body["log"]["warning"]
    assert "gpt-test" in body["log"]["warning"]


@pytest.mark.conformance(26)
@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/api/v9/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", SCORE, 405),
        ("DELETE", "/health", 405),
    ],
)
def test_every_refusal_is_json_with_an_error(
    server: Running, method: str, path: str, code: int
) -> None:
    headers = {"Authorization": f"bearer {KEY}"}
    answer = httpx.request(method, f"{server.url}{path}", headers=headers, timeout=60)
    assert answer.status_code == code
    assert isinstance(answer.json()["error"], str)


@pytest.mark.conformance(26)
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_object_is_a_422(server: Running, content: bytes) -> None:
    headers = {"Authorization": f"bearer {KEY}", "Content-Type": "application/json"}
    answer = httpx.post(f"{server.url}{SCORE}", content=content, headers=headers, timeout=60)
    assert answer.status_code == 422
    assert isinstance(answer.json()["error"], str)


@pytest.mark.conformance(26)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_called_json_is_a_415_that_says_so(server: Running, kind: str) -> None:
    headers = {"Authorization": f"bearer {KEY}", "Content-Type": kind}
    answer = httpx.post(
        f"{server.url}{SCORE}", content=json.dumps(GOOD), headers=headers, timeout=60
    )
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]


@pytest.mark.conformance(26)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(chunked: bool) -> None:
    content = b'{"prompt": "' + b"x" * 5000 + b'"}'
    with serving(limits={"body_bytes": 1000}) as running:
        answer = httpx.post(
            f"{running.url}{SCORE}", content=iter([content]) if chunked else content, timeout=60
        )
    assert answer.status_code == 413
    assert "1000 bytes" in answer.json()["error"]


def test_a_model_that_fails_is_a_503(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), serving() as running:
        running.model.faults.always(status(503))
        answer = post(running, prompt="Say secret", response="secret", quality="low")
    assert answer.status_code == 503
    assert isinstance(answer.json()["error"], str)
    assert "secret" not in answer.text + caplog.text
    assert KEY not in answer.text + caplog.text
    assert "127.0.0.1" not in answer.text


@pytest.mark.conformance(12)
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("path", [SCORE, "/api/v0/trustworthy_llm/prompt"])
@pytest.mark.parametrize(("fault", "code"), [(status(400), 422), (status(503), 503)], ids=str)
def test_a_criterion_without_a_number_is_no_answer(
    path: str, fault: Fault, code: int, *, alone: bool
) -> None:
    """Clients take the numbers by their places, and reckon with them unseen."""
    criteria = [{"name": name, "criteria": f"It is {name}."} for name in ("polite", "short")]
    options = {"custom_eval_criteria": criteria, "disable_trustworthiness": alone}
    with serving() as running:
        running.model.faults.always(fault, when=lambda body: "is polite" in text_of(body))
        answer = post(running, path, **GOOD, options=options | {"max_timeout": 5})
    assert answer.status_code == code
    assert f"status {fault.code}" in answer.json()["error"]


def test_the_task_changes_what_the_judge_is_asked() -> None:
    with serving() as running:
        for task in ("default", "code_generation"):
            assert post(running, **GOOD, task=task).status_code == 200
        asked = [text_of(body) for body in running.model.bodies]
    assert "edge case" not in asked[0]
    assert "edge case" in asked[1]


def test_a_result_is_explained_without_being_scored_again() -> None:
    result: dict[str, Any] = {"response": "echo", "trustworthiness_score": 0.25}
    path = "/api/v1/tlm_explanation/get_explanation"
    with serving("Nobody says so.") as running:
        told = post(running, path, prompt="Say echo", response=result).json()
        assert told == {"explanation": "Nobody says so."}
        (body,) = running.model.bodies
        assert "0.25" in text_of(body)
        result["log"] = {"explanation": "As said."}
        told = post(running, path, prompt="Say echo", response=result).json()
        assert told == {"explanation": "As said."}
        assert len(running.model.bodies) == 1


def test_a_key_that_the_models_server_refuses_is_no_fault_of_the_client() -> None:
    with serving(model={"api_key": "other"}) as running:
        answer = post(running)
    assert answer.status_code == 503
    assert "key of this server" in answer.json()["error"]


def test_more_than_is_taken_on_is_refused_with_the_time_to_wait() -> None:
    with (
        serving(limits={"in_flight_per_key": 1}, model={"latency": 2.0}) as running,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        answers = list(pool.map(lambda _: post(running), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 429]
    (refused,) = [answer for answer in answers if answer.status_code == 429]
    assert int(refused.headers["Retry-After"]) >= 1
    assert isinstance(refused.json()["error"], str)


def test_the_checks_of_cleanlab_studio_are_answered(server: Running) -> None:
    version = httpx.post(
        f"{server.api}/cli/v0/check_client_version", json={"version": "9"}, timeout=60
    )
    assert version.json() == {"valid": True}
    assert (
        httpx.post(f"{server.api}/cli/v0/telemetry", content=b"not json", timeout=60).json() == {}
    )
    headers = {"Authorization": f"bearer {KEY}"}
    valid = httpx.request(
        "GET", f"{server.api}/cli/v0/validate", json={"api_key": KEY}, headers=headers, timeout=60
    )
    assert valid.json() == {"valid": True}
    assert httpx.get(f"{server.api}/cli/v0/validate", timeout=60).status_code == 401


def test_a_server_tells_how_it_is(server: Running) -> None:
    assert httpx.get(f"{server.url}/health", timeout=60).json()["status"] == "ok"
    assert httpx.get(f"{server.url}/ready", timeout=60).json() == {"status": "ok"}
    assert SCORE in httpx.get(f"{server.url}/openapi.json", timeout=60).json()["paths"]


def test_a_server_whose_model_fails_is_not_ready() -> None:
    with serving() as running:
        running.model.faults.always(status(503))
        answer = httpx.get(f"{running.url}/ready", timeout=60)
    assert answer.status_code == 503
    assert answer.json()["backends"] == {"own": "status 503"}
