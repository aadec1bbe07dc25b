"""Figures of scores in the form of OpenTelemetry, by its own SDK."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from nemoguardrails_trust.errors import MissingDependencyError, ModelTimeoutError
from nemoguardrails_trust.scorers.figures import OF_RAIL, OF_SERVER, PREFIX, record_score
from nemoguardrails_trust.scorers.telemetry import TelemetryInstruments, telemetry
from nemoguardrails_trust.scores import TrustworthinessScore, Usage
from tests.servers.meters import figures_of, metered


def test_a_score_is_told_with_its_costs() -> None:
    reader = InMemoryMetricReader()
    instruments = TelemetryInstruments(metered(reader).get_meter("test"), OF_RAIL)
    usage = Usage(calls=2, prompt_tokens=30, completion_tokens=4, seconds=0.2)
    record_score(instruments, "low", TrustworthinessScore(0.45, usage=usage))
    failure = ModelTimeoutError("late")
    failed = TrustworthinessScore(None, usage=usage, error="late", failures=(failure,))
    record_score(instruments, "low", failed)
    assert figures_of(reader) == {
        ("score_seconds", "low"): 2,
        ("score_calls", "low"): 4,
        ("score_tokens", "read", "low"): 60,
        ("score_tokens", "written", "low"): 8,
        ("score", "low"): 1,
        ("unscored", "low", "ModelTimeoutError"): 1,
    }


def test_distributions_have_the_buckets_of_prometheus() -> None:
    reader = InMemoryMetricReader()
    instruments = TelemetryInstruments(metered(reader).get_meter("test"), OF_RAIL)
    record_score(instruments, "low", TrustworthinessScore(0.45))
    data = reader.get_metrics_data()
    assert data is not None
    (metrics,) = [scope.metrics for part in data.resource_metrics for scope in part.scope_metrics]
    (score,) = [metric for metric in metrics if metric.name == f"{PREFIX}score"]
    (point,) = score.data.data_points
    assert 0.6 in point.explicit_bounds  # type: ignore[union-attr]


def test_all_names_differ_and_units_are_given() -> None:
    assert len({figure.name for figure in (*OF_SERVER, *OF_RAIL)}) == len({*OF_SERVER, *OF_RAIL})
    assert {figure.unit for figure in OF_SERVER if figure.name.endswith("seconds")} == {"s"}


def test_what_is_not_wanted_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert telemetry(OF_RAIL, wanted=False) is None
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert telemetry(OF_RAIL, wanted=None) is None
    with pytest.raises(MissingDependencyError, match=r"\[opentelemetry\]"):
        telemetry(OF_RAIL, wanted=True)


def test_nobody_waits_for_opentelemetry_who_does_not_use_it() -> None:
    program = """
import sys
from nemoguardrails_trust.scorers.figures import OF_RAIL
from nemoguardrails_trust.scorers.telemetry import telemetry
assert telemetry(OF_RAIL, wanted=None) is None
assert "opentelemetry" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
