"""The example bots load and do what their READMEs say."""

import json
import os
import re
import runpy
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig

from nemoguardrails_trust.guardrail.flows import rail_path
from nemoguardrails_trust.guardrail.plugin import register
from tests.servers.faults import closed_port
from tests.servers.openai import OpenAIServer, threaded_server
from tests.servers.tlm import KEY, TLMServer, point_clients_at, threaded_tlm_server

EXAMPLES = Path(__file__).parents[1] / "examples"

DIALOGUE = re.compile(r"^> (.+)\n((?:(?!>|```).+\n)+)", re.MULTILINE)


def load(name: str) -> LLMRails:
    register()
    return LLMRails(RailsConfig.from_path(str(EXAMPLES / name)))


def shown_dialogues(name: str) -> list[tuple[str, str]]:
    """The questions and answers in an example's README."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    return [(question, answer.strip()) for question, answer in DIALOGUE.findall(text)]


@pytest.mark.parametrize(
    "name", ["trivia", "trivia_colang2", "override", "custom_scorer", "sentences"]
)
async def test_a_recorded_bot_answers_as_its_readme_shows(name: str) -> None:
    rails = load(name)
    shown = shown_dialogues(name)
    assert shown
    for question, answer in shown:
        message = await rails.generate_async(messages=[{"role": "user", "content": question}])
        assert message["content"] == answer


async def test_the_agent_sends_money_as_its_readme_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = runpy.run_path(str(EXAMPLES / "agent" / "agent.py"))
    await program["main"]()
    readme = (EXAMPLES / "agent" / "README.md").read_text(encoding="utf-8")
    assert f"```text\n{capsys.readouterr().out}```" in readme


@pytest.fixture
async def support(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[LLMRails, TLMServer]]:
    for name in ("CLEANLAB_TLM_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    register()
    with (
        threaded_tlm_server(score=0.9) as service,
        threaded_server(OpenAIServer(answer="No, opened software cannot be sent back.")) as model,
    ):
        point_clients_at(service.url, monkeypatch)
        config = RailsConfig.from_path(str(EXAMPLES / "customer_support"))
        config.models[0].parameters = {"base_url": model.base_url}
        yield LLMRails(config), service


async def test_the_support_bot_hands_over_when_it_is_not_sure(
    support: tuple[LLMRails, TLMServer],
) -> None:
    rails, service = support
    ((question, handed_over),) = shown_dialogues("customer_support")
    messages = [{"role": "user", "content": question}]
    message = await rails.generate_async(messages=messages)
    assert message["content"] == "No, opened software cannot be sent back."
    prompt = service.scored[-1].body["prompt"]
    assert "Opened software and food cannot." in prompt
    service.score = 0.4
    messages[0]["content"] += " "
    message = await rails.generate_async(messages=messages)
    assert message["content"] == handed_over


async def test_the_live_bot_asks_its_model_for_a_judgement_and_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-local")
    register()

    def answer(body: dict[str, Any]) -> str:
        return "True 90" if "True or False" in str(body["messages"]) else "Paris"

    async with OpenAIServer(answer=answer, api_key="sk-local") as server:
        config = RailsConfig.from_path(str(EXAMPLES / "openai"))
        config.models[0].parameters = {"base_url": server.base_url}
        rails = LLMRails(config)
        message = await rails.generate_async(
            messages=[{"role": "user", "content": "Capital of France?"}]
        )
    assert message["content"] == "Paris"
    assert len(server.received) == 3
    tasks = {call.task for call in rails.explain().llm_calls}
    assert {"trustworthiness_reflection", "trustworthiness_sample"} <= tasks


def environment() -> dict[str, str]:
    """The environment in which NeMo's own commands find the rail of an editable install."""
    return {**os.environ, "COLANGPATH": str(rail_path().parents[1])}


def test_the_server_answers_with_the_flagged_message_and_the_score() -> None:
    question, flagged = shown_dialogues("trivia")[1]
    port = closed_port()
    command = [sys.executable, "-m", "nemoguardrails", "server"]
    process = subprocess.Popen(
        [*command, "--config", str(EXAMPLES / "trivia"), "--port", str(port)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        body = {
            "model": "llama-13b",
            "messages": [{"role": "user", "content": question}],
            "guardrails": {"config_id": "trivia", "options": {"output_vars": ["trust"]}},
        }
        answer = post(f"http://127.0.0.1:{port}/v1/chat/completions", body)
    finally:
        process.terminate()
        process.wait(20)
    assert answer["choices"][0]["message"]["content"] == flagged
    trust = answer["guardrails"]["output_data"]["trust"]
    assert trust["status"] == "untrustworthy"
    assert 0.0 <= trust["trustworthiness_score"] < trust["threshold"] == 0.6


def post(url: str, body: dict[str, Any]) -> Any:
    """Posts JSON, waiting for the server to come up."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    for _ in range(3000):
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


def test_the_chat_command_shows_the_flagged_answer() -> None:
    question, flagged = shown_dialogues("trivia")[1]
    command = [sys.executable, "-m", "nemoguardrails", "chat"]
    result = subprocess.run(
        [*command, "--config", str(EXAMPLES / "trivia")],
        input=f"{question}\n",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert flagged in result.stdout
