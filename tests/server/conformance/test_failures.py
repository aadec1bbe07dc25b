"""What the real clients make of each failure of the server, or of the model behind it."""

import logging
import time
from typing import Any

import pytest

from tests.server.running import KEY, Running, is_share, serving, tlm
from tests.servers.faults import HANG, MISSING, NAN, closed_port, status
from tests.servers.tlm import point_clients_at

cleanlab_tlm = pytest.importorskip("cleanlab_tlm")
studio_client = pytest.importorskip("cleanlab_studio")

# Of each entry of a list that fails.
pytestmark = pytest.mark.filterwarnings(r"ignore:prompt\[:UserWarning")

BLANK = status(200, {"choices": [{"message": {"content": " "}, "finish_reason": "stop"}]})
SCORE = "/api/v0/trustworthy_llm/get_confidence_score"
DEPRECATED = "ignore:studio.TLM.* is deprecated:FutureWarning"


@pytest.mark.conformance(24)
def test_a_wrong_key_is_told_after_one_request(pointed: Running) -> None:
    from cleanlab_tlm.errors import AuthError

    with pytest.raises(AuthError):
        tlm(api_key="wrong").get_trustworthiness_score("Say echo", "echo")
    assert pointed.requests == [SCORE]
    results = tlm(api_key="wrong").get_trustworthiness_score(["Say one", "Say two"], ["one", "two"])
    assert [result["log"]["error"]["retryable"] for result in results] == [False, False]
    assert len(pointed.requests) == 3


@pytest.mark.conformance(25)
def test_a_value_that_cannot_be_honoured_is_named_after_one_request(pointed: Running) -> None:
    from cleanlab_tlm.errors import TlmBadRequestError

    asking = tlm()
    asking._options["max_tokens"] = -1  # as where its own checks are turned off
    with pytest.raises(TlmBadRequestError, match=r"options\.max_tokens"):
        asking.get_trustworthiness_score("Say echo", "echo")
    assert pointed.requests == [SCORE]


@pytest.mark.conformance(25)
@pytest.mark.filterwarnings(DEPRECATED)
def test_the_older_client_names_it_too(pointed: Running) -> None:
    from cleanlab_studio.errors import TlmBadRequest

    asking = studio_client.Studio(KEY).TLM(quality_preset="low")
    asking._options["max_tokens"] = -1
    with pytest.raises(TlmBadRequest, match=r"options\.max_tokens"):
        asking.get_trustworthiness_score("Say echo", "echo")
    assert pointed.requests.count(SCORE) == 1


@pytest.mark.conformance(26)
@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (lambda: tlm().get_trustworthiness_score("Say echo", "x" * 9_000), "9000 bytes"),
        (lambda: tlm().get_trustworthiness_score("", "echo"), "prompt"),
    ],
    ids=["a large response", "an empty prompt"],
)
def test_what_cannot_be_scored_is_told_after_one_request(
    monkeypatch: pytest.MonkeyPatch, asked: Any, named: str
) -> None:
    from cleanlab_tlm.errors import TlmBadRequestError

    with serving(limits={"body_bytes": 9_000}) as running:
        point_clients_at(running.api, monkeypatch)
        with pytest.raises(TlmBadRequestError, match=named):
            asked()
        assert running.requests == [SCORE]


@pytest.mark.conformance(27)
def test_what_is_refused_for_now_is_asked_again_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, hurried: list[float]
) -> None:
    limits = {"in_flight": 2, "in_flight_per_key": 2, "waiting": 0}
    with serving(limits=limits, model={"latency": 0.05}) as running:
        point_clients_at(running.api, monkeypatch)
        results = tlm().get_trustworthiness_score(["Say echo"] * 6, ["echo"] * 6)
        assert all(is_share(result["trustworthiness_score"]) for result in results)
        # Every further request was one that had been told to wait for a whole second.
        assert len(running.requests) == 6 + len(hurried)
    assert set(hurried) == {1}


@pytest.mark.conformance(28)
def test_a_model_that_is_down_is_an_error_after_four_requests(
    monkeypatch: pytest.MonkeyPatch, hurried: list[float]
) -> None:
    from cleanlab_tlm.errors import APIError

    with serving() as running:
        point_clients_at(running.api, monkeypatch)
        running.model.faults.always(status(503))
        with pytest.raises(APIError, match="503"):
            tlm(options={"max_tokens": 64}, timeout=60).get_trustworthiness_score(
                "Say echo", "echo"
            )
        assert running.requests == [SCORE] * 4
    assert hurried == [1, 2, 4]


