"""Makes the pictures of the README, in docs/images: `python -m tests.images`. Needs Chromium."""

import asyncio
import html
import tempfile
from pathlib import Path
from typing import Any

from nemoguardrails_trust.guardrail.demo import Turn, play
from nemoguardrails_trust.report import build_report
from tests.report.conftest import ARGUMENTS, chromium
from tests.report.samples import SIMPLEQA

IMAGES = Path(__file__).parents[1] / "docs" / "images"

CHAT = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; padding: 28px 32px; width: 696px; background: #f6f5f2; color: #21242b;
  font: 17px/1.5 system-ui, sans-serif; }
p { margin: 0 0 14px; padding: 12px 16px; border-radius: 12px; width: fit-content; }
.user { margin-left: auto; background: #2b5d57; color: #fff; }
.bot { margin-bottom: 0; background: #fff; border: 1px solid #dddad3; white-space: pre-line; }
</style><p class="user">{question}</p><p class="bot">{shown}</p>"""


async def flagged_turn() -> Turn:
    """The first turn of the demonstration that the rail marks, and rightly so."""
    async for turn in play(40):
        if turn.flagged and not turn.correct:
            return turn
    raise LookupError("no turn of the demonstration is flagged")


def shoot(browser: Any, page_file: Path, picture: str, width: int, height: int | None) -> None:
    """Takes a picture of a page: its top, or all of it."""
    page = browser.new_page(
        viewport={"width": width, "height": height or 200}, device_scale_factor=1.5
    )
    page.goto(page_file.as_uri())
    page.screenshot(path=str(IMAGES / picture), full_page=height is None)
    page.close()


def main() -> None:
    """Makes all pictures."""
    from playwright.sync_api import sync_playwright

    turn = asyncio.run(flagged_turn())
    chat = CHAT.replace("{question}", html.escape(turn.question))
    chat = chat.replace("{shown}", html.escape(turn.shown))
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        answer, report = Path(folder) / "answer.html", Path(folder) / "report.html"
        answer.write_text(chat, "utf-8")
        build_report(SIMPLEQA, report, title="SimpleQA, scored", threshold=0.8)
        shoot(browser, answer, "answer.png", 760, None)
        shoot(browser, report, "report.png", 1000, 1000)
        browser.close()


if __name__ == "__main__":
    main()
