"""The page in a browser. Left out, and said so, where there is no Chromium."""

import csv
import http.server
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust.calibration.evaluation import evaluate
from nemoguardrails_trust.report import build_report
from tests.report.samples import HOSTILE, SIMPLEQA, hostile_results, results, rich_results

ROWS = results(120)
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    build_report(ROWS, made / "scored.html", title="Trivia bot")
    build_report(SIMPLEQA, made / "simpleqa.html")
    build_report(results(40, labelled=False), made / "unlabelled.html")
    build_report(hostile_results(), made / "hostile.html", title=HOSTILE)
    unscored = [row | {"trustworthiness_score": None, "error": "down"} for row in results(5)]
    build_report(unscored, made / "unscored.html")
    rich = rich_results()
    earlier = [row | {"trustworthiness_score": 0.5} for row in rich]
    for name, rows in (("rich", rich), ("earlier", earlier)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (made / f"{name}.jsonl").write_text(lines, "utf-8")
    build_report(
        made / "rich.jsonl",
        made / "rich.html",
        group_by="topic",
        against=made / "earlier.jsonl",
    )
    return made


@pytest.fixture
def open_page(browser: Any, folder: Path) -> Iterator[Open]:
    """Opens a page; the test fails if it asked for anything, or complained."""
    contexts: list[Any] = []
    requests: list[str] = []
    complaints: list[str] = []

    def open_page(name: str, **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((folder / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith(folder.as_uri())] == []
    assert complaints == []


def tile(page: Any, name: str) -> str:
    return str(page.locator(f"#figure-{name}").inner_text())


def move_slider(page: Any, value: float) -> None:
    page.locator("#threshold").fill(str(value))


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}\u00a0%"


def prompts(page: Any) -> list[str]:
    return [str(text) for text in page.locator("#list .prompt").all_inner_texts()]


def scores(page: Any) -> list[float]:
    return [float(text) for text in page.locator("#list .score:not(.none)").all_inner_texts()]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6, 0.853, 1.0])
def test_the_slider_moves_all_figures(open_page: Open, threshold: float) -> None:
    page = open_page("simpleqa")
    rows = [json.loads(line) for line in SIMPLEQA.read_text("utf-8").splitlines()]
    expected = evaluate(
        [row["trustworthiness_score"] for row in rows],
        [bool(row["correct"]) for row in rows],
        threshold,
    )
    move_slider(page, threshold)
    assert tile(page, "flagged") == percent(expected.flagged_share)
    assert tile(page, "precision") == percent(expected.precision)
    assert tile(page, "recall") == percent(expected.recall)
    assert tile(page, "kept") == percent(expected.accuracy_kept)


def test_the_slider_moves_the_charts_and_the_answers(open_page: Open) -> None:
    page = open_page("scored")

    def places() -> list[str | None]:
        lines = page.locator("#distribution .cut, #curves .cut").all()
        dots = page.locator("#curves circle.kept").all()
        return [line.get_attribute("x1") for line in lines] + [
            dot.get_attribute("cx") for dot in dots
        ]

    before = places()
    assert len(before) == 3
    flagged = page.locator("#list .badge.flagged:visible").count()
    assert flagged > 0
    move_slider(page, 0)
    assert all(was != now for was, now in zip(before, places(), strict=True))
    assert page.locator("#list .badge.flagged:visible").count() == 0
    assert "0 of 108 answers are flagged" in page.locator("#sentence").inner_text()


def test_the_threshold_starts_where_the_report_was_asked_to_put_it(
    browser: Any, tmp_path: Path
) -> None:
    build_report(ROWS, tmp_path / "report.html", threshold=0.425)
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    assert page.locator("#threshold").input_value() == "0.425"
    assert page.locator("#threshold-number").input_value() == "0.425"
    page.close()


