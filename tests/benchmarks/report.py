"""A report of 100,000 rows: how long it takes, what it weighs, how fast its slider moves.

Run with `python -m tests.benchmarks.report`. The slider is timed where there is a Chromium.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from nemoguardrails_trust.report import build_report
from tests.report import conftest, samples

ROWS = 100_000
MOST_SECONDS, MOST_BYTES, MOST_MILLISECONDS = 10.0, 5_000_000, 50.0

# One move is the time from the event to the next frame's layout, forced; 200 moves.
MOVES = """() => {
    const slider = document.getElementById("threshold");
    document.querySelectorAll("#groups button").forEach((button) => button.click());
    document.getElementById("status").value = "flagged";
    document.getElementById("status").dispatchEvent(new Event("change"));
    const times = [];
    for (let move = 0; move < 200; move += 1) {
        const begun = performance.now();
        slider.value = ((move * 37) % 200) / 200;
        slider.dispatchEvent(new Event("input"));
        document.body.getBoundingClientRect();
        times.push(performance.now() - begun);
    }
    times.sort((a, b) => a - b);
    return { median: times[100], most: times[189], longest: times[199] };
}"""


def main() -> int:
    """Builds a page, opens it, moves its slider, prints a table; 1 where a bound is missed."""
    with tempfile.TemporaryDirectory() as folder:
        data, page = Path(folder, "results.jsonl"), Path(folder, "report.html")
        write_results(data)
        begun = time.perf_counter()
        report = build_report(data, page)
        seconds = time.perf_counter() - begun
        moves = time_slider(page)
    size = f"{report.bytes / 1e6:.2f} MB"
    print(f"A report of {report.rows:,} rows, {report.answers} answers held in the page\n")
    print_row("what", "measured", "at most")
    print_row("built in", f"{seconds:.1f} s", f"{MOST_SECONDS:.0f} s")
    print_row("weighs", size, f"{MOST_BYTES / 1e6:.0f} MB")
    limit = f"{MOST_MILLISECONDS:.0f} ms"
    missed = seconds > MOST_SECONDS or report.bytes > MOST_BYTES
    if moves is None:
        print_row("slider moves in", "not measured", limit)
        print(f"\nThe slider needs a browser: {conftest.missing()}")
        return 1 if missed else 0
    print_row("slider moves in, median", f"{moves['median']:.1f} ms", limit)
    print_row("slider moves in, 95 %", f"{moves['most']:.1f} ms", limit)
    print_row("slider moves in, longest", f"{moves['longest']:.1f} ms", limit)
    return 1 if missed or moves["longest"] > MOST_MILLISECONDS else 0


def write_results(path: Path) -> None:
    """Writes scored rows whose texts are as long as a chat model's answers."""
    with path.open("w", encoding="utf-8") as file:
        for row in samples.results(ROWS):
            row["response"] += " It follows from the rules of addition, as anyone can check." * 8
            file.write(json.dumps(row) + "\n")


def time_slider(page: Path) -> dict[str, Any] | None:
    """Milliseconds that the slider takes; `None` without a browser."""
    if conftest.missing() is not None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=conftest.chromium(), args=conftest.ARGUMENTS, headless=True
        )
        opened = browser.new_page()
        opened.goto(page.as_uri())
        times: dict[str, Any] = opened.evaluate(MOVES)
        browser.close()
    return times


def print_row(*cells: str) -> None:
    """Prints one row of the table."""
    print(f"{cells[0]:<26}{cells[1]:>14}{cells[2]:>10}")


if __name__ == "__main__":
    raise SystemExit(main())
