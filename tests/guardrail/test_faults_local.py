"""Every fault of the model that samples and judges, through our client and NeMo's own engine."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.llm.models.initializer import init_llm_model

from nemoguardrails_trust.guardrail.messages import NOT_CHECKED, WITHHELD
from nemoguardrails_trust.guardrail.plugin import register
from tests.guardrail.scripted import ask, is_main, require_unchecked
from tests.servers.faults import (
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

KEY = "sk-test-0123456789"

CONFIG = """
import_paths: [nemoguardrails_trust/rail]
{models}
rails: {{output: {{flows: [cleanlab trustworthiness]}}}}
custom_data: {{trust: {{timeout: {timeout}, on_error: {on_error}}}}}
"""
MODEL = """
models:
  - {{type: main, engine: openai, model: gpt-test,
     parameters: {{base_url: "{url}", api_key: "{key}", max_retries: 1}}}}
"""


def is_ours(body: dict[str, Any]) -> bool:
    return not is_main(body)


def answer(body: dict[str, Any]) -> str:
    judges = "True or False" in str(body["messages"])
    return "True 95" if judges and not is_main(body) else "Paris"


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(answer=answer, api_key=KEY) as running:
        yield running


Make = Callable[..., LLMRails]


@pytest.fixture(params=["our client", "NeMo's engine"])
def make(request: pytest.FixtureRequest, server: OpenAIServer) -> Make:
    """Makes a bot whose rail reaches the server on one of the two ways."""

    def build(on_error: str = "flag", timeout: float = 3, url: str | None = None) -> LLMRails:
        register()
        url = url or server.base_url
        if request.param == "our client":
            models = MODEL.format(url=url, key=KEY)
            yaml = CONFIG.format(models=models, timeout=timeout, on_error=on_error)
            return LLMRails(RailsConfig.from_content(yaml_content=yaml))
        yaml = CONFIG.format(models="", timeout=timeout, on_error=on_error)
        parameters = {"base_url": url, "api_key": KEY, "max_retries": 1}
        llm = init_llm_model("gpt-test", "openai", parameters)
        return LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=llm)

    return build


async def ask_bot(rails: LLMRails) -> tuple[str, dict[str, Any]]:
    response = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
    return response.response[-1]["content"], response.output_data["trust"]


async def test_without_a_fault_the_answer_is_scored(make: Make, server: OpenAIServer) -> None:
    shown, trust = await ask_bot(make())
    assert (shown, trust["status"]) == ("Paris", "trusted")
    assert trust["signals"]["reflection"]["value"] > 0.5
    assert trust["signals"]["consistency"]["value"] == 1.0


ALWAYS = {
    "hangs": HANG,
    "reset": RESET,
    "401": UNAUTHORIZED,
    "429 with Retry-After": rate_limited(30),
    "429 without": rate_limited(),
    "500": status(500),
    "503": status(503),
    "HTML": HTML,
    "truncated JSON": TRUNCATED,
    "missing fields": MISSING,
}


SHOWN = {"flag": f"Paris\n{NOT_CHECKED}", "block": WITHHELD, "allow": "Paris"}
"""What is shown by `on_error`."""


@pytest.mark.parametrize("fault", ALWAYS.values(), ids=ALWAYS.keys())
async def test_a_fault_of_every_call_leaves_the_answer_unchecked(
    make: Make, server: OpenAIServer, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    server.faults.always(fault, when=is_ours)
    bots = [make(on_error, timeout=0.5) for on_error in SHOWN]
    started = time.perf_counter()
    told = await asyncio.gather(*map(ask_bot, bots))
    assert time.perf_counter() - started < 30
    assert [shown for shown, _ in told] == list(SHOWN.values())
    require_unchecked(told, key=KEY)
    assert KEY not in caplog.text


@pytest.mark.parametrize("fault", [HANG, RESET, UNAUTHORIZED, status(500), HTML, MISSING])
async def test_the_next_turn_is_scored_again(
    make: Make, server: OpenAIServer, fault: Fault
) -> None:
    rails = make(timeout=5.0)
    server.faults.always(fault, when=is_ours)
    _, trust = await ask_bot(rails)
    assert trust["status"] == "unchecked"
    server.faults.clear()
    shown, trust = await ask_bot(rails)
    assert (shown, trust["status"]) == ("Paris", "trusted")


@pytest.mark.parametrize(
    "fault", [status(500), rate_limited(0.05), rate_limited()], ids=["500", "429 after", "429"]
)
async def test_a_fault_that_passes_is_got_over(
    make: Make, server: OpenAIServer, fault: Fault
) -> None:
    server.faults.next(fault, when=is_ours)
    shown, trust = await ask_bot(make())
    assert (shown, trust["status"]) == ("Paris", "trusted")


async def test_one_signal_is_enough_and_the_missing_one_is_named(
    make: Make, server: OpenAIServer
) -> None:
    judges = lambda body: is_ours(body) and "True or False" in str(body["messages"])  # noqa: E731
    server.faults.always(status(500), when=judges)
    shown, trust = await ask_bot(make(timeout=5))
    assert (shown, trust["status"]) == ("Paris", "trusted")
    assert trust["signals"]["reflection"]["value"] is None
    assert "reflection" in trust["error"]


async def test_numbers_that_are_nan_are_never_a_score(make: Make, server: OpenAIServer) -> None:
    server.faults.always(NAN, when=is_ours)
    _, trust = await ask_bot(make(timeout=1))
    score = trust["trustworthiness_score"]
    assert score is None or 0.0 <= score <= 1.0
    reflection = trust["signals"].get("reflection", {"value": None})["value"]
    assert reflection is None or 0.0 <= reflection <= 1.0


async def test_a_closed_port_leaves_the_answer_unchecked(server: OpenAIServer) -> None:
    register()
    judge = MODEL.format(url=f"http://127.0.0.1:{closed_port()}/v1", key=KEY)
    judge = judge.replace("type: main", "type: judge")
    models = MODEL.format(url=server.base_url, key=KEY) + judge.replace("\nmodels:\n", "")
    yaml = CONFIG.format(models=models, timeout=1, on_error="flag")
    yaml = yaml.replace("{timeout", "{model: judge, timeout")
    shown, trust = await ask_bot(LLMRails(RailsConfig.from_content(yaml_content=yaml)))
    assert shown == f"Paris\n{NOT_CHECKED}"
    assert trust["status"] == "unchecked"


async def test_a_cancelled_turn_leaves_no_request_open(make: Make, server: OpenAIServer) -> None:
    server.faults.always(HANG, when=is_ours)
    turn = asyncio.create_task(make(timeout=20).generate_async(messages=ask()))
    while len(server.received) < 3:
        await asyncio.sleep(0.01)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await asyncio.sleep(0.1)
    assert server.open_requests == 0