@pytest.mark.conformance(28)
@pytest.mark.usefixtures("hurried")
def test_a_server_of_the_model_that_is_not_there_is_told_without_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = closed_port()
    with serving(backend={"base_url": f"http://127.0.0.1:{port}/v1"}) as running:
        point_clients_at(running.api, monkeypatch)
        (result,) = tlm(timeout=60).get_trustworthiness_score(["Say echo"], ["echo"])
        assert running.requests == [SCORE] * 4
    assert result["log"]["error"]["retryable"] is True
    assert "503" in result["log"]["error"]["message"]
    assert str(port) not in result["log"]["error"]["message"]


@pytest.mark.conformance(28)
def test_a_model_that_comes_back_gives_a_result(
    monkeypatch: pytest.MonkeyPatch, hurried: list[float]
) -> None:
    with serving(backend={"timeout": 5.0}) as running:
        point_clients_at(running.api, monkeypatch)
        running.model.faults.next(status(401))
        result = tlm().get_trustworthiness_score("Say echo", "echo")
        assert running.requests == [SCORE] * 2
    assert is_share(result["trustworthiness_score"])
    assert hurried == [1]


@pytest.mark.conformance(29)
def test_a_model_that_is_too_slow_for_the_caller_is_no_longer_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cleanlab_tlm.errors import APITimeoutError

    with serving() as running:
        point_clients_at(running.api, monkeypatch)
        running.model.faults.always(HANG)
        with pytest.raises(APITimeoutError):
            tlm(timeout=1).get_trustworthiness_score("Say echo", "echo")
        assert running.requests == [SCORE]
        ends = time.monotonic() + 20
        while running.model.open_requests and time.monotonic() < ends:
            time.sleep(0.01)
        assert (running.model.open_requests, running.model.cancelled_requests) == (0, 1)


@pytest.mark.conformance(30)
def test_four_hundred_at_once_all_get_their_score(pointed: Running) -> None:
    words = [f"word{number}" for number in range(400)]
    results = tlm(quality_preset="base").get_trustworthiness_score(
        [f"Say {word}" for word in words], words, perplexity=[0.9] * 400
    )
    assert all(is_share(result["trustworthiness_score"]) for result in results)
    assert pointed.requests == [SCORE] * 400


@pytest.mark.conformance(31)
def test_a_base_url_may_end_with_a_slash(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    point_clients_at(f"{server.api}/", monkeypatch)
    result = tlm().get_trustworthiness_score("Say echo", "echo")
    assert is_share(result["trustworthiness_score"])


@pytest.mark.conformance(32)
def test_neither_keys_nor_texts_are_logged(
    pointed: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    tlm().prompt("Say secret")
    tlm(api_key="wrong").get_trustworthiness_score(["Say secret"], ["secret"])
    asking = tlm()
    asking._options["max_tokens"] = -1
    asking.get_trustworthiness_score(["Say secret"], ["secret"])
    ours = [record for record in caplog.records if not record.name.startswith("cleanlab")]
    told = "\n".join(record.getMessage() for record in ours)
    assert not any(word in told for word in (KEY, "wrong", "secret"))


@pytest.mark.conformance(33)
@pytest.mark.parametrize("call", ["score", "prompt"])
@pytest.mark.parametrize(
    "fault", [NAN, MISSING, BLANK], ids=["numbers that are none", "nothing", "no words"]
)
def test_a_model_without_an_answer_never_brings_a_score(
    monkeypatch: pytest.MonkeyPatch, hurried: list[float], fault: Any, call: str
) -> None:
    with serving() as running:
        point_clients_at(running.api, monkeypatch)
        running.model.faults.always(fault)
        if call == "score":
            (result,) = tlm(timeout=60).get_trustworthiness_score(["Say echo"], ["echo"])
        else:
            (result,) = tlm(timeout=60).prompt(["Say echo"])
    if result["trustworthiness_score"] is None:
        assert "503" in result["log"]["error"]["message"]
    else:
        assert fault is NAN
        assert is_share(result["trustworthiness_score"])


@pytest.mark.conformance(33)
def test_a_model_without_probabilities_brings_a_score(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(model={"logprobs": "off"}) as running:
        point_clients_at(running.api, monkeypatch)
        assert is_share(tlm().prompt("Say echo")["trustworthiness_score"])
