"""What a server counts, as Prometheus reads it, and what it logs."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client.parser import text_string_to_metric_families

from nemoguardrails_trust.server.logs import JsonFormatter, json_logs
from tests.server.running import KEY, Running, serving
from tests.server.test_settings import calibration
from tests.servers.faults import status
from tests.servers.meters import figures_of, metered
from tests.servers.tlm import point_clients_at
from tests.tlm.scene import is_answering, is_judging, text_of

SCORE = "/api/v0/trustworthy_llm/get_confidence_score"
GOOD = {"prompt": "Say echo", "response": "echo", "quality": "low"}


def figures(server: Running) -> dict[tuple[str, ...], float]:
    """All figures, by name and the values of their labels, these in the order of their names."""
    answer = httpx.get(f"{server.url}/metrics", timeout=60)
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (
            sample.name.removeprefix("nemo_trust_"),
            *(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def post(server: Running, path: str = SCORE, **body: Any) -> int:
    headers = {"Authorization": f"bearer {KEY}"}
    answer = httpx.post(f"{server.url}{path}", json=GOOD | body, headers=headers, timeout=60)
    return answer.status_code


def test_requests_and_scores_are_counted_and_timed() -> None:
    with serving() as running:
        for quality in ("low", "low", "base"):
            assert post(running, quality=quality) == 200
        found = figures(running)
    assert found["requests_total", SCORE, "200"] == 3
    assert found["request_seconds_count", SCORE] == 3
    assert found["score_count", "low"] == 2
    assert found["score_bucket", "0.5", "low"] == 0
    assert found["score_seconds_count", "base"] == 1
    assert found["score_calls_total", "low"] == 2
    assert found["score_tokens_total", "read", "low"] > 0
    assert found["requests_in_flight",] >= found["requests_working",] >= 1  # the one that asks
    assert found["requests_waiting",] == 0
    assert found["scores_total", "trusted", "low"] == 2


def test_an_outcome_is_that_by_the_threshold_in_force(tmp_path: Path) -> None:
    halves = calibration(tmp_path / "low.json", threshold=0.4)  # whatever is scored, it says 0.5
    chat = {"messages": [{"role": "user", "content": "Say echo"}], "quality_preset": "low"}
    answers = ("/api/v0/trustworthy_llm/prompt", "/api/v1/rag_trustworthy_llm/score")
    rag = {"query": "Say 30", "context": "30 days", "evals": []}
    with serving(backend={"presets": {"low": {"calibration": halves}}}) as running:
        assert [post(running, path, **rag) for path in (SCORE, *answers)] == [200] * 3
        assert post(running, "/v1/chat/completions", **chat) == 200
        by_calibration = figures(running)
        for stream in (False, True):
            strict = chat | {"threshold": 0.51, "stream": stream}
            assert post(running, "/v1/chat/completions", **strict) == 200
        by_request = figures(running)
    assert by_calibration["scores_total", "trusted", "low"] == 4
    assert ("scores_total", "untrustworthy", "low") not in by_calibration
    assert by_request["scores_total", "trusted", "low"] == 4
    assert by_request["scores_total", "untrustworthy", "low"] == 2


def test_answers_and_evaluations_count_as_scores_too() -> None:
    with serving() as running:
        assert post(running, "/api/v0/trustworthy_llm/prompt") == 200
        rag = {"query": "Say 30", "context": "30 days", "response": "30"}
        assert post(running, "/api/v1/rag_trustworthy_llm/score", **rag) == 200
        found = figures(running)
    assert found["score_count", "low"] == 2


def test_an_answer_counts_as_one_score_however_many_candidates_it_had() -> None:
    sides = iter(("heads", "tails", "edge") * 99)

    def answers(body: Any) -> list[str]:
        return [next(sides) for _ in range(body.get("n") or 1)] if is_answering(body) else ["True"]

    options = {"num_candidate_responses": 3, "num_consistency_samples": 0}
    with serving(answers) as running:
        path = "/api/v0/trustworthy_llm/prompt"
        assert post(running, path, quality="best", options=options) == 200
        found = figures(running)
        judged = [body for body in running.model.bodies if not is_answering(body)]
    assert len(judged) > 1
    assert found["score_calls_total", "best"] == len(judged)
    assert found["score_count", "best"] == found["score_seconds_count", "best"] == 1
    assert sum(value for labels, value in found.items() if labels[0] == "scores_total") == 1


def test_explanations_count_as_calls() -> None:
    given = {"response": "echo", "trustworthiness_score": 0.5}
    with serving() as running:
        assert post(running, "/api/v1/tlm_explanation/get_explanation", response=given) == 200
        found = figures(running)
    assert found["score_calls_total", "low"] == 1
    assert found["score_tokens_total", "read", "low"] > 0
    assert not any(labels[0] in ("scores_total", "unscored_total") for labels in found)


async def test_evaluations_count_as_calls_and_tokens_once_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the real client, whose evaluations all go with one request."""
    rag = pytest.importorskip("cleanlab_tlm.utils.rag")
    parts = {"query": "How many days? Say 30", "context": "Clothing: 30 days."}
    alone = {"options": {"disable_trustworthiness": True}}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("low", {}), ("low", {"evals": []}), ("base", {}), ("medium", alone),
    ]  # fmt: skip
    with serving() as running:
        point_clients_at(running.api, monkeypatch)
        for quality, more in asked:
            client = rag.TrustworthyRAG(quality, api_key=KEY, **more)
            await client.score_async(**parts, response="30")
        # Its candidates share their samples, which are drawn once.
        assert post(running, "/api/v1/rag_trustworthy_llm/generate", **parts, quality="best") == 200
        found = figures(running)
        judged = [body for body in running.model.bodies if not is_answering(body)]
    assert found["score_calls_total", "low"] == 5 + 1
    assert found["score_calls_total", "base"] == 5
    assert found["score_calls_total", "medium"] == 4
    assert found["score_count", "low"] == 2
    assert ("score_count", "medium") not in found
    calls = sum(value for labels, value in found.items() if labels[0] == "score_calls_total")
    read = sum(
        value for (name, *labels), value in found.items()
        if name == "score_tokens_total" and "read" in labels
    )  # fmt: skip
    assert calls == len(judged)
    assert read == sum(len(text_of(body).split()) for body in judged)


