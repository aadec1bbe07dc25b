"""Clients that need an environment of their own, all in one process of it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.environments import clients_python
from tests.server.running import KEY, Running


def is_share(value: Any) -> bool:
    return isinstance(value, float) and 0.0 <= value <= 1.0


@pytest.mark.conformance(12)
@pytest.mark.conformance(20)
@pytest.mark.conformance(22)
def test_llama_index_a_calibrated_client_and_azures_get_their_scores(server: Running) -> None:
    names = {"CLEANLAB_API_BASE_URL": server.api, "CLEANLAB_TLM_API_KEY": KEY}
    ran = subprocess.run(
        [clients_python(), str(Path(__file__).with_name("other_clients.py"))],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | names,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    printed = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    got = {line["client"]: line["got"] for line in printed}

    assert got["llama_index"]["text"] == "echo"
    assert is_share(got["llama_index"]["trustworthiness_score"])

    assert len(got["calibrated"]) == 5
    assert all(is_share(result["calibrated_score"]) for result in got["calibrated"])
    assert got["calibrated"][-1]["response"] == "echo"

    assert got["azure"]["text"] == "echo"
    assert is_share(got["azure"]["trustworthiness_score"])
    assert isinstance(got["azure"]["log"]["explanation"], str)
