"""What the check at start finds out, and how soon."""

import logging

import pytest

from nemoguardrails_trust.errors import (
    CredentialsError,
    MissingDependencyError,
    ModelConnectionError,
    ModelRequestError,
    ModelResponseError,
    ModelTimeoutError,
)
from nemoguardrails_trust.scorers.cleanlab import scorer as cleanlab
from nemoguardrails_trust.scorers.cleanlab.services import Library, Service
from tests.scorers.cleanlab.scene import BOTH, EXCHANGE, VARIABLES, Scene, at_most
from tests.servers.faults import (
    DISCONNECT,
    HANG,
    HTML,
    MISSING,
    TRUNCATED,
    Fault,
    closed_port,
    rate_limited,
    status,
)
from tests.servers.tlm import INVALID_KEY, UNAUTHORIZED, threaded_tlm_server

STUDIO = pytest.mark.parametrize("name", ["cleanlab-studio"])


@BOTH
def test_a_good_key_passes(scene: Scene) -> None:
    with threaded_tlm_server() as server:
        scene.scorer(server.url).check()
        asked = [request.path for request in server.received]
        if scene.name == "cleanlab-studio":
            assert asked == ["/cli/v0/check_client_version", "/cli/v0/validate"]
        else:
            assert len(server.scored) == len(asked) == 1
            assert server.bodies[0]["quality"] == "base"
            assert "log" not in server.bodies[0]["options"]


@BOTH
async def test_it_may_be_called_with_a_loop_running_and_the_first_score_is_one_request(
    scene: Scene,
) -> None:
    with threaded_tlm_server() as server:
        scorer = scene.scorer(server.url, explain=True)
        scorer.check()
        before = len(server.received)
        assert (await scorer.score(EXCHANGE)).score == 0.87
        assert len(server.received) == before + 1


@BOTH
def test_it_leaves_no_connection_and_no_loop_behind(scene: Scene) -> None:
    with threaded_tlm_server() as server:
        scorer = scene.scorer(server.url)
        for _ in range(3):
            scorer.check()
        assert scorer._places == {}
        assert server.connections == 3


@BOTH
def test_a_refused_key_is_an_error_that_names_its_variable(scene: Scene) -> None:
    with threaded_tlm_server() as server, pytest.raises(CredentialsError) as raised:
        scene.scorer(server.url, key="sk-another-key").check()
    assert VARIABLES[scene.name] in str(raised.value)
    assert "sk-another-key" not in str(raised.value)


@BOTH
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (INVALID_KEY, CredentialsError),
        (UNAUTHORIZED, CredentialsError),
        (Fault("html", 401), CredentialsError),
        (HTML, ModelResponseError),
        (TRUNCATED, ModelResponseError),
        (MISSING, ModelResponseError),
        (status(404), ModelRequestError),
        (DISCONNECT, ModelConnectionError),
    ],
    ids=["401 with a code", "401", "401 in HTML", "html", "truncated", "missing", "404", "broken"],
)
def test_what_no_waiting_mends_is_an_error(
    scene: Scene, fault: Fault, expected: type[Exception]
) -> None:
    with threaded_tlm_server() as server:
        server.faults.always(fault)
        with pytest.raises(expected) as raised, at_most(5.0):
            scene.scorer(server.url).check()
        assert type(raised.value) is expected
        assert len(server.received) == 1


@BOTH
def test_a_host_that_is_not_there_is_a_connection_error(scene: Scene) -> None:
    with pytest.raises(ModelConnectionError), at_most(5.0):
        scene.scorer(f"http://127.0.0.1:{closed_port()}").check()


@BOTH
def test_a_host_that_hangs_is_a_timeout(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with threaded_tlm_server() as server:
        server.faults.always(HANG)
        with pytest.raises(ModelTimeoutError), at_most(3.0):
            scene.scorer(server.url, timeout=0.3).check()
        monkeypatch.setattr(cleanlab, "LONGEST_CHECK", 0.3)
        with pytest.raises(ModelTimeoutError), at_most(3.0):
            scene.scorer(server.url, timeout=60).check()


@BOTH
@pytest.mark.parametrize("fault", [rate_limited(30), status(503)], ids=["429", "503"])
def test_what_may_pass_by_itself_is_only_logged(
    scene: Scene, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    with threaded_tlm_server() as server:
        server.faults.always(fault)
        with at_most(5.0):
            scene.scorer(server.url).check()
    (record,) = [logged for logged in caplog.records if logged.levelno >= logging.WARNING]
    assert f"{scene.name} could not be checked at start" in record.getMessage()


@STUDIO
def test_a_client_that_the_service_no_longer_takes_is_an_error(scene: Scene) -> None:
    with threaded_tlm_server(takes_client=False) as server:
        scorer = scene.scorer(server.url)
        with pytest.raises(ModelRequestError, match=r"no longer accepts cleanlab-studio 2\."):
            scorer.check()


@BOTH
def test_a_package_that_cannot_be_imported_is_an_error(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(service: Service) -> Library:
        raise MissingDependencyError(service.package, "cleanlab")

    monkeypatch.setattr(cleanlab, "load", fail)
    with pytest.raises(MissingDependencyError, match=scene.name):
        scene.scorer("http://127.0.0.1:9").check()