def test_evaluations_that_fail_are_calls_too() -> None:
    rag = {"query": "Say 30", "context": "30 days", "response": "30"}
    with serving() as running:
        running.model.faults.always(status(503))
        options = {"disable_trustworthiness": True, "max_timeout": 12}
        assert post(running, "/api/v1/rag_trustworthy_llm/score", **rag, options=options) == 503
        found = figures(running)
    assert found["score_calls_total", "low"] == 4


@pytest.mark.parametrize("path", [SCORE, "/api/v0/trustworthy_llm/prompt"])
def test_what_is_judged_by_criteria_alone_is_not_unchecked(path: str) -> None:
    options: dict[str, Any] = {
        "disable_trustworthiness": True,
        "custom_eval_criteria": [{"name": "short", "criteria": "It is short."}],
    }
    known = {"response": {"response": "echo", "perplexity": 0.9}}
    chat = {
        "messages": [{"role": "user", "content": "Say echo"}],
        "quality_preset": "low",
        "options": options,
        "logprobs": True,
    }
    with serving() as running:
        assert post(running, path, options=options, **known) == 200
        assert post(running, "/v1/chat/completions", **chat) == 200
        good = figures(running)
        running.model.faults.always(status(400), when=is_judging)
        assert post(running, path, options=options, **known) in (422, 503)
        failed = figures(running)
    assert good["score_calls_total", "low"] == 2
    assert good["score_seconds_count", "low"] == 2
    told = {labels[0] for labels in good}
    assert not told & {"scores_total", "score_count", "unscored_total"}
    assert sum(value for labels, value in failed.items() if labels[0] == "unscored_total") == 1
    assert not any(labels[0] == "scores_total" for labels in failed)


