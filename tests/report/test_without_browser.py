"""What `make test` says on a machine without Chromium, and what `.ci/run` does there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PAGE_TESTS = Path(__file__).with_name("test_page.py")


def run_page_tests(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "NEMO_TRUST_REQUIRE_BROWSER"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", PAGE_TESTS],
        env=inherited | {"PATH": "/nonexistent"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_browser_tests_are_left_out_and_that_is_said() -> None:
    done = run_page_tests()
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "tests of the report in a browser were left out" in done.stdout
    assert "To run them: apt-get install chromium" in done.stdout


def test_the_browser_tests_fail_where_they_are_required() -> None:
    done = run_page_tests(NEMO_TRUST_REQUIRE_BROWSER="1")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "the browser tests are required, and cannot run" in done.stdout
