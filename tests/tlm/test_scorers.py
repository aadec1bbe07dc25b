"""Scorers other than the model itself: hosted, the user's own, calibrated."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust import (
    TLM,
    CredentialsError,
    Exchange,
    ScorerSettings,
    SettingsError,
    TrustworthinessScore,
)
from nemoguardrails_trust.calibration.calibration import Calibration
from tests.scorers.cleanlab.scene import BOTH, VARIABLES
from tests.servers.faults import status
from tests.servers.tlm import KEY as HOSTED_KEY
from tests.servers.tlm import TLMServer, point_clients_at, threaded_tlm_server
from tests.tlm.scene import KEY, kinds, serving


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES.values():
        monkeypatch.setenv(variable, HOSTED_KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def body_of(service: TLMServer) -> Any:
    return service.scored[-1].body


@pytest.mark.parametrize("model", [3, object(), ["gpt-4o-mini"]])
def test_what_is_no_model_is_told_when_the_tlm_is_made(model: Any) -> None:
    told = f"model is a {type(model).__name__}; it must be a model's name, or an object with"
    with pytest.raises(SettingsError, match=told):
        TLM(model=model)


@BOTH
def test_a_hosted_service_scores_without_any_model(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with threaded_tlm_server(score=0.31) as service:
        point_clients_at(service.url, monkeypatch)
        with TLM("high", scorer=name) as tlm:
            one = tlm.get_trustworthiness_score("How far?", "12 km")
            many = tlm.get_trustworthiness_score(["How far?"] * 3, ["a", "b", "c"])
        assert len(service.scored) == 4
        assert body_of(service)["quality"] == "high"
    assert one == {"trustworthiness_score": 0.31}
    assert many == [one] * 3


@BOTH
def test_the_users_model_answers_what_a_hosted_service_scores(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"options": {"log": ["explanation"], "model": "gpt-4o"}}
    with serving() as server, threaded_tlm_server(score=0.31) as service:
        point_clients_at(service.url, monkeypatch)
        arguments |= {"base_url": server.base_url, "api_key": KEY}
        with TLM(scorer=name, **arguments) as tlm:
            result = tlm.prompt("Say hello", context="It is morning.")
        assert kinds(server) == ["answer"]
        assert server.bodies[0]["model"] == "gpt-4o"
        assert body_of(service)["options"]["model"] == "gpt-4o"
        assert body_of(service)["response"]["perplexity"] == pytest.approx(0.9048, abs=1e-4)
        assert "It is morning." in body_of(service)["prompt"]
        explanation = service.explanation
    assert result == {
        "response": "hello",
        "trustworthiness_score": 0.31,
        "log": {"explanation": explanation},
    }


@BOTH
def test_one_object_uses_a_hosted_service_from_loops_and_threads(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with threaded_tlm_server(score=0.31) as service:
        point_clients_at(service.url, monkeypatch)
        with TLM(scorer=name) as tlm:

            async def both() -> tuple[Any, Any]:
                return await asyncio.gather(
                    tlm.get_trustworthiness_score_async(["?"] * 5, ["x"] * 5),
                    asyncio.to_thread(tlm.get_trustworthiness_score, ["?"] * 5, ["x"] * 5),
                )

            here, there = asyncio.run(both())
    assert here == there == [{"trustworthiness_score": 0.31}] * 5


def test_a_hosted_services_failure_is_that_of_its_prompt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with threaded_tlm_server(score=0.31) as service:
        point_clients_at(service.url, monkeypatch)
        service.faults.always(status(503, {"error": "x"}, Retry_After="0"))
        with TLM(scorer="cleanlab-tlm") as tlm:
            result = tlm.try_get_trustworthiness_score("How far?", "12 km")
    assert result["log"]["error"]["retryable"] is True
    assert HOSTED_KEY not in result["log"]["error"]["message"]


def test_keys_that_are_missing_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with TLM(scorer="cleanlab-tlm") as tlm:
        with pytest.raises(CredentialsError, match="OPENAI_API_KEY"):
            tlm.prompt("Say hello")
        results = tlm.try_prompt(["Say hello"] * 3)
    assert all("OPENAI_API_KEY" in result["log"]["error"]["message"] for result in results)
    monkeypatch.delenv("CLEANLAB_TLM_API_KEY")
    with pytest.raises(CredentialsError, match="CLEANLAB_TLM_API_KEY"):
        TLM(scorer="cleanlab-tlm")


@pytest.mark.parametrize(
    "options",
    [
        {"num_consistency_samples": 3},
        {"num_consistency_samples": 0},
        {"num_self_reflections": 0},
        {"use_self_reflection": False},
        {"custom_eval_criteria": [{"name": "x", "criteria": "y"}]},
    ],
)
def test_options_of_the_local_scorer_are_refused_with_another(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="has no effect with this scorer") as caught:
        TLM(scorer="cleanlab-tlm", options=options)
    assert caught.value.key == f"options.{next(iter(options))}"


class VerifiedScorer:
    """A scorer of a user's own."""

    name = "verified"

    def __init__(self, settings: ScorerSettings | None = None) -> None:
        self.settings = settings
        self.scored: list[Exchange] = []

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        self.scored.append(exchange)
        return TrustworthinessScore(0.25, explanation="looked up", scorer=self.name)


