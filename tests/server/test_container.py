"""The container of `examples/server`, checked where there is no Docker to build it with."""

import inspect
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from packaging.specifiers import SpecifierSet

from nemoguardrails_trust.commands.serve import serve
from nemoguardrails_trust.server.settings import ServerSettings
from tests.server.running import Running

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "server"
SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)
KNOWN = {
    "FROM", "RUN", "COPY", "WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD",
}  # fmt: skip


def read(name: str) -> Any:
    return yaml.safe_load((EXAMPLE / name).read_text("utf-8"))


def steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, in order."""
    text = (EXAMPLE / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, told.strip()) for name, _, told in (line.partition(" ") for line in lines)]


def told(name: str) -> str:
    """What the only instruction of this name says."""
    (found,) = [told for step, told in steps() if step == name]
    return found


def copied() -> list[tuple[list[str], str]]:
    """The sources and the target of each COPY."""
    parts = [told.split() for name, told in steps() if name == "COPY"]
    return [(sources, target) for *sources, target in parts]


def default_port() -> int:
    return int(inspect.signature(serve).parameters["port"].default.default)


def test_the_instructions_are_plain_ones_in_an_order_that_holds() -> None:
    names = [name for name, _ in steps()]
    assert set(names) == KNOWN  # no ADD, which unpacks and downloads; no ENV and ARG, which stay
    assert names[0] == "FROM"
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("RUN", "COPY"))
    assert told("USER") not in ("root", "0")
    assert re.search(rf"useradd --system .*\b{told('USER')}$", dict(reversed(steps()))["RUN"])
    assert all(line.startswith("/") for name, line in steps() if name == "WORKDIR")
    for name in ("ENTRYPOINT", "CMD"):  # as lists, so that signals reach the server itself
        assert all(isinstance(word, str) for word in json.loads(told(name)))
    installing = [line for name, line in steps() if name == "RUN" and "pip install" in line]
    assert all("--no-cache-dir" in line for line in installing)
    assert not any(word in line for _, line in steps() for word in ("sudo", "curl", "latest"))


def test_the_base_is_of_one_version_that_the_package_runs_on() -> None:
    version = re.fullmatch(r"python:(\d+\.\d+)-slim", told("FROM"))
    assert version is not None
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    required = re.search(r'^requires-python = "(.*)"$', text, re.MULTILINE)
    assert required is not None
    assert f"{version[1]}.0" in SpecifierSet(required[1])


def test_what_is_copied_is_there_and_is_all_that_leaves_the_machine() -> None:
    ignored = (EXAMPLE / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    kept = [line[1:] for line in rules if line.startswith("!")]
    assert rules[0] == "*"
    assert "**/__pycache__" in rules
    sources = [source for paths, _ in copied() for source in paths]
    assert all((ROOT / source).exists() for source in sources)
    assert all(any(Path(source).is_relative_to(path) for path in kept) for source in sources)
    assert all(any(Path(source).is_relative_to(path) for source in sources) for path in kept)


def test_the_package_can_be_built_of_what_is_copied(tmp_path: Path) -> None:
    for sources, target in copied():
        for source in sources:
            if not target.startswith("/build"):
                continue
            is_folder = (ROOT / source).is_dir()
            place = tmp_path / target.lstrip("/") / ("" if is_folder else Path(source).name)
            place.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if is_folder else shutil.copy)(ROOT / source, place)
    installing = next(line for name, line in steps() if name == "RUN" and "pip install" in line)
    assert '"/build[server]"' in installing
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=tmp_path / "build",
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "nemoguardrails_trust/server/app.py" in names
    assert "nemoguardrails_trust/examples/trivia/recorded.jsonl" in names


def test_what_the_server_is_started_with_is_in_its_folder() -> None:
    home = told("WORKDIR")
    here = [
        Path(source).name for sources, target in copied() if target == "./" for source in sources
    ]
    command = json.loads(told("ENTRYPOINT")) + json.loads(told("CMD"))
    assert command[command.index("--config") + 1] in here
    backends = read("serve.yml")["backends"].values()
    assert all(backend["recorded"] in here for backend in backends)
    (mounted,) = read("compose.yml")["services"]["trust"]["volumes"]
    assert mounted.split(":")[1:] == [f"{home}/serve.yml", "ro"]


def test_one_port_is_meant_everywhere() -> None:
    port = default_port()
    command = json.loads(told("ENTRYPOINT"))
    asked = re.search(r"http://[^'\"]+", told("HEALTHCHECK"))
    assert asked is not None
    assert command[command.index("--port") + 1] == told("EXPOSE") == str(port)
    assert urlsplit(asked[0]).port == port
    assert read("compose.yml")["services"]["trust"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    (job,) = read("prometheus.yml")["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"trust:{port}"]}]
    readme = (EXAMPLE / "README.md").read_text("utf-8")
    ports = {
        published.split(":")[1]
        for service in read("compose.yml")["services"].values()
        for published in service["ports"]
    }
    assert set(re.findall(r"localhost:(\d+)", readme)) == ports


def test_services_are_called_by_their_names() -> None:
    services = read("compose.yml")["services"]
    for source in read("grafana/datasource.yml")["datasources"]:
        called = urlsplit(source["url"])
        inner = services[called.hostname]["ports"][0].rsplit(":", 1)[1]
        assert called.port == int(inner)
    mounted = [volume.split(":")[1] for volume in services["prometheus"]["volumes"]]
    folder = Path("/etc/prometheus")
    assert all(str(folder / path) in mounted for path in read("prometheus.yml")["rule_files"])
    (provider,) = read("grafana/dashboards.yml")["providers"]
    boards = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
    assert any(Path(board).parent == Path(provider["options"]["path"]) for board in boards)


def test_what_is_asked_from_outside_needs_no_key(server: Running) -> None:
    (job,) = read("prometheus.yml")["scrape_configs"]
    asked = re.search(r"http://[^'\"]+", told("HEALTHCHECK"))
    assert asked is not None
    for path in (job.get("metrics_path", "/metrics"), urlsplit(asked[0]).path):
        assert httpx.get(f"{server.url}{path}", timeout=60).status_code == 200


def test_no_secret_is_written_down() -> None:
    for service in read("compose.yml")["services"].values():
        for name, value in service.get("environment", {}).items():
            assert not SECRET.search(name) or re.fullmatch(r"\$\{\w+:\?[^}]+\}", value)
    trust = read("compose.yml")["services"]["trust"]["environment"]
    assert ServerSettings.model_fields["keys_variable"].default in trust
    assert not any(SECRET.search(name) for name in read("serve.yml"))


def test_nothing_is_written_but_to_memory() -> None:
    trust = read("compose.yml")["services"]["trust"]
    assert trust["read_only"] is True
    assert trust["tmpfs"] == ["/tmp"]


@pytest.mark.parametrize("rule", read("alerts.yml")["groups"][0]["rules"], ids=lambda r: r["alert"])
def test_an_alert_says_what_is_wrong_and_for_how_long(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith((".", "?"))
    assert rule["expr"].count("(") == rule["expr"].count(")")