def test_opentelemetry_is_told_the_same_by_the_same_names(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = InMemoryMetricReader()
    provider = metered(reader)
    monkeypatch.setattr("opentelemetry.metrics.get_meter_provider", lambda: provider)
    with serving() as running:
        assert post(running) == 200
        running.model.faults.always(status(503))
        assert post(running, prompt="Say no", options={"max_timeout": 1}) in (503, 504)
        told = figures_of(reader)
        in_prometheus = figures(running)
    for name, *labels in told:
        ending = next(
            end for end in ("_total", "_count", "") if (name + end, *labels) in in_prometheus
        )
        if not name.startswith("requests_"):
            assert told[name, *labels] == in_prometheus[name + ending, *labels]
    assert {name for name, *_ in told} >= {
        "scores", "score", "score_seconds", "unscored", "score_calls", "score_tokens", "requests",
        "request_seconds", "requests_in_flight", "requests_working",
    }  # fmt: skip


def test_what_could_not_be_scored_is_counted_by_its_reason() -> None:
    with serving() as running:
        running.model.faults.always(status(503))
        assert post(running, options={"max_timeout": 12}) == 503
        found = figures(running)
    unscored = {labels[1:] for labels in found if labels[0] == "unscored_total"}
    assert len(unscored) == 1
    assert {preset for preset, _ in unscored} == {"low"}
    assert found["requests_total", SCORE, "503"] == 1


def test_refusals_are_counted_and_unknown_paths_make_no_labels(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("another", encoding="utf-8")
    with serving(keys_file=str(keys)) as running:
        assert post(running) == 401
        assert post(running, f"/{SCORE}/") == 401
        assert post(running, "/api/made/up") == 401
        assert post(running, "/made/up") == 404
        assert post(running, "/openai/deployments/any-name/chat/completions") == 401
        found = figures(running)
    requests = {
        labels[1:]: value for labels, value in found.items() if labels[0] == "requests_total"
    }
    assert requests == {
        (SCORE, "401"): 2,
        ("other", "401"): 1,
        ("other", "404"): 1,
        ("/openai/deployments/{deployment}/chat/completions", "401"): 1,
    }


def test_nothing_that_a_client_sent_is_in_the_figures() -> None:
    with serving() as running:
        post(running, prompt="Say secret", response="secret", options={"model": "secret"})
        text = httpx.get(f"{running.url}/metrics", timeout=60).text
    assert "secret" not in text
    assert KEY not in text


WORKERS = """
import os, sys
os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
from nemoguardrails_trust.scorers.figures import IN_FLIGHT, REQUESTS
from nemoguardrails_trust.server.metrics import Metrics
metrics = Metrics()
metrics.add(REQUESTS, 1, "/x", "200")
metrics.add(IN_FLIGHT, 1)
print(metrics.written().decode())
"""


def test_worker_processes_add_up_what_they_count(tmp_path: Path) -> None:
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-c", WORKERS, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
        )
    assert 'nemo_trust_requests_total{endpoint="/x",status="200"} 2.0' in ran.stdout


def test_a_line_of_the_log_is_json() -> None:
    record = logging.LogRecord("a.b", logging.WARNING, __file__, 1, "two\n%s", ("lines",), None)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == "two\nlines"
    assert told["level"] == "WARNING"
    assert told["logger"] == "a.b"
    assert told["time"].endswith("+00:00")


def test_a_failure_is_in_its_line_of_the_log() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, __file__, 1, "m", (), sys.exc_info())
    assert "ValueError: why" in json.loads(JsonFormatter().format(record))["exception"]


LOGGING = """
import logging, logging.config, json, sys
from nemoguardrails_trust.server.logs import json_logs
logging.config.dictConfig(json_logs())
logging.getLogger("nemoguardrails_trust.x").info("ours")
logging.getLogger("uvicorn.error").info("theirs")
logging.getLogger("uvicorn.access").info("none")
"""


def test_all_loggers_of_a_server_write_json() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOGGING], capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["ours", "theirs"]
    assert json_logs("DEBUG")["root"]["level"] == "DEBUG"


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_the_figures_need_no_key(server: Running, path: str) -> None:
    assert httpx.get(f"{server.url}{path}", timeout=60).status_code == 200


def test_a_score_is_told_on_the_span_of_its_request() -> None:
    """As an instrumentation of the server opens it around a request."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from starlette.types import ASGIApp, Receive, Scope, Send

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer(__name__)

    def traced(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            with tracer.start_as_current_span(scope["type"]):
                await app(scope, receive, send)

        return call

    with serving(around=traced) as running:
        assert post(running) == 200
    (span,) = [span for span in exporter.get_finished_spans() if span.name == "http"]
    attributes = dict(span.attributes or {})
    score: Any = attributes["trustworthiness.score"]
    assert 0 <= score <= 1
    assert attributes["trustworthiness.scorer"] == "local"
