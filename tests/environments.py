"""Environments beside the one that the tests run in."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def clients_python() -> str:
    """The interpreter that has the clients of the Makefile's `.venv/clients/installed`."""
    path = Path(os.environ.get("TLM_CLIENTS_PYTHON") or ROOT / ".venv" / "clients/bin/python")
    if not path.exists():
        pytest.fail(
            f"{path} is missing: make it with `make .venv/clients/installed`, or name another "
            "interpreter that has these clients in TLM_CLIENTS_PYTHON"
        )
    return str(path)
