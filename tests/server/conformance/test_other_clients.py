"""Clients that need an environment of their own, all in one process of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.environments import clients_python
from tests.server.running import KEY, Running, is_share


def printed_by(python: str, script: str, server: Running, **more: str) -> dict[str, Any]:
    """What each client of a script got."""
    names = {"CLEANLAB_API_BASE_URL": server.api, "CLEANLAB_TLM_API_KEY": KEY, **more}
    ran = subprocess.run(
        [python, str(Path(__file__).with_name(script))],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | names,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    printed = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    return {line["client"]: line["got"] for line in printed}


@pytest.mark.conformance(6)
@pytest.mark.conformance(25)
def test_clients_that_check_no_options_are_served_or_told(server: Running) -> None:
    pytest.importorskip("cleanlab_tlm")
    pytest.importorskip("cleanlab_studio")
    unchecked = dict.fromkeys(
        ("CLEANLAB_TLM_SKIP_VALIDATE_TLM_OPTIONS", "CLEANLAB_STUDIO_SKIP_VALIDATE_TLM_OPTIONS"),
        "true",
    )
    del server.requests[:]
    got = printed_by(sys.executable, "unchecked_clients.py", server, **unchecked)

    assert [is_share(result["trustworthiness_score"]) for result in got["explained"]] == [True] * 2
    assert all(isinstance(result["log"]["explanation"], str) for result in got["explained"])

    assert is_share(got["further"]["trustworthiness_score"])
    assert "made_up" in got["further"]["log"]["warning"]

    assert "options.max_tokens" in got["unfit"]
    assert "options.max_tokens" in got["unfit_for_studio"]
    assert server.requests.count("/api/v0/trustworthy_llm/get_confidence_score") == 1 + 1 + 1


@pytest.mark.conformance(12)
@pytest.mark.conformance(20)
@pytest.mark.conformance(22)
def test_llama_index_a_calibrated_client_and_azures_get_their_scores(server: Running) -> None:
    got = printed_by(clients_python(), "other_clients.py", server)

    assert got["llama_index"]["text"] == "echo"
    assert is_share(got["llama_index"]["trustworthiness_score"])

    assert len(got["calibrated"]) == 5
    assert all(is_share(result["calibrated_score"]) for result in got["calibrated"])
    assert got["calibrated"][-1]["response"] == "echo"

    assert got["azure"]["text"] == "echo"
    assert is_share(got["azure"]["trustworthiness_score"])
    assert isinstance(got["azure"]["log"]["explanation"], str)
