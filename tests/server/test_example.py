"""`examples/server`: what needs no Docker is run, and what does is read with care."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from nemoguardrails_trust.scorers.figures import OF_SERVER, PREFIX, SCORE_SECONDS, SCORES

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "server"
KEY = "choose-a-long-one"
FIGURE = re.compile(r"\bnemo_trust_\w+")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server as its README starts it without Docker, with the container's own options."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copy(EXAMPLE / "serve.yml", folder)
    shutil.copy(EXAMPLE.parent / "trivia" / "recorded.jsonl", folder)
    command = [sys.executable, "-m", "nemoguardrails_trust.cli", "serve", "--log-json", "--port=0"]
    running = subprocess.Popen(
        [*command, "--config", "serve.yml"],
        cwd=folder,
        env=os.environ | {"NEMO_TRUST_SERVER_KEYS": KEY},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    try:
        for line in running.stderr:
            told = json.loads(line)["message"]
            if found := re.search(r"http://\S+:(\d+)", told):
                yield f"http://127.0.0.1:{found[1]}"
                break
        else:
            pytest.fail("the server did not start")
    finally:
        running.send_signal(signal.SIGTERM)
        rest = running.stderr.read()
        running.stderr.close()
        assert running.wait(60) in (0, -signal.SIGTERM)
    assert all(json.loads(line)["level"] == "INFO" for line in rest.splitlines())
    assert KEY not in rest


@pytest.fixture(scope="module")
def answered(url: str) -> httpx.Response:
    """What the request of the README brings."""
    text = (EXAMPLE / "README.md").read_text("utf-8")
    found = re.search(r"localhost:8080(/api\S+).*?-d '(\{.*?\})'", text, re.DOTALL)
    assert found is not None
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.post(f"{url}{found[1]}", json=json.loads(found[2]), headers=headers, timeout=60)


def test_the_request_of_the_readme_brings_a_score(answered: httpx.Response) -> None:
    assert answered.status_code == 200
    assert answered.json()["confidence_score"] > 0.6


def test_the_server_asks_for_its_key(url: str) -> None:
    assert (
        httpx.post(f"{url}/api/v0/trustworthy_llm/prompt", json={}, timeout=60).status_code == 401
    )


@pytest.mark.parametrize("path", ["alerts.yml", "grafana/dashboard.json"])
def test_every_figure_that_is_watched_is_there(
    url: str, answered: httpx.Response, path: str
) -> None:
    named = set(FIGURE.findall((EXAMPLE / path).read_text("utf-8")))
    described = set(
        re.findall(r"^# TYPE (\S+)", httpx.get(f"{url}/metrics", timeout=60).text, re.MULTILINE)
    )
    known = described | {f"{name}_{part}" for name in described for part in ("bucket", "count")}
    assert named
    assert named <= known


@pytest.mark.parametrize("path", ["alerts.yml", "grafana/dashboard.json"])
def test_every_label_that_is_watched_is_one_of_its_figure(path: str) -> None:
    figures = {PREFIX + figure.name: figure for figure in OF_SERVER}
    for expression in expressions(path):
        grouped = re.findall(r"by \(([\w, ]+)\) \((?:\w+\()?(nemo_trust_\w+)", expression)
        chosen = re.findall(r"(nemo_trust_\w+)\{(\w+)=\"([^\"]+)\"\}", expression)
        for labels, name in [*grouped, *((label, name) for name, label, _ in chosen)]:
            figure = figures[re.sub("_(total|count|bucket)$", "", name)]
            told = {*figure.labels, *(["le"] if figure.kind == "histogram" else [])}
            assert set(re.split(r",\s*", labels)) <= told, expression
        for name, label, value in chosen:
            if label == "outcome":
                assert value in SCORES.told, name


def test_the_alert_of_failures_fires_though_nothing_was_ever_scored(url: str) -> None:
    (alert,) = [rule for rule in rules() if rule["alert"] == "TrustUnscored"]
    assert FIGURE.findall(alert["expr"])[-1] == f"{PREFIX}{SCORE_SECONDS.name}_count"


def rules() -> list[dict[str, Any]]:
    return [rule for group in read("alerts.yml")["groups"] for rule in group["rules"]]


def expressions(path: str) -> list[str]:
    if path == "alerts.yml":
        return [rule["expr"] for rule in rules()]
    dashboard = json.loads((EXAMPLE / path).read_text("utf-8"))
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def read(name: str) -> Any:
    return yaml.safe_load((EXAMPLE / name).read_text("utf-8"))


def test_every_file_that_compose_mounts_is_there_and_nothing_is_open_to_others() -> None:
    services = read("compose.yml")["services"]
    assert set(services) == {"trust", "prometheus", "grafana"}
    for service in services.values():
        for volume in service["volumes"]:
            source, _, access = volume.split(":")
            assert (EXAMPLE / source).is_file()
            assert access == "ro"
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        if "image" in service:
            assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", service["image"])
    build = services["trust"]["build"]
    assert (EXAMPLE / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_the_container_is_given_time_to_end_what_is_under_way() -> None:
    grace = int(read("compose.yml")["services"]["trust"]["stop_grace_period"].removesuffix("s"))
    assert grace > read("serve.yml")["limits"]["timeout"]


def test_the_image_is_of_one_version_runs_as_no_root_and_tells_its_health() -> None:
    text = (EXAMPLE / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"]
    steps = [name for name, _ in lines]
    assert [told for name, told in lines if name == "FROM"] == ["python:3.13-slim"]
    assert steps.index("USER") < steps.index("ENTRYPOINT")
    assert dict(lines)["USER"] == "trust"
    assert "/health" in dict(lines)["HEALTHCHECK"]
    sources = [path for name, told in lines if name == "COPY" for path in told.split()[:-1]]
    assert all((ROOT / path).exists() for path in sources)
    ports = (dict(lines)["EXPOSE"], read("prometheus.yml")["scrape_configs"][0])
    assert ports[1]["static_configs"][0]["targets"] == [f"trust:{ports[0]}"]


def test_the_options_of_the_image_are_options_of_the_command() -> None:
    text = (EXAMPLE / "Dockerfile").read_text("utf-8")
    entry = json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[1])  # type: ignore[index]
    ran = subprocess.run(
        [sys.executable, "-m", "nemoguardrails_trust.cli", "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
    )
    assert all(option in ran.stdout for option in entry if option.startswith("--"))


def test_panels_do_not_overlap_and_ask_the_source_that_is_set_up() -> None:
    dashboard = json.loads((EXAMPLE / "grafana" / "dashboard.json").read_text("utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells
        assert panel["datasource"]["uid"] == read("grafana/datasource.yml")["datasources"][0]["uid"]
        assert all(target["expr"] for target in panel["targets"])
