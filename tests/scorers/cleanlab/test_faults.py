"""Every fault of the service through the real clients: which error, how many requests, when."""

import asyncio
from typing import Any

import pytest

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelConnectionError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
)
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.cleanlab import client as cleanlab_client
from tests.scorers.cleanlab.scene import BOTH, EXCHANGE, Scene, at_most
from tests.servers.faults import (
    DISCONNECT,
    HANG,
    HTML,
    MISSING,
    NAN,
    RESET,
    TRUNCATED,
    Fault,
    closed_port,
    rate_limited,
    status,
)
from tests.servers.tlm import INVALID_KEY, UNAUTHORIZED, TLMServer, threaded_tlm_server

# What only another attempt can tell to be lasting gets three; the rest gets one.
LASTING = {
    "401 with a code": (INVALID_KEY, CredentialsError, 1),
    "401 without": (UNAUTHORIZED, CredentialsError, 1),
    "401 in HTML": (Fault("html", 401), CredentialsError, 1),
    "400": (status(400, {"error": "No."}), ModelRequestError, 1),
    "403": (status(403, {"error": "No."}), ModelRequestError, 1),
    "404 in HTML": (Fault("html", 404), ModelRequestError, 1),
    "422": (status(422, {"error": {"code": "X", "description": "No."}}), ModelRequestError, 1),
    "429": (rate_limited(), RateLimitError, 3),
    "429 after a moment": (rate_limited(0.02), RateLimitError, 3),
    "429 without sense": (status(429, Retry_After="soon"), RateLimitError, 3),
    "500": (status(500, {"error": "Broken."}), ModelServerError, 3),
    "502 in HTML": (Fault("html", 502), ModelServerError, 3),
    "503 after a moment": (status(503, Retry_After="0.02"), ModelServerError, 3),
    "redirect": (status(307, Location="http://127.0.0.1:9/elsewhere"), ModelResponseError, 1),
    "reset": (RESET, ModelConnectionError, 3),
    "disconnect": (DISCONNECT, ModelConnectionError, 3),
    "html": (HTML, ModelResponseError, 1),
    "truncated": (TRUNCATED, ModelResponseError, 1),
    "nan": (NAN, ModelResponseError, 1),
    "missing": (MISSING, ModelResponseError, 1),
    "array": (status(200, [0.9]), ModelResponseError, 1),
    "null": (status(200, "null"), ModelResponseError, 1),
    "no score": (status(200, {"log": {}}), ModelResponseError, 1),
}


@BOTH
@pytest.mark.parametrize(("fault", "expected", "requests"), LASTING.values(), ids=LASTING)
async def test_a_lasting_fault_is_an_error_and_a_passed_one_is_forgotten(
    scene: Scene, fault: Fault, expected: type[Exception], requests: int
) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        server.faults.always(fault)
        with pytest.raises(expected) as raised, at_most(5.0):
            await scorer.score(EXCHANGE)
        assert type(raised.value) is expected
        assert len(server.received) == requests
        server.faults.clear()
        assert (await scorer.score(EXCHANGE)).score == 0.87
        assert len(server.received) == requests + 1


@BOTH
@pytest.mark.parametrize(
    "fault",
    [status(503, {"error": "Busy."}), status(500), rate_limited(), RESET, DISCONNECT],
    ids=["503", "500", "429", "reset", "disconnect"],
)
async def test_a_passing_fault_costs_one_more_request(scene: Scene, fault: Fault) -> None:
    async with TLMServer(score=0.4) as server:
        server.faults.next(fault)
        scored = await scene.scorer(server.url).score(EXCHANGE)
        assert (scored.score, scored.usage.calls) == (0.4, 2)
        assert len(server.received) == 2
        assert server.bodies[0] == server.bodies[1]


@BOTH
@pytest.mark.parametrize(
    "score", [-0.1, 1.5, float("nan"), float("inf"), "0.9", True, [0.9], {"is": 1}, None]
)
async def test_what_is_not_a_score_never_becomes_one(scene: Scene, score: Any) -> None:
    async with TLMServer(score=score) as server:
        with pytest.raises(ModelResponseError):
            await scene.scorer(server.url).score(EXCHANGE)
        assert len(server.received) == 1