def test_the_slider_works_by_keyboard(open_page: Open) -> None:
    page = open_page("scored")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "threshold":
            break
    page.keyboard.press("ArrowRight")
    assert page.locator("#threshold-number").input_value() == "0.61"
    page.keyboard.press("Shift+ArrowLeft")
    assert page.locator("#threshold-number").input_value() == "0.609"
    page.keyboard.press("Home")
    assert tile(page, "flagged") == percent(0)
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.75")
    assert page.locator("#threshold").input_value() == "0.75"


def test_the_answers_work_by_keyboard(open_page: Open) -> None:
    page = open_page("scored")
    page.locator("#groups button").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#groups button[aria-pressed=true]").inner_text().startswith("Most trusted")
    page.locator("#list summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#list details").first.get_attribute("open") is not None
    page.locator("#more").focus()
    page.keyboard.press("Enter")
    assert page.locator("#list > li").count() == 40
    assert page.evaluate(
        "document.activeElement === document.querySelectorAll('#list summary')[20]"
    )


def test_what_has_the_focus_is_outlined(open_page: Open) -> None:
    page = open_page("scored")
    for selector in ("#threshold", "#groups button", "#search", "#list summary"):
        page.locator(selector).first.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style == "solid", selector


def test_every_control_and_chart_has_a_name(open_page: Open) -> None:
    page = open_page("scored")
    for control in page.locator("input, select, button:visible").all():
        name = control.evaluate(
            "e => e.getAttribute('aria-label') || (e.labels && e.labels[0]?.innerText) "
            "|| e.innerText"
        )
        assert name.strip(), control.evaluate("e => e.outerHTML")
    for chart in page.locator(".chart svg").all():
        assert chart.get_attribute("role") == "img"
        assert chart.get_attribute("aria-label")
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(e => +e.tagName[1])")
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_click_in_a_chart_sets_the_threshold(open_page: Open) -> None:
    page = open_page("scored")
    holder = page.locator("#distribution")
    box = holder.bounding_box()
    # The middle between the margins of 52 and 14 pixels.
    holder.click(position={"x": 52 + (box["width"] - 66) / 2, "y": 50})
    assert float(page.locator("#threshold").input_value()) == pytest.approx(0.5, abs=0.002)


def test_a_script_in_an_answer_stays_text(open_page: Open) -> None:
    page = open_page("hostile", viewport={"width": 1100, "height": 900})
    for element in page.locator("#list summary").all()[:3]:
        element.click()
    for button in page.locator("#groups button").all():
        button.click()
    page.locator("#search").fill("</script>")
    move_slider(page, 0.4)
    assert page.evaluate("window.pwned") is None
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    shown = page.locator("#list .response").first.text_content()
    # HTML has no NUL and shows the replacement character in its place, if anything.
    assert shown.replace("\x00", "") == HOSTILE.replace("\x00", "")
    assert "</script><script>" in page.locator("h1").inner_text()
    assert "</script><script>" in page.title()


def test_the_policy_stops_what_would_leave_the_page(browser: Any, folder: Path) -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto((folder / "scored.html").as_uri())
        outcome = page.evaluate(
            """async (base) => {
                const blocked = [];
                document.addEventListener("securitypolicyviolation", (event) =>
                    blocked.push(event.effectiveDirective));
                const image = document.createElement("img");
                image.src = base + "/image";
                const style = document.createElement("style");
                style.textContent = "body { background: url(" + base + "/style) }";
                document.head.append(image, style);
                await fetch(base + "/fetch").catch(() => {});
                const refused = [];
                const attempts = {
                    markup: () => { document.body.innerHTML = "<b>"; },
                    address: () => { document.createElement("script").src = base + "/script"; },
                    script: () => { document.createElement("script").text = "1"; },
                };
                for (const [name, attempt] of Object.entries(attempts)) {
                    try { attempt(); } catch { refused.push(name); }
                }
                await new Promise((done) => setTimeout(done, 100));
                return { blocked, refused };
            }""",
            f"http://127.0.0.1:{server.server_port}",
        )
        page.close()
        server.shutdown()
    assert asked == []
    assert {"img-src", "style-src-elem", "connect-src"} <= set(outcome["blocked"])
    assert outcome["refused"] == ["markup", "address", "script"]


