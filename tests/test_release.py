"""What is published: its files, its words, and the workflow that publishes it."""

import re
import subprocess
import sys
import tomllib
from datetime import date
from importlib.metadata import files, metadata
from pathlib import Path
from typing import Any

import yaml

from nemoguardrails_trust import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def workflow() -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_the_package_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "nemoguardrails_trust", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == f"nemo-trust {__version__}\n"


def test_the_version_has_a_dated_entry_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(__version__)} \((\d{{4}}-\d\d-\d\d)\)$", text, re.MULTILINE)
    assert found is not None
    assert date.fromisoformat(found[1])


def test_the_package_holds_no_stray_file() -> None:
    package, record = "nemoguardrails_trust", f"nemoguardrails_trust-{__version__}.dist-info"
    named = [path for path in files("nemoguardrails-trust") or [] if path.suffix != ".pyc"]
    inside = {path for path in named if path.parts[0] not in ("..", record)}
    assert len(inside) > 150
    assert {path.parts[0] for path in inside} == {package}
    kinds = {
        ".py",
        ".typed",
        ".co",
        ".dockerignore",
        ".yml",
        ".json",
        ".jsonl",
        ".md",
        ".js",
        ".css",
        ".j2",
        ".ipynb",
        "Dockerfile",
    }
    assert {path.suffix or path.name for path in inside if path.name != "py.typed"} <= kinds
    assert not any("test_" in path.name or path.name.startswith(".") for path in inside)


def test_what_an_index_shows_is_there() -> None:
    told = metadata("nemoguardrails-trust")
    assert told["License-Expression"] == "Apache-2.0"
    urls = dict(entry.split(", ", 1) for entry in told.get_all("Project-URL") or [])
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= urls.keys()
    assert all(url.startswith("https://") for url in urls.values())
    assert str(told.json["description"]).startswith("# nemoguardrails-trust")


def test_every_python_that_is_claimed_is_tested_before_a_release() -> None:
    jobs = workflow()["jobs"]
    claimed = [
        found[1]
        for classifier in PROJECT["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", classifier))
    ]
    assert jobs["test"]["strategy"]["matrix"]["python"] == claimed
    lowest, beyond = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    assert [int(claim.split(".")[1]) for claim in claimed] == list(range(int(lowest), int(beyond)))
    assert jobs["publish"]["needs"] == ["test", "lowest", "build"]


def test_a_release_is_published_by_trusted_publishing_on_a_tag_alone() -> None:
    loaded = workflow()
    publish = loaded["jobs"]["publish"]
    assert publish["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert publish["permissions"] == {"id-token": "write"}
    assert loaded["permissions"] == {"contents": "read"}
    assert "secrets." not in str(loaded)
    assert any("gh-action-pypi-publish" in step["uses"] for step in publish["steps"])


def test_the_workflow_runs_what_the_makefile_has() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    commands = [
        step["run"]
        for job in workflow()["jobs"].values()
        for step in job["steps"]
        if step.get("run", "").startswith("make ")
    ]
    assert len(commands) >= 4
    assert {command.removeprefix("make ") for command in commands} <= targets


def test_the_oldest_versions_of_every_extra_are_tried() -> None:
    rules = (ROOT / "Makefile").read_text("utf-8")
    install = rules.split("\n.venv/lowest/installed:")[1].split("\n\n")[0]
    tried = set(re.findall(r'"\.\[([\w,-]+)\]"', install)[0].split(","))
    beside = {"cleanlab", "ray", "ray-serve", "all"}  # too heavy, or at odds with the rest
    assert tried == PROJECT["optional-dependencies"].keys() - beside
    assert "--resolution lowest-direct" in install
    assert install.count("$(INSTALL)") == 1  # what is installed later may replace what is old
    named = rules.split("LOWEST_TESTS := ")[1].split("\nSOURCES")[0]
    paths = re.findall(r"tests/[\w/*.]+", named)
    assert len(paths) >= 8
    assert all(list(ROOT.glob(path)) for path in paths)
