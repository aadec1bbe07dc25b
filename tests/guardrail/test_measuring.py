"""What a rail counts for an application that reads metrics of OpenTelemetry."""

from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from nemoguardrails_trust.errors import MissingDependencyError
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1
from tests.servers.meters import figures_of, metered


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> InMemoryMetricReader:
    found = InMemoryMetricReader()
    provider = metered(found)
    monkeypatch.setattr("opentelemetry.metrics.get_meter_provider", lambda: provider)
    return found


async def test_answers_are_counted_by_what_was_found_of_them(
    scorer: ScriptedScorer, reader: InMemoryMetricReader
) -> None:
    rails = bot_v1("Paris", "Paris", "Rome", "Oslo", settings="metrics: true")
    for score in (0.9, 0.9, 0.2, None):
        scorer.answer = score
        await rails.generate_async(messages=ask())
    found = figures_of(reader)
    assert found["scores", "trusted", "medium"] == 2
    assert found["scores", "untrustworthy", "medium"] == 1
    assert found["scores", "unchecked", "medium"] == 1
    assert found["checks_in_flight",] == 0
    # The second answer has the score of the first, which was kept.
    assert sum(found[key] for key in found if key[0] == "score_seconds") == 3
    assert sum(found[key] for key in found if key[0] == "unscored") == 1


async def test_a_provider_that_fails_stops_no_answer(
    scorer: ScriptedScorer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        def __getattr__(self, name: str) -> Any:
            def create(*_: Any, **__: Any) -> Any:
                return self

            def fail(*_: Any, **__: Any) -> None:
                raise RuntimeError("disk full")

            return fail if name in ("add", "record") else create

    monkeypatch.setattr("opentelemetry.metrics.get_meter_provider", Failing)
    rails = bot_v1("Paris", settings="metrics: true")
    said = await rails.generate_async(messages=ask())
    assert said["content"] == "Paris"
    assert "a metric could not be recorded: RuntimeError" in caplog.text


def test_metrics_that_cannot_be_had_show_when_the_bot_starts(
    scorer: ScriptedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: Any, **__: Any) -> None:
        raise MissingDependencyError("opentelemetry-api", "opentelemetry")

    monkeypatch.setattr("nemoguardrails_trust.guardrail.measuring.telemetry", absent)
    with pytest.raises(MissingDependencyError):
        bot_v1("Paris", settings="metrics: true")