def test_search_finds_in_every_text(open_page: Open) -> None:
    page = open_page("scored")
    page.locator("#groups button", has_text="All on this page").click()
    page.locator("#search").fill("question 88:")
    assert len(prompts(page)) == 1
    page.locator("#search").fill("TELL cannot")
    assert page.locator("#found").inner_text() == "108 answers"
    page.locator("#search").fill("server failed")
    assert page.locator("#found").inner_text() == "12 answers"
    page.locator("#search").fill("nowhere to be found")
    assert prompts(page) == []
    assert "No answer fits" in page.locator("#found").inner_text()


def test_answers_are_sorted_as_asked(open_page: Open) -> None:
    page = open_page("scored")
    every = sorted(row["trustworthiness_score"] for row in ROWS if row["error"] is None)
    lowest = [float(f"{score:.3f}") for score in every[:20]]
    highest = [float(f"{score:.3f}") for score in every[::-1][:20]]
    page.locator("#groups button", has_text="All on this page").click()
    assert scores(page) == lowest
    page.locator("#sort").select_option("high")
    assert scores(page) == highest
    page.locator("#sort").select_option("row")
    assert prompts(page) == [row["prompt"] for row in ROWS[:20]]


def test_flagged_and_kept_answers_follow_the_slider(open_page: Open) -> None:
    page = open_page("scored")
    page.locator("#groups button", has_text="All on this page").click()
    for threshold in (0.4, 0.7):
        move_slider(page, threshold)
        page.locator("#status").select_option("flagged")
        flagged = page.locator("#found").inner_text()
        below = [r for r in ROWS if (r["trustworthiness_score"] or 1) < threshold]
        assert flagged == f"{len(below)} answers"
        page.locator("#status").select_option("kept")
        assert page.locator("#found").inner_text() == f"{108 - len(below)} answers"


def test_an_answer_opens_on_explanation_and_contradicting_samples(open_page: Open) -> None:
    page = open_page("scored")
    page.locator("#search").fill("question 88:")
    page.locator("#groups button", has_text="All on this page").click()
    page.locator("#list summary").click()
    body = page.locator("#list .body").inner_text()
    assert ROWS[88]["explanation"] in body
    assert "It is 264." in body
    assert f"{ROWS[88]['signal_reflection']:.3f}" in body
    assert "Row 89 of the results" in body


def test_signals_are_chosen_and_coloured(open_page: Open) -> None:
    page = open_page("scored")
    assert page.locator("#pair option").all_inner_texts() == [
        "trustworthiness score and reflection",
        "trustworthiness score and consistency",
        "reflection and consistency",
    ]
    assert page.locator("#signals .cut").count() == 0
    assert page.locator("#signals .bad").count() == 0
    page.locator("#pair-colour").select_option("right")
    assert page.locator("#signals .bad").count() > 5
    page.locator("#pair").select_option("0")
    before = page.locator("#signals .cut").get_attribute("x1")
    move_slider(page, 0.2)
    assert page.locator("#signals .cut").get_attribute("x1") != before