def test_a_scorer_of_ones_own_gets_the_exchange() -> None:
    own = VerifiedScorer()
    with (
        serving() as server,
        TLM(
            scorer=own, base_url=server.base_url, api_key=KEY, options={"log": ["explanation"]}
        ) as tlm,
    ):
        result = tlm.prompt("Say hello", context=["one", "two"])
        assert tlm.scorer is own
    assert result["trustworthiness_score"] == 0.25
    assert result["log"] == {"explanation": "looked up"}
    (exchange,) = own.scored
    assert exchange.response == "hello"
    assert exchange.context == ("one", "two")
    assert exchange.question == "Say hello"
    assert exchange.token_logprobs == (-0.1,)


def test_a_scorer_of_ones_own_may_be_named_by_its_factory() -> None:
    name = f"{__name__}:VerifiedScorer"
    with TLM("low", scorer=name, options={"model": "gpt-x"}) as tlm:
        assert tlm.get_trustworthiness_score("?", "x") == {"trustworthiness_score": 0.25}
        assert isinstance(tlm.scorer, VerifiedScorer)
        settings = tlm.scorer.settings
    assert settings is not None
    assert (settings.quality, settings.model, settings.scorer) == ("low", "gpt-x", name)


def calibration_file(path: Path, **fields: Any) -> Path:
    whole: dict[str, Any] = {
        "scorer": "verified",
        "quality": None,
        "model": None,
        "knots": ((0.0, 0.1), (0.5, 0.7), (1.0, 0.9)),
        "fit": "by hand",
        "threshold": 0.45,
        "n": 100,
        "created": "2026-01-01T00:00:00Z",
    }
    Calibration(**whole | fields).save(path)
    return path


def test_a_calibration_maps_the_scores_and_brings_its_threshold(tmp_path: Path) -> None:
    path = calibration_file(tmp_path / "calibration.json")
    with TLM(scorer=VerifiedScorer(), calibration=path) as tlm:
        result = tlm.get_trustworthiness_score("?", "x")
        assert tlm.threshold == 0.45
    assert result["trustworthiness_score"] == pytest.approx(0.4)


def test_a_calibration_serves_the_local_scorer_it_was_made_for(tmp_path: Path) -> None:
    made_for = {"scorer": "local", "quality": "low", "model": "gpt-test"}
    flat = ((0.0, 0.2), (1.0, 0.2))
    path = calibration_file(tmp_path / "calibration.json", knots=flat, **made_for)
    with serving() as server:
        arguments: dict[str, Any] = {"base_url": server.base_url, "api_key": KEY}
        with TLM("low", model="gpt-test", calibration=str(path), **arguments) as tlm:
            result = tlm.prompt("Say hello")
        with pytest.raises(SettingsError, match="quality 'low', not 'medium'"):
            TLM("medium", model="gpt-test", calibration=path, **arguments)
    with pytest.raises(SettingsError, match="made for scorer 'local', not 'verified'"):
        TLM(scorer=VerifiedScorer(), calibration=path)
    assert result["trustworthiness_score"] == pytest.approx(0.2)
