"""The key is in no error and no log, and what was said is in no log above DEBUG."""

import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from nemoguardrails_trust.errors import CredentialsError, TrustError
from tests.scorers.cleanlab.scene import ANSWER, BOTH, EXCHANGE, QUESTION, Scene
from tests.servers.faults import (
    DISCONNECT,
    HANG,
    HTML,
    RESET,
    TRUNCATED,
    Fault,
    closed_port,
    rate_limited,
    status,
)
from tests.servers.tlm import KEY, TLMServer, threaded_tlm_server

ECHO = {"error": f"bearer {KEY} asked {QUESTION}, which is {ANSWER}", "description": KEY}
FAULTS = [
    HANG,
    HTML,
    RESET,
    DISCONNECT,
    TRUNCATED,
    rate_limited(),
    rate_limited(30),
    status(400, ECHO),
    status(401, ECHO),
    status(401, ECHO | {"code": "invalid_api_key"}),
    status(429, ECHO),
    status(500, ECHO),
    status(200, ECHO),
    status(200, {"confidence_score": KEY, "log": {}}),
    status(200, {"confidence_score": 0.9, "log": KEY}),
]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it carries along."""
    while error is not None:
        yield error
        yield from chain(error.__cause__)
        error = error.__context__


def assert_silent(error: BaseException | None, caplog: pytest.LogCaptureFixture) -> None:
    for link in chain(error):
        shown = f"{link} {link!r} {link.args} {vars(link)}"
        for secret in (KEY, QUESTION, ANSWER):
            assert secret not in shown
        assert KEY not in "".join(traceback.format_exception(link))
    for record in caplog.records:
        said = record.getMessage() + json.dumps(vars(record), default=repr)
        assert KEY not in said
        if record.levelno > logging.DEBUG:
            assert QUESTION not in said
            assert ANSWER not in said


@BOTH
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind} {fault.code}")
async def test_no_error_of_a_score_shows_the_key_or_what_was_said(
    scene: Scene, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with TLMServer() as server:
        server.faults.always(fault)
        with pytest.raises(TrustError) as raised:
            await scene.scorer(server.url, timeout=0.5, explain=True).score(EXCHANGE)
    assert_silent(raised.value, caplog)


@BOTH
async def test_nor_does_one_of_a_connection(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(TrustError) as raised:
        await scene.scorer(f"http://{KEY}:{KEY}@127.0.0.1:{closed_port()}").score(EXCHANGE)
    assert_silent(raised.value, caplog)


@BOTH
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind} {fault.code}")
def test_nor_does_one_of_the_check_at_start(
    scene: Scene, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with threaded_tlm_server() as server:
        server.faults.always(fault)
        caught = None
        try:
            scene.scorer(server.url, timeout=0.5).check()
        except TrustError as error:
            caught = error
    assert_silent(caught, caplog)


@BOTH
def test_nor_does_a_refused_key(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with threaded_tlm_server(key="sk-other") as server, pytest.raises(CredentialsError) as raised:
        scene.scorer(server.url).check()
    assert_silent(raised.value, caplog)


@BOTH
async def test_an_error_of_the_client_that_holds_the_key_goes_no_further(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        try:
            raise KeyError(KEY)
        except KeyError as error:
            raise ValueError(f"Invalid API key: {KEY}") from error

    caplog.set_level(logging.DEBUG)
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        await scorer.score(EXCHANGE)
        (place,) = scorer._places.values()
        assert place.client is not None
        monkeypatch.setattr(place.client._tlm, "get_trustworthiness_score_async", fail)
        with pytest.raises(TrustError, match="failed with ValueError") as raised:
            await scorer.score(EXCHANGE)
    assert_silent(raised.value, caplog)
    assert len(list(chain(raised.value))) == 1


@BOTH
async def test_a_scorer_shows_no_key(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        await scorer.score(EXCHANGE)
        (place,) = scorer._places.values()
        for item in (scorer, place, place.client, place.client and place.client._session):
            assert KEY not in f"{item} {item!r}"