@BOTH
@pytest.mark.parametrize("score", [0, 1, 0.0, 1.0])
async def test_the_ends_of_the_range_are_scores(scene: Scene, score: float) -> None:
    async with TLMServer(score=score) as server:
        assert (await scene.scorer(server.url).score(EXCHANGE)).score == score


@BOTH
@pytest.mark.parametrize("log", [None, "because", ["because"], {"explanation": 7}])
async def test_an_explanation_of_a_wrong_make_is_an_error_where_one_was_asked_for(
    scene: Scene, log: Any
) -> None:
    async with TLMServer(answer={"log": log}) as server:
        with pytest.raises(ModelResponseError, match=r"log|explanation"):
            await scene.scorer(server.url, explain=True).score(EXCHANGE)
        assert (await scene.scorer(server.url).score(EXCHANGE)).score == 0.87


@BOTH
async def test_an_error_tells_the_status_and_how_long_to_wait(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        server.faults.always(rate_limited(0.02))
        with pytest.raises(RateLimitError) as limited:
            await scorer.score(EXCHANGE)
        server.faults.always(status(503))
        with pytest.raises(ModelServerError) as failed:
            await scorer.score(EXCHANGE)
    assert (limited.value.status, limited.value.retry_after) == (429, 0.02)
    assert (failed.value.status, failed.value.retry_after) == (503, None)
    assert "127.0.0.1" in str(failed.value)


@BOTH
async def test_a_service_that_hangs_is_cut_off_in_time(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url, timeout=1.0)
        await scorer.score(EXCHANGE)
        server.faults.always(HANG)
        with pytest.raises(ModelTimeoutError, match=r"within 1 s"), at_most(1.5):
            await scorer.score(EXCHANGE)
        await server.idle()
        assert server.cancelled_requests == 1
        assert len(server.received) == 2
        server.faults.clear()
        assert (await scorer.score(EXCHANGE)).score == 0.87


@BOTH
async def test_many_checks_of_a_service_that_hangs_all_end_in_time(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url, timeout=1.0)
        await scorer.score(EXCHANGE)
        server.faults.always(HANG)
        with at_most(3.0):
            ended = await asyncio.gather(
                *(scorer.score(EXCHANGE) for _ in range(100)), return_exceptions=True
            )
        assert {type(outcome) for outcome in ended} == {ModelTimeoutError}
        await server.idle()
        server.faults.clear()
        assert (await scorer.score(EXCHANGE)).score == 0.87


@BOTH
async def test_a_port_where_nothing_listens_is_a_connection_error(scene: Scene) -> None:
    scorer = scene.scorer(f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(ModelConnectionError, match="refused"), at_most(3.0):
        await scorer.score(EXCHANGE)


@BOTH
@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[::bad", "http://no.such.invalid"])
async def test_a_base_url_that_leads_nowhere_is_a_connection_error(scene: Scene, url: str) -> None:
    with pytest.raises(ModelConnectionError), at_most(5.0):
        await scene.scorer(url).score(EXCHANGE)


@BOTH
async def test_a_connection_that_the_service_closed_meanwhile_is_replaced(scene: Scene) -> None:
    async with TLMServer(keepalive_timeout=0.02) as server:
        scorer = scene.scorer(server.url)
        for _ in range(3):
            assert (await scorer.score(EXCHANGE)).score == 0.87
            await asyncio.sleep(0.05)
        assert server.connections == 3


@BOTH
async def test_a_redirect_takes_the_prompt_nowhere(scene: Scene) -> None:
    async with TLMServer() as elsewhere, TLMServer() as server:
        server.faults.always(status(307, Location=f"{elsewhere.url}/v0/x"))
        with pytest.raises(ModelResponseError, match="CLEANLAB_API_BASE_URL"):
            await scene.scorer(server.url).score(EXCHANGE)
        assert elsewhere.connections == 0


@BOTH
async def test_a_pause_that_the_service_asks_for_is_kept(scene: Scene) -> None:
    async with TLMServer() as server:
        server.faults.next(rate_limited(0.3))
        assert (await scene.scorer(server.url).score(EXCHANGE)).score == 0.87
        first, second = (request.at for request in server.received)
        assert second - first >= 0.3


@BOTH
async def test_a_pause_beyond_the_deadline_ends_the_check_at_once(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url, timeout=5)
        server.faults.next(rate_limited(30))
        with pytest.raises(RateLimitError) as raised, at_most(2.0):
            await scorer.score(EXCHANGE)
        assert raised.value.retry_after == 30
        with pytest.raises(RateLimitError) as held_back, at_most(2.0):
            await scorer.score(EXCHANGE)
        assert held_back.value.retry_after == pytest.approx(30, abs=1)
        assert len(server.received) == 1


@BOTH
async def test_a_pause_of_one_check_holds_the_others_back(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        server.faults.next(rate_limited(0.3))
        first = asyncio.create_task(scorer.score(EXCHANGE))
        while not server.received:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        others = [scorer.score(Exchange.of("Another?", str(i))) for i in range(5)]
        await asyncio.gather(first, *others)
        refused, *later = (request.at for request in server.received)
        assert len(later) == 6
        assert min(later) - refused >= 0.3


@BOTH
async def test_no_pause_holds_checks_back_for_long(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleanlab_client, "LONGEST_PAUSE", 0.1)
    async with TLMServer() as server:
        scorer = scene.scorer(server.url, timeout=5)
        server.faults.next(rate_limited(10**4))
        with pytest.raises(RateLimitError):
            await scorer.score(EXCHANGE)
        assert (await scorer.score(EXCHANGE)).score == 0.87


@BOTH
async def test_many_checks_refused_at_once_make_no_storm(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        server.faults.always(rate_limited())
        ended = await asyncio.gather(
            *(scorer.score(EXCHANGE) for _ in range(50)), return_exceptions=True
        )
        assert {type(outcome) for outcome in ended} == {RateLimitError}
        assert len(server.received) <= 150


async def received(server: TLMServer, requests: int) -> None:
    """Waits until the server has had so many requests and had time to answer."""
    async with asyncio.timeout(10):
        while len(server.received) < requests:
            await asyncio.sleep(0.002)
    await asyncio.sleep(0.02)


@BOTH
@pytest.mark.parametrize(
    "fault", [HANG, rate_limited(0.3), status(503, Retry_After="0.3")], ids=["hang", "429", "503"]
)
async def test_a_cancelled_check_leaves_no_request_and_no_task(scene: Scene, fault: Fault) -> None:
    with threaded_tlm_server() as server:
        scorer = scene.scorer(server.url)
        server.faults.next(fault)
        task = asyncio.create_task(scorer.score(EXCHANGE))
        await received(server, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError), at_most(1.0):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await server.idle()
        await asyncio.sleep(0.35)
        assert len(server.received) == 1
        assert (await scorer.score(EXCHANGE)).score == 0.87


@BOTH
@pytest.mark.parametrize("partial", [False, True], ids=["whole", "partial"])
async def test_cancelled_checks_leave_the_clients_window_open(scene: Scene, partial: bool) -> None:
    async with TLMServer(latency=0.02, answer={"deberta_success": not partial}) as server:
        scorer = scene.scorer(server.url, timeout=5)
        for _ in range(10):
            tasks = [asyncio.create_task(scorer.score(EXCHANGE)) for _ in range(40)]
            await asyncio.sleep(0.025)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        server.peak_requests = 0
        server.latency = 1.0  # so that all that may wait at once do
        scored = await asyncio.gather(*(scorer.score(EXCHANGE) for _ in range(40)))
        assert {score.score for score in scored} == {0.87}
        assert server.peak_requests >= 16


@BOTH
async def test_a_client_that_fails_in_a_way_of_its_own_is_a_model_error(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        await scorer.score(EXCHANGE)
        (place,) = scorer._places.values()
        assert place.client is not None

        async def fail(*_: object, **__: object) -> None:
            raise ArithmeticError("not in the list")

        monkeypatch.setattr(place.client._tlm, "get_trustworthiness_score_async", fail)
        with pytest.raises(ModelError, match=f"{scene.name} failed with ArithmeticError"):
            await scorer.score(EXCHANGE)


@BOTH
async def test_a_scorer_closed_under_a_check_ends_it_with_an_error(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        server.faults.next(HANG)
        task = asyncio.create_task(scorer.score(EXCHANGE))
        await received(server, 1)
        await scorer.aclose()
        with pytest.raises(ModelError), at_most(3.0):
            await task
