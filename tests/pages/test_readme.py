"""What the README and the page on the rail say is so; `test_start.py` does what they show."""

import re
from pathlib import Path
from tomllib import loads
from typing import Any, get_args

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.testing import FakeLLMModel
from yaml import safe_dump, safe_load

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.guardrail.messages import CAUTION, WITHHELD
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.settings import read_flow_line, read_settings
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.scorers.local.presets import plan_for
from tests.guardrail.conftest import no_running_loop, scorer
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1, bot_v2
from tests.pages.blocks import PAGES, ROOT, block_with, blocks_of
from tests.pages.walk import merged

__all__ = ["no_running_loop", "scorer"]


async def test_the_three_lines_score_answers() -> None:
    register()
    yaml = block_with("README.md", "yaml", "import_paths").text
    # One answer; then a judgement and five samples that contradict it.
    llm = FakeLLMModel(responses=["Elizabeth", "False 5", *["Anne"] * 5])
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=llm)
    response = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
    assert response.response[-1]["content"] == f"Elizabeth\n{CAUTION}"
    assert response.output_data["trust"]["threshold"] == 0.7


async def test_the_lines_of_colang_2_score_answers(scorer: ScriptedScorer) -> None:
    lines = block_with("README.md", "colang", "import nemoguardrails_trust.rail").text
    assert "cleanlab trustworthiness" in lines
    scorer.answer = 0.3
    rails = bot_v2("Lyon")
    main = next(flow for flow in rails.config.flows if flow.name == "output rails")
    assert main.source_code.strip() in lines
    message = await rails.generate_async(messages=ask())
    assert message["content"] == f"Lyon\n{CAUTION}"


def test_both_pages_begin_with_the_same_bots() -> None:
    shown = [block for block in blocks_of("README.md", "yaml", "colang") if block.file]
    again = [block for block in blocks_of("docs/rail.md", "yaml", "colang") if block.file]
    assert [block.text for block in shown] == [block.text for block in again]
    assert [block.file for block in shown] == ["bot/config.yml", "bot2/config.yml", "bot2/main.co"]


async def test_the_streaming_example_prints_text_and_verdict(
    scorer: ScriptedScorer, capsys: pytest.CaptureFixture[str]
) -> None:
    scorer.answer = 0.3
    names: dict[str, Any] = {}
    exec(block_with("docs/rail.md", "python", "stream_with_trust").text, names)
    rails = bot_v1("Lyon it is")
    rails.config.rails.output.streaming.enabled = True
    await names["answer"](rails, ask())
    assert capsys.readouterr().out == "Lyon it is\nuntrustworthy 0.3\n"


