"""The browser in which the page is tried out, and what happens where there is none."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REQUIRED = os.environ.get("NEMO_TRUST_REQUIRE_BROWSER") == "1"

left_out = pytest.StashKey[int]()


def chromium() -> str | None:
    """Where Chromium is; `None` where there is none."""
    return shutil.which("chromium")


def missing() -> str | None:
    """What the browser tests lack, as a command that gets it; `None` where nothing."""
    if find_spec("playwright") is None:
        return "pip install playwright"
    if chromium() is None:
        return "apt-get install chromium"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if REQUIRED or missing() is None:
        return
    in_browser = [item for item in items if "browser" in getattr(item, "fixturenames", ())]
    if in_browser:
        config.hook.pytest_deselected(items=in_browser)
        items[:] = [item for item in items if item not in in_browser]
        config.stash[left_out] = len(in_browser)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    count = config.stash.get(left_out, 0)
    if count:
        terminalreporter.section("browser tests left out", yellow=True)
        terminalreporter.line(
            f"{count} tests of the report in a browser were left out. To run them: {missing()}"
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; an error where it is required and not there."""
    if (command := missing()) is not None:
        pytest.fail(f"the browser tests are required, and cannot run; to mend it: {command}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium(), args=ARGUMENTS, headless=True
        )
        yield launched
        launched.close()
