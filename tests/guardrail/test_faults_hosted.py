"""Every fault of the hosted service, through its real clients and the whole rail."""

import asyncio
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.testing import FakeLLMModel

from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.guardrail.messages import CAUTION, NOT_CHECKED, WITHHELD
from nemoguardrails_trust.guardrail.plugin import register
from tests.guardrail.scripted import ask, require_unchecked
from tests.servers.faults import (
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
from tests.servers.tlm import (
    INVALID_KEY,
    IS_SCORING,
    KEY,
    UNAUTHORIZED,
    TLMServer,
    point_clients_at,
    threaded_tlm_server,
)

SCORERS = ["cleanlab-studio", "cleanlab-tlm"]

CONFIG = """
import_paths: [nemoguardrails_trust/rail]
instructions: [{{type: general, content: "You sell garden gnomes."}}]
rails: {{output: {{flows: [cleanlab trustworthiness]}}}}
custom_data: {{trust: {{scorer: {scorer}, timeout: {timeout}, on_error: {on_error}, cache: 0}}}}
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TLMServer]:
    monkeypatch.setenv("CLEANLAB_API_KEY", KEY)
    monkeypatch.setenv("CLEANLAB_TLM_API_KEY", KEY)
    # In a thread, since a bot waits for the service when it starts.
    with threaded_tlm_server(score=0.9) as running:
        point_clients_at(running.url, monkeypatch)
        yield running


def bot(scorer: str, on_error: str = "flag", timeout: float = 10) -> LLMRails:
    register()
    yaml = CONFIG.format(scorer=scorer, timeout=timeout, on_error=on_error)
    config = RailsConfig.from_content(yaml_content=yaml)
    llm = FakeLLMModel(responses=["10 euros"] * 5)
    return LLMRails(config, llm)


async def ask_bot(rails: LLMRails) -> tuple[str, dict[str, Any]]:
    response = await rails.generate_async(
        messages=ask("How much?"), options={"output_vars": ["trust"]}
    )
    return response.response[-1]["content"], response.output_data["trust"]


@pytest.mark.parametrize("scorer", SCORERS)
async def test_the_whole_prompt_is_sent_with_roles_and_scored_once(
    server: TLMServer, scorer: str
) -> None:
    rails = bot(scorer)
    at_start = len(server.scored)
    shown, trust = await ask_bot(rails)
    assert (shown, trust["trustworthiness_score"]) == ("10 euros", 0.9)
    assert len(server.scored) - at_start == 1
    prompt = server.scored[-1].body["prompt"]
    assert prompt == "System: You sell garden gnomes.\n\nUser: How much?"
    server.score = 0.2
    shown, trust = await ask_bot(bot(scorer))
    assert shown == f"10 euros\n{CAUTION}"


ALWAYS = {
    "hangs": HANG,
    "reset": RESET,
    "401 with a code": INVALID_KEY,
    "401 without": UNAUTHORIZED,
    "429 with Retry-After": rate_limited(30),
    "429 without": rate_limited(),
    "500": status(500, {"error": "Broken."}),
    "HTML": HTML,
    "truncated JSON": TRUNCATED,
    "NaN": NAN,
    "missing fields": MISSING,
}


SHOWN = {"flag": f"10 euros\n{NOT_CHECKED}", "block": WITHHELD, "allow": "10 euros"}
"""What is shown by `on_error`."""


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("fault", ALWAYS.values(), ids=ALWAYS.keys())
async def test_a_fault_of_every_call_leaves_the_answer_unchecked(
    server: TLMServer, scorer: str, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    bots = [bot(scorer, on_error, timeout=1.0) for on_error in SHOWN]
    caplog.set_level(logging.DEBUG)
    server.faults.always(fault, when=IS_SCORING)
    started = time.perf_counter()
    told = await asyncio.gather(*map(ask_bot, bots))
    assert time.perf_counter() - started < 30
    assert [shown for shown, _ in told] == list(SHOWN.values())
    require_unchecked(told, key=KEY)
    assert not any(
        KEY in record.getMessage()
        for record in caplog.records
        if not record.name.startswith("tests.")
    )
    assert len(server.scored) <= 8 * len(bots)


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize("fault", [status(500), rate_limited(0.1)], ids=["500", "429"])
async def test_a_fault_that_passes_is_got_over(
    server: TLMServer, scorer: str, fault: Fault
) -> None:
    rails = bot(scorer)
    server.faults.next(fault, when=IS_SCORING)
    shown, trust = await ask_bot(rails)
    assert (shown, trust["trustworthiness_score"]) == ("10 euros", 0.9)


@pytest.mark.parametrize("scorer", SCORERS)
async def test_a_cancelled_turn_leaves_no_request_open(server: TLMServer, scorer: str) -> None:
    rails = bot(scorer)
    server.faults.always(HANG, when=IS_SCORING)
    turn = asyncio.create_task(rails.generate_async(messages=ask()))
    while not server.scored:
        await asyncio.sleep(0.01)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await asyncio.sleep(0.1)
    assert server.open_requests == 0


@pytest.mark.parametrize("scorer", SCORERS)
async def test_a_missing_key_is_an_error_at_start_that_names_it(
    server: TLMServer, scorer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = {"cleanlab-studio": "CLEANLAB_API_KEY", "cleanlab-tlm": "CLEANLAB_TLM_API_KEY"}[scorer]
    monkeypatch.delenv(name)
    with pytest.raises(TrustError) as caught:
        bot(scorer)
    assert name in str(caught.value)


@pytest.mark.parametrize("scorer", SCORERS)
async def test_a_refused_key_is_an_error_at_start_that_does_not_show_it(
    server: TLMServer, scorer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "sk-wrong-1234567890"
    monkeypatch.setenv("CLEANLAB_API_KEY", wrong)
    monkeypatch.setenv("CLEANLAB_TLM_API_KEY", wrong)
    with pytest.raises(TrustError) as caught:
        bot(scorer)
    error: BaseException | None = caught.value
    texts = []
    while error is not None:
        texts.append(repr(error))
        error = error.__cause__ or error.__context__
    assert "refused" in texts[0]
    assert wrong not in "".join(texts)


@pytest.mark.parametrize("scorer", SCORERS)
async def test_an_unreachable_host_is_an_error_at_start(
    server: TLMServer, scorer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_clients_at(f"http://127.0.0.1:{closed_port()}", monkeypatch)
    with pytest.raises(TrustError) as caught:
        bot(scorer)
    assert "127.0.0.1" in str(caught.value)
