"""Servers of all manners, through our client and through NeMo's own engine, over real HTTP."""

from typing import Any

import pytest

from tests.guardrail.scripted import is_main
from tests.guardrail.test_faults_local import Make, answer, ask_bot, make, server
from tests.servers.openai import OpenAIServer

__all__ = ["make", "server"]


def thoughtful(body: dict[str, Any]) -> str:
    return f"<think>Let me see: Lyon? No.</think>\n\n{answer(body)}"


def with_reasoning(body: dict[str, Any]) -> dict[str, Any]:
    return {"content": answer(body), "reasoning_content": "Let me see: Lyon? No."}


MANNERS: dict[str, dict[str, Any]] = {
    "n is ignored": {"n": "ignored"},
    "n is refused": {"n": "refused"},
    "no token probabilities": {"logprobs": "off"},
    "token probabilities are refused": {"logprobs": "refused"},
    "temperature is refused": {"refused": {"temperature"}},
    "max_tokens is refused": {"refused": {"max_tokens"}},
    "all of them are refused": {
        "refused": {"temperature", "max_tokens"},
        "n": "refused",
        "logprobs": "refused",
    },
    "it thinks aloud": {"answers": thoughtful},
    "it thinks apart": {"answers": with_reasoning},
    "it thinks before a word is said": {"thinking_tokens": 200},
    "it is slow": {"latency": 0.3},
}


@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS.keys())
async def test_an_answer_is_scored_by_both_signals_and_refusals_are_learnt(
    make: Make, server: OpenAIServer, manner: dict[str, Any]
) -> None:
    for name, value in manner.items():
        setattr(server, name, value)
    rails = make(timeout=10)
    requests = []
    for number in range(3):
        before = len(server.received)
        question = f"What is the capital of France, for the {number}. time?"
        response = await rails.generate_async(
            messages=[{"role": "user", "content": question}],
            options={"output_vars": ["trust"]},
        )
        trust = response.output_data["trust"]
        assert response.response[-1]["content"] == "Paris"
        assert trust["status"] == "trusted", trust["error"]
        assert trust["signals"]["reflection"]["value"] > 0.5
        assert trust["signals"]["consistency"]["value"] == 1.0
        requests.append(len(server.received) - before)
    # One answer, one judgement, and five samples or one request for all of them.
    assert requests[1] == requests[2] <= 7
    assert any(is_main(body) for body in server.bodies)


async def test_a_server_that_is_too_slow_for_one_signal_gives_the_other(
    make: Make, server: OpenAIServer
) -> None:
    server.latency = lambda body: 60.0 if "True or False" in str(body["messages"]) else 0.0
    shown, trust = await ask_bot(make(timeout=5))
    assert (shown, trust["status"]) == ("Paris", "trusted")
    assert trust["signals"]["reflection"]["value"] is None
    assert "reflection" in trust["error"]