@pytest.mark.parametrize("width", [320, 375])
@pytest.mark.parametrize("name", ["scored", "hostile", "unlabelled", "rich"])
def test_a_phone_never_scrolls_sideways(open_page: Open, name: str, width: int) -> None:
    page = open_page(name, viewport={"width": width, "height": 700}, has_touch=True)
    page.locator("#list summary").first.click()
    page.locator("details.table summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_charts_follow_the_width(open_page: Open) -> None:
    page = open_page("scored", viewport={"width": 1200, "height": 800})
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_function("document.querySelector('#distribution svg').clientWidth < 400")
    svg = page.locator("#distribution svg")
    assert int(svg.get_attribute("width")) == round(svg.bounding_box()["width"])
    assert page.locator("#distribution .cut").get_attribute("x1") is not None


def channels(colour: str) -> list[float]:
    return [float(part) for part in re.findall(r"[\d.]+", colour)[:3]]


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


CONTRAST = """(selectors) => selectors.map((selector) => {
    const element = document.querySelector(selector);
    const ink = getComputedStyle(element);
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
        behind = behind.parentElement;
    return [ink.fill !== "rgb(0, 0, 0)" && element.namespaceURI.endsWith("svg")
        ? ink.fill : ink.color, getComputedStyle(behind).backgroundColor];
})"""

TEXTS = [
    "h1", ".lede", ".quiet", ".tile .about", ".badge.right", ".badge.wrong", ".badge.flagged",
    "#groups button[aria-pressed=true]", "#curves text", "footer dd", "thead th",
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_in_light_and_in_dark_mode(open_page: Open, scheme: str) -> None:
    page = open_page("scored", color_scheme=scheme)
    page.locator("#groups button", has_text="All on this page").click()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(background) < 0.05) == (scheme == "dark")
    for selector, (ink, paper) in zip(TEXTS, page.evaluate(CONTRAST, TEXTS), strict=True):
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, selector  # level AA of WCAG 2.2


EDGES = """() => [...document.querySelectorAll("input:not([type=range]), select, button")]
    .filter((field) => field.checkVisibility() && field.getAttribute("aria-pressed") !== "true")
    .map((field) => [
        field.outerHTML,
        getComputedStyle(field).borderTopColor,
        getComputedStyle(field).backgroundColor,
    ])"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edges_of_fields_and_the_shapes_of_charts_stand_out(open_page: Open, scheme: str) -> None:
    page = open_page("unlabelled", color_scheme=scheme)
    edges = page.evaluate(EDGES)
    assert len(edges) > 8
    shapes = page.evaluate(
        """() => [...document.querySelectorAll("#distribution .neutral, #curves .flagged")].map(
            (shape) => [shape.outerHTML, getComputedStyle(shape).stroke === "none"
                ? getComputedStyle(shape).fill : getComputedStyle(shape).stroke,
                getComputedStyle(shape.closest(".card")).backgroundColor])"""
    )
    assert shapes
    for shown, ink, paper in [*edges, *shapes]:
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3, shown  # of parts that are no text, WCAG 2.2


def test_nothing_moves_for_those_who_want_less_motion(open_page: Open) -> None:
    scrolling = "getComputedStyle(document.documentElement).scrollBehavior"
    assert open_page("scored", reduced_motion="reduce").evaluate(scrolling) == "auto"
    assert open_page("scored", reduced_motion="no-preference").evaluate(scrolling) == "smooth"


def test_what_has_the_focus_is_never_under_the_slider(open_page: Open) -> None:
    page = open_page("rich", reduced_motion="reduce", viewport={"width": 900, "height": 600})
    bar, seen = page.locator(".control"), 0
    page.locator("#list summary").nth(8).focus()
    for _ in range(25):
        page.keyboard.press("Shift+Tab")
        top, is_below = page.evaluate(
            """() => [document.activeElement.getBoundingClientRect().top,
                !document.activeElement.closest(".control, .skip, header")]"""
        )
        if is_below:
            seen += 1
            box = bar.bounding_box()
            assert top >= box["y"] + box["height"] - 1
    assert seen > 15


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screenshot_is_not_blank(open_page: Open, browser: Any, scheme: str) -> None:
    page = open_page("scored", color_scheme=scheme)
    reader = browser.new_page()
    for chart in ("#distribution", "#curves", "#reliability", "#signals"):
        picture = list(page.locator(chart).screenshot())
        colours, most = reader.evaluate(
            """async (bytes) => {
                const image = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
                const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
                canvas.drawImage(image, 0, 0);
                const counts = new Map();
                const pixels = new Uint32Array(
                    canvas.getImageData(0, 0, image.width, image.height).data.buffer);
                for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
                return [counts.size, Math.max(...counts.values()) / pixels.length];
            }""",
            picture,
        )
        assert colours > 20, chart
        assert most < 0.97, chart
    reader.close()


def test_paper_has_the_figures_without_the_controls(open_page: Open) -> None:
    page = open_page("scored", color_scheme="dark")
    page.emulate_media(media="print")
    for selector in (".control", ".choices", "#more", "#groups"):
        assert not page.locator(selector).first.is_visible()
    assert page.locator("#sentence").is_visible()
    assert not page.get_by_text("A click in either chart sets").is_visible()
    assert page.locator("#on-paper").inner_text() == "Least trusted: 20 of 100"
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert luminance(background) == 1
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("#curves svg").get_attribute("width") == "680"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    assert int(page.locator("#curves svg").get_attribute("width")) > 680
    assert page.pdf().startswith(b"%PDF")


def test_paper_says_which_answers_it_has(open_page: Open) -> None:
    page = open_page("scored")
    assert not page.locator("#on-paper").is_visible()
    page.locator("#groups button", has_text="All on this page").click()
    page.locator("#status").select_option("wrong")
    page.locator("#search").fill(" question 88: ")
    told = page.locator("#on-paper").text_content()
    assert told == "All on this page, wrong answers, found by “question 88:”: 1 of 1"


def test_shades_and_meters_are_printed(open_page: Open) -> None:
    page = open_page("rich")
    page.emulate_media(media="print")
    page.locator("#list summary").first.click()
    for selector in (".claim", ".measures meter"):
        style = f"getComputedStyle(document.querySelector('{selector}')).printColorAdjust"
        assert page.evaluate(style) == "exact", selector


def test_results_without_labels_have_a_page_that_works(open_page: Open) -> None:
    page = open_page("unlabelled")
    assert tile(page, "flagged") != "–"
    assert page.locator("#figure-precision").count() == 0
    assert page.locator("#curves .curve").count() == 1
    move_slider(page, 1)
    assert tile(page, "flagged") == percent(1)


def test_results_without_any_score_have_a_page_that_works(open_page: Open) -> None:
    page = open_page("unscored")
    assert "None of them could be scored; the errors say why." in page.locator(".lede").inner_text()
    assert page.locator("section", has=page.locator("#scores-title")).inner_text().split("\n")[
        -1
    ] == ("No answer has a score, so there is nothing to draw.")
    # Nothing is left that a threshold would move, and no empty chart.
    for selector in (".control", "#tiles", "#distribution", "#curves", "#export"):
        assert page.locator(selector).count() == 0, selector
    assert page.locator("#status option").all_inner_texts() == ["every answer"]
    assert page.locator("#list .score.none").count() == 5
    page.locator("#search").fill("question 3:")
    assert page.locator("#found").inner_text() == "1 answer"
    assert page.locator("#pair-text").inner_text().startswith("5 answers by two of their signals")


def test_without_scripts_the_page_says_so(open_page: Open) -> None:
    page = open_page("scored", java_script_enabled=False)
    assert "Scripts are off" in page.locator(".note").inner_text()
    assert page.locator("#cost table").first.is_visible()


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def test_on_a_phone_the_summary_of_the_slider_stays_in_sight(open_page: Open) -> None:
    page = open_page("rich", **PHONE)
    page.locator("#answers").scroll_into_view_if_needed()
    page.evaluate("scrollTo({ top: document.body.scrollHeight, behavior: 'instant' })")
    box = page.locator("#brief").bounding_box()
    assert 0 <= box["y"] < 844
    assert "flagged" in page.locator("#brief").inner_text()
    assert page.locator(".control").bounding_box()["height"] < 844 / 8


def test_on_a_phone_every_column_can_be_reached(open_page: Open) -> None:
    page = open_page("rich", **PHONE)
    page.locator("details.table summary").click()
    for holder in page.locator(".scroll").all():
        reached = holder.evaluate(
            """holder => {
                holder.scrollLeft = holder.scrollWidth;
                const last = holder.querySelector("tr:last-child > :last-child");
                const edge = holder.getBoundingClientRect().right;
                return last.getBoundingClientRect().right <= edge + 1;
            }"""
        )
        assert reached
        assert holder.get_attribute("tabindex") == "0"


def test_a_signal_that_is_missing_everywhere_is_a_row_of_its_table(open_page: Open) -> None:
    page = open_page("rich")
    row = page.locator("tr", has=page.locator("th", has_text="probability")).inner_text()
    assert row.split() == ["probability", "0", "–", "60", "–"]
    assert "probability" not in " ".join(page.locator("#pair option").all_inner_texts())


def test_the_figures_of_each_group_follow_the_slider(open_page: Open) -> None:
    page = open_page("rich")

    def cells(name: str) -> list[str]:
        row = page.locator("#group-table tr", has=page.locator("th", has_text=name))
        return [str(text) for text in row.locator("td").all_inner_texts()]

    rows = [row for row in rich_results() if row["topic"] == "sums"]
    for threshold in (0.4, 0.7):
        move_slider(page, threshold)
        found = [row["trustworthiness_score"] for row in rows]
        known = [score for score in found if score is not None]
        flagged = sum(score < threshold for score in known) / len(known)
        assert cells("sums")[0] == "20"
        assert cells("sums")[2] == percent(flagged)
    assert page.locator("#group-table tbody tr").count() == 3


def test_the_page_holds_these_results_against_earlier_ones(open_page: Open) -> None:
    text = open_page("rich").locator("#against").inner_text()
    assert "60 questions are in both" in text
    assert "Largest changes" in text
    assert "earlier.jsonl" in text


def test_the_flagged_answers_are_saved_as_csv(open_page: Open) -> None:
    page = open_page("rich")
    move_slider(page, 0.5)
    wanted = [row for row in rich_results() if (row["trustworthiness_score"] or 1) < 0.5]
    button = page.locator("#export")
    assert button.inner_text() == f"Save {len(wanted)} flagged as CSV"
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == "flagged.csv"
    written = Path(download.value.path()).read_text("utf-8-sig")
    saved = list(csv.DictReader(io.StringIO(written)))
    assert {row["prompt"] for row in saved} == {row["prompt"] for row in wanted}
    assert {row["response"] for row in saved} == {row["response"] for row in wanted}
    move_slider(page, 0)
    assert button.is_disabled()


def test_what_a_spreadsheet_would_run_is_saved_as_text(open_page: Open) -> None:
    page = open_page("rich")
    given = ["=1+1", "+1", "@a", 'a,"b"', 0.5, None]
    cells = page.evaluate("cells => cells.map(csvCell)", given)
    assert cells == ["'=1+1", "'+1", "'@a", '"a,""b"""', "0.5", ""]


def test_doubtful_sentences_are_shaded_in_the_answer(open_page: Open) -> None:
    page = open_page("rich")
    response = page.locator("#list .response").first
    marks = response.locator("mark").all()
    assert [mark.get_attribute("class") for mark in marks] == ["claim doubt-0", "claim doubt-4"]
    assert marks[1].inner_text().startswith("😀 Nobody doubts it.")
    assert marks[1].get_attribute("title") == "score of this sentence: 0.10"
    paper, shade = (
        item.evaluate("e => getComputedStyle(e).backgroundColor") for item in (marks[0], marks[1])
    )
    assert paper != shade


def test_labels_for_screen_readers_are_rounded(open_page: Open) -> None:
    page = open_page("rich")
    for chart in page.locator(".chart svg").all():
        assert not re.search(r"\d\.\d{4}", chart.get_attribute("aria-label"))


@pytest.mark.parametrize("top", [1, 11, 101, 1001, 123_456, 7_000_001])
def test_the_axis_of_the_histogram_fits_its_bars(open_page: Open, top: int) -> None:
    page = open_page("scored")
    rounded = page.evaluate(f"roundUp({top})")
    assert top <= rounded <= max(top + 1, 1.5 * top)
    bins = [0] * 1002
    bins[500] = top
    page.evaluate(
        f"drawDistribution(document.getElementById('distribution'), "
        f"{{all: {bins}, right: {bins}, wrong: {[0] * 1002}}})"
    )
    box = page.locator("#distribution svg").bounding_box()
    for text in page.locator("#distribution text").all():
        assert text.bounding_box()["x"] >= box["x"]
