"""Whatever a scorer of the user's own does wrongly, every door stays open, and tells it."""

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nemoguardrails_trust import TLM
from nemoguardrails_trust.calibration.calibration import Calibration
from nemoguardrails_trust.cli import app
from nemoguardrails_trust.integrations.langfuse import (
    LangfuseClient,
    ScoringOptions,
    TraceQuery,
    run_scoring,
)
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.create import create_scorer
from tests.guardrail.scripted import ask, bot_v1, bot_v2
from tests.scorers.faulty import FAULTS, FINE, NAME, SECRET, TIMEOUT
from tests.servers.langfuse import LangfuseServer

Told = dict[str, tuple[float | None, str]]
"""What came of each response: its score, and the error that was told."""

Door = Callable[[Path, Path | None], Awaitable[Told]]

ANSWERS = [*FAULTS, FINE]


def _calibration(tmp_path: Path) -> Path:
    path = tmp_path / "calibration.json"
    Calibration(
        scorer=NAME,
        quality="medium",
        model=None,
        knots=((0.0, 0.1), (1.0, 0.99)),
        fit="isotonic",
        n=100,
        created="2026-01-01T00:00:00Z",
    ).save(path)
    return path


def _settings(calibration: Path | None) -> str:
    named = "" if calibration is None else f", calibration: '{calibration}'"
    return f"timeout: {TIMEOUT}{named}"


async def _rail_v1(_: Path, calibration: Path | None) -> Told:
    rails = bot_v1(*ANSWERS, settings=_settings(calibration), scorer=NAME)
    told: Told = {}
    for answer in ANSWERS:
        options = {"output_vars": ["trust"]}
        response = await rails.generate_async(messages=ask(answer), options=options)
        trust = response.output_data["trust"]
        assert response.response[0]["content"].startswith(answer)
        told[answer] = (trust["trustworthiness_score"], trust["error"] or "")
    return told


async def _rail_v2(_: Path, calibration: Path | None) -> Told:
    rails = bot_v2(*ANSWERS, settings=_settings(calibration), scorer=NAME)
    outcomes: list[Any] = []
    guard = rails.runtime.registered_action_params["trust_guard"]
    check = guard.check

    async def noted(*arguments: Any, **options: Any) -> Any:
        outcomes.append(await check(*arguments, **options))
        return outcomes[-1]

    guard.check = noted
    told: Told = {}
    for answer in ANSWERS:
        message = await rails.generate_async(messages=ask(answer))
        assert str(message["content"]).startswith(answer)
        trust = outcomes[-1].metadata
        told[answer] = (trust["trustworthiness_score"], trust["error"] or "")
    return told


async def _tlm(_: Path, calibration: Path | None) -> Told:
    tlm = TLM(scorer=NAME, timeout=TIMEOUT, calibration=calibration, concurrency=1)
    prompts = ["?"] * len(ANSWERS)
    results = await tlm.try_get_trustworthiness_score_async(prompts, ANSWERS)
    return {
        answer: (
            result["trustworthiness_score"],
            result.get("log", {}).get("error", {}).get("message", ""),
        )
        for answer, result in zip(ANSWERS, results, strict=True)
    }


def told_by_command(
    name: str, tmp_path: Path, calibration: Path | None, *options: str, code: int
) -> tuple[Told, str]:
    """What a command writes of each response, and what it says."""
    data, out = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    rows = [{"prompt": "?", "response": answer, "correct": 1} for answer in ANSWERS]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = [name, str(data), "--out", str(out), "--scorer", NAME, "--timeout", str(TIMEOUT)]
    if calibration is not None:
        arguments += ["--calibration", str(calibration)]
    result = CliRunner().invoke(app, [*arguments, "--concurrency", "1", *options])
    assert result.exit_code == code, result.output
    scored = map(json.loads, out.read_text("utf-8").splitlines())
    told = {row["response"]: (row["trustworthiness_score"], row["error"] or "") for row in scored}
    return told, result.output


async def _score(tmp_path: Path, calibration: Path | None) -> Told:
    return told_by_command("score", tmp_path, calibration, code=1)[0]


async def _evaluate(tmp_path: Path, calibration: Path | None) -> Told:
    told, output = told_by_command("evaluate", tmp_path, calibration, code=0)
    assert f"{len(FAULTS)} rows have no score: " in output
    return told


async def _langfuse(_: Path, calibration: Path | None) -> Told:
    settings = ScorerSettings(scorer=NAME, calibration=calibration)
    scorer = create_scorer(settings).scorer
    async with LangfuseServer() as server:
        for answer in ANSWERS:
            server.add_trace("?", answer)
        client = LangfuseClient(server.connection())
        options = ScoringOptions(concurrency=1, timeout=TIMEOUT)
        report = await run_scoring(client, scorer, TraceQuery(), options)
        await client.aclose()
    return {
        result.exchange.response: (
            None if result.score is None else result.score.score,
            result.error or "",
        )
        for result in report.results
        if result.exchange is not None
    }


DOORS: dict[str, Door] = {
    "rail, Colang 1.0": _rail_v1,
    "rail, Colang 2.x": _rail_v2,
    "TLM": _tlm,
    "score": _score,
    "evaluate": _evaluate,
    "langfuse": _langfuse,
}


async def check_door(
    door: Door, tmp_path: Path, calibrated: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Tries every fault at a door; that of Ray is in `tests/datasets/test_ray.py`."""
    with caplog.at_level(logging.DEBUG, logger="nemoguardrails_trust"):
        told = await door(tmp_path, _calibration(tmp_path) if calibrated else None)
    wrong = {
        answer: told.get(answer)
        for answer, fault in FAULTS.items()
        if told.get(answer, (0.0, ""))[0] is not None or fault.told not in told[answer][1]
    }
    assert not wrong
    assert told[FINE][0] is not None
    assert SECRET not in caplog.text


@pytest.mark.parametrize("calibrated", [False, True], ids=["plain", "calibrated"])
@pytest.mark.parametrize("door", DOORS)
async def test_every_fault_is_told_at_every_door_and_costs_only_its_answer(
    door: str, calibrated: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await check_door(DOORS[door], tmp_path, calibrated, caplog)