async def test_the_streaming_example_goes_on_where_another_rail_answers(
    scorer: ScriptedScorer, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    exec(block_with("docs/rail.md", "python", "stream_with_trust").text, names)
    refusing = 'define flow refuse it\n  bot say no\n  stop\n\ndefine bot say no\n  "No."\n'
    rails = bot_v1("Lyon it is", colang=refusing, inputs='["refuse it"]')
    rails.config.rails.output.streaming.enabled = True
    await names["answer"](rails, ask())
    assert capsys.readouterr().out == "No.\nnot checked: another rail answered\n"
    assert scorer.exchanges == []


def test_every_setting_that_is_shown_is_valid() -> None:
    shown = [
        safe_load(block.text) or {}
        for page in ("README.md", "docs/rail.md", "docs/own-scorer.md", "docs/agents.md")
        for block in blocks_of(page, "yaml")
    ]
    sections = [token["custom_data"] for token in shown if "custom_data" in token]
    assert len(sections) >= 3
    for section in sections:
        read_settings(section)
    lines = [
        line
        for token in shown
        for line in token.get("rails", {}).get("output", {}).get("flows", [])
    ]
    assert {"threshold": "0.8", "on_untrustworthy": "block"} in [read_flow_line(x) for x in lines]


async def test_another_threshold_and_reaction(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.7
    settings = "threshold: 0.75, on_untrustworthy: block"
    for words in settings.split(", "):
        assert words in block_with("docs/rail.md", "yaml", "on_untrustworthy").text
    message = await bot_v1("Lyon", settings=settings).generate_async(messages=ask())
    assert message["content"] == WITHHELD
    own = block_with("docs/rail.md", "colang", "define bot response untrustworthy").text
    message = await bot_v1("Lyon", settings=settings, colang=own).generate_async(messages=ask())
    assert message["content"].startswith("I would rather not guess here.")


async def test_the_scorer_of_your_own_scores(tmp_path: Path) -> None:
    code = block_with("docs/own-scorer.md", "python", "class Scorer")
    assert code.file == "scoring.py"
    (tmp_path / "scoring.py").write_text(code.text, "utf-8")
    bot = safe_load(block_with("README.md", "yaml", "import_paths").text)
    part = safe_load(block_with("docs/own-scorer.md", "yaml", "scoring:create").text)
    (tmp_path / "config.yml").write_text(safe_dump(merged(bot, part)), "utf-8")
    register()
    llm = FakeLLMModel(responses=["Lyon", "Paris, because it is"])
    rails = LLMRails(RailsConfig.from_path(str(tmp_path)), llm=llm)
    assert (await rails.generate_async(messages=ask("a")))["content"] == f"Lyon\n{CAUTION}"
    assert (await rails.generate_async(messages=ask("b")))["content"] == "Paris, because it is"


async def test_a_flow_of_your_own_decides(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    flow = block_with("docs/rail.md", "colang", "is_blocked").text
    response = await bot_v1("Lyon", colang=flow).generate_async(
        messages=ask(), options={"output_vars": ["trust"]}
    )
    assert response.response[-1]["content"] == "Let me find out and come back to you."
    assert response.output_data["trust"]["trustworthiness_score"] == 0.3


async def test_all_that_the_application_gets_is_on_the_rails_page(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda exchange: 0.5 if exchange.response == "Paris" else 0.3
    rails = bot_v1("Lyon", "Paris", settings="on_untrustworthy: regenerate")
    response = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
    trust = response.output_data["trust"]
    assert trust["regenerated"] is True
    page = (ROOT / "docs" / "rail.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for key in (*trust, "calls", "samples", "prompt_tokens", "completion_tokens", "seconds"):
        assert any(f"`{key}`" in row for row in rows), key


def test_every_setting_is_on_the_rails_page() -> None:
    from nemoguardrails_trust import TrustSettings

    page = (ROOT / "docs" / "rail.md").read_text(encoding="utf-8")
    for name in TrustSettings.model_fields:
        assert f"| `{name}` |" in page


def test_the_presets_on_the_page_are_those_of_the_scorer() -> None:
    page = (ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
    for preset in get_args(QualityPreset):
        (row,) = re.findall(rf"^\| `{preset}` \|[^|]*\|[^|]*\| (\S+) \|", page, re.MULTILINE)
        assert row == (str(plan_for(preset, has_probability=False).samples or "–"))


def test_the_areas_of_the_presets_on_the_page_are_those_that_are_printed() -> None:
    page = (ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
    printed = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")

    def area(data: str, preset: str) -> float:
        (found,) = re.findall(rf"^│ {data} │ {preset} .*?│ (0\.\d{{4}}) │", printed, re.MULTILINE)
        return float(found)

    shown = dict(re.findall(r"^\| `(\w+)` \|.*\| (0\.\d{3}.*?) \|$", page, re.MULTILINE))
    assert shown.keys() == set(get_args(QualityPreset))
    high, medium = (area("live-qwen-compared", preset) for preset in ("high", "medium"))
    rows = len((ROOT / "tests/data/live-qwen-compared.jsonl").read_text().splitlines())
    assert shown.pop("high") == f"{high:.3f}; `medium` {medium:.3f} on the same {rows} answers"
    for preset, figure in shown.items():
        assert float(figure) == pytest.approx(area("live-qwen-triviaqa", preset), abs=0.0006)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_figures_that_guides_quote_are_the_printed_ones() -> None:
    printed = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")

    def quoted(page: str, words: str) -> bool:
        return words in (ROOT / "docs" / page).read_text("utf-8")

    (worst,) = re.findall(r"times the scoring alone, worst run: ([\d.]+)", printed)
    assert quoted("langfuse.md", f"1,000 traces take {worst} times as long as scoring alone")
    (collection,) = re.findall(r"one full garbage collection.*?│ ([\d.]+) +│", printed)
    assert quoted("production.md", f"one full collection took {float(collection):.0f} ms")
    times = dict(
        re.findall(r"^│ (medium[^│]*?) +│ [\d.]+ +│ [\d.]+ +│ (\d\.\d{3}) +│", printed, re.M)
    )
    early, late = (float(times[name]) for name in ("medium, prefetch", "medium"))
    assert quoted("production.md", f"took {early:.1f} times as long as without the rail, instead")
    assert quoted("production.md", f"instead of {late:.0f} times")


def test_the_tables_for_users_are_the_printed_figures_rounded() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    tables = page.split("## What they mean")[1].split("\n## ")[0]
    printed = re.findall(
        r"^│ [\w-]+ +│ (?:base|medium|high|best) .*?│ (0\.\d{4}) │", page, re.MULTILINE
    )
    shown = re.findall(r"^\| .*?\| `.*?\| (0\.\d\d) \|", tables, re.MULTILINE)
    assert shown == [f"{float(figure):.2f}" for figure in printed]
    figures = dict(re.findall(r"^│ ([^│]+?) +│ (-?[\d.]+) +│", page, re.MULTILINE))
    times = dict(re.findall(r"^│ (\w.*?) +│ [\d.]+ +│ [\d.]+ +│ ([\d.]+) +│", page, re.MULTILINE))
    names = ("built-in rail", "cleanlab-studio")
    built_in, ours = (float(figures[f"{name}: 200 checks, s"]) for name in names)
    own = figures["the rail's own CPU beyond it, ms a turn"]
    for figure in (
        f"{float(times['medium']):.1f} |",
        f"{float(times['medium, prefetch']):.1f} |",
        f"{figures['prompt tokens of medium beside the exchange']} |",
        f"{own} ms |",
        f"{built_in:.1f} s, {ours:.1f} s |",
    ):
        assert f"| {figure}" in tables
    for preset in ("low", "medium"):
        (rows,) = re.findall(rf"^{preset}: 10000 pairs,.*? (\d+) rows/s", page, re.MULTILINE)
        assert f"{int(rows):,} at `{preset}`" in tables


URLS = loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
REPOSITORY = f"{URLS['Homepage']}/"
RAW = REPOSITORY.replace("//github.com/", "//raw.githubusercontent.com/") + "main/"
ADDRESS = re.compile(
    r"https://(?:github\.com|raw\.githubusercontent\.com|[\w-]+\.github\.io)/[\w./-]+"
)


def test_every_page_has_the_address_that_the_project_has() -> None:
    ours = (REPOSITORY, RAW, URLS["Documentation"])
    for name in (*PAGES, "mkdocs.yml", "pyproject.toml"):
        for found in ADDRESS.findall((ROOT / name).read_text("utf-8")):
            if "nemoguardrails-trust" in found:
                assert f"{found}/".startswith(ours), (name, found)


def test_the_schemas_that_pages_name_are_on_the_site() -> None:
    made = re.findall(r"schema (\w+) > site/(schemas/\1\.json)$", makefile(), re.MULTILINE)
    named = {
        found.removeprefix(URLS["Documentation"])
        for name in PAGES
        for found in re.findall(r"\$schema=(https:[\w./-]+)", (ROOT / name).read_text("utf-8"))
    }
    assert named == {path for _, path in made}
    assert len(named) == 2


def makefile() -> str:
    return (ROOT / "Makefile").read_text("utf-8")


def test_every_link_of_the_readme_works_on_a_package_index() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 15
    for target in targets:
        assert target.startswith("https://")
        if target.startswith((REPOSITORY, RAW)):
            path = re.sub(r"^(blob|tree)/main/", "", target.removeprefix(REPOSITORY))
            assert (ROOT / path.removeprefix(RAW)).exists(), target


def test_the_readme_is_short_and_shows_two_pictures() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    pictures = re.findall(r"!\[(.+?)\]\([^)]*/(docs/images/\w+\.png)\)", text)
    assert len(pictures) == 2
    for _, path in pictures:
        assert (ROOT / path).read_bytes().startswith(b"\x89PNG")


def test_every_command_of_the_readme_is_one() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `nemo-trust (\w+)", text, re.MULTILINE))
    assert {"check", "score", "report", "evaluate", "calibrate", "compare", "serve"} <= named
    assert named <= {command.name for command in app.registered_commands}


def test_the_figures_of_the_readme_are_those_of_the_benchmarks() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for preset in ("base", "medium", "best"):
        (measured,) = re.findall(rf"│ live-qwen-triviaqa │ {preset} .*?│ (0\.\d{{4}}) │", page)
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{preset}`"))
        assert row.endswith(f"| {float(measured):.2f} |")
    figures = dict(re.findall(r"^│ ([^│]+?) +│ ([\d.]+) +│", page, re.MULTILINE))
    assert (
        f"309 ms | 1 request, {round(float(figures['cleanlab-studio: one check, ms']))} ms"
        in readme
    )
    assert f"{float(figures['built-in rail: 200 checks, s']):.1f} s, the event loop" in readme
    assert f"{float(figures['cleanlab-studio: 200 checks, s']):.1f} s |" in readme
