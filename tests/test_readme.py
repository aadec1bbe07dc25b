"""Every example in the README and the rail's page runs."""

import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, get_args

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.testing import FakeLLMModel
from yaml import dump, safe_load

from nemoguardrails_trust.cli import app
from nemoguardrails_trust.guardrail.messages import CAUTION, WITHHELD
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.settings import read_flow_line, read_settings
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.scorers.local.presets import plan_for
from tests.guardrail.conftest import no_running_loop, scorer
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1, bot_v2
from tests.servers.openai import OpenAIServer, threaded_server

__all__ = ["no_running_loop", "scorer"]

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for found, body in BLOCK.findall(text) if found == language]


def block_with(page: str, language: str, words: str) -> str:
    return next(each for each in blocks(page, language) if words in each)


async def test_the_three_lines_score_answers() -> None:
    register()
    yaml = block_with("README.md", "yaml", "import_paths")
    # One answer; then a judgement and five samples that contradict it.
    llm = FakeLLMModel(responses=["Elizabeth", "False 5", *["Anne"] * 5])
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=llm)
    response = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
    assert response.response[-1]["content"] == f"Elizabeth\n{CAUTION}"
    assert response.output_data["trust"]["threshold"] == 0.7


async def test_the_lines_of_colang_2_score_answers(scorer: ScriptedScorer) -> None:
    lines = block_with("README.md", "colang", "import nemoguardrails_trust.rail")
    assert "cleanlab trustworthiness" in lines
    scorer.answer = 0.3
    rails = bot_v2("Lyon")
    main = next(flow for flow in rails.config.flows if flow.name == "output rails")
    assert main.source_code.strip() in lines
    message = await rails.generate_async(messages=ask())
    assert message["content"] == f"Lyon\n{CAUTION}"


def test_the_application_gets_the_score(
    no_running_loop: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    register()
    exec(block_with("docs/rail.md", "python", "output_data"), {})
    score, threshold, status = capsys.readouterr().out.split()
    assert (threshold, status) == ("0.6", "trusted")
    assert float(score) >= 0.6


async def test_the_streaming_example_prints_text_and_verdict(
    scorer: ScriptedScorer, capsys: pytest.CaptureFixture[str]
) -> None:
    scorer.answer = 0.3
    names: dict[str, Any] = {}
    exec(block_with("docs/rail.md", "python", "stream_with_trust"), names)
    rails = bot_v1("Lyon it is")
    rails.config.rails.output.streaming.enabled = True
    await names["answer"](rails, ask())
    assert capsys.readouterr().out == "Lyon it is\nuntrustworthy 0.3\n"


async def test_the_streaming_example_goes_on_where_another_rail_answers(
    scorer: ScriptedScorer, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    exec(block_with("docs/rail.md", "python", "stream_with_trust"), names)
    refusing = 'define flow refuse it\n  bot say no\n  stop\n\ndefine bot say no\n  "No."\n'
    rails = bot_v1("Lyon it is", colang=refusing, inputs='["refuse it"]')
    rails.config.rails.output.streaming.enabled = True
    await names["answer"](rails, ask())
    assert capsys.readouterr().out == "No.\nnot checked: another rail answered\n"
    assert scorer.exchanges == []


def test_every_setting_that_is_shown_is_valid() -> None:
    shown = [
        safe_load(each) for page in ("README.md", "docs/rail.md") for each in blocks(page, "yaml")
    ]
    sections = [each["custom_data"] for each in shown if "custom_data" in each]
    assert len(sections) >= 3
    for section in sections:
        read_settings(section)
    lines = [
        line for each in shown for line in each.get("rails", {}).get("output", {}).get("flows", [])
    ]
    assert {"threshold": "0.8", "on_untrustworthy": "block"} in [read_flow_line(x) for x in lines]


async def test_another_threshold_and_reaction(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.7
    settings = "threshold: 0.75, on_untrustworthy: block"
    for words in settings.split(", "):
        assert words in block_with("docs/rail.md", "yaml", "on_untrustworthy")
    message = await bot_v1("Lyon", settings=settings).generate_async(messages=ask())
    assert message["content"] == WITHHELD
    own = block_with("docs/rail.md", "colang", "define bot response untrustworthy")
    message = await bot_v1("Lyon", settings=settings, colang=own).generate_async(messages=ask())
    assert message["content"].startswith("I would rather not guess here.")


async def test_the_scorer_of_your_own_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("my_package.scoring")
    exec(block_with("docs/rail.md", "python", "class Scorer"), module.__dict__)
    monkeypatch.setitem(sys.modules, "my_package", types.ModuleType("my_package"))
    monkeypatch.setitem(sys.modules, "my_package.scoring", module)
    yaml = block_with("docs/rail.md", "yaml", "my_package") + block_with(
        "README.md", "yaml", "import_paths"
    ).replace("custom_data", "# custom_data")
    register()
    llm = FakeLLMModel(responses=["Lyon", "Paris, because it is"])
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=llm)
    assert (await rails.generate_async(messages=ask("a")))["content"] == f"Lyon\n{CAUTION}"
    assert (await rails.generate_async(messages=ask("b")))["content"] == "Paris, because it is"


async def test_a_flow_of_your_own_decides(scorer: ScriptedScorer) -> None:
    scorer.answer = 0.3
    flow = block_with("docs/rail.md", "colang", "is_blocked")
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


def test_scoring_in_python(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(body: dict[str, Any]) -> str:
        return "True 90" if "True or False" in str(body["messages"]) else "Paris"

    with threaded_server(OpenAIServer(answer=answer)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        exec(block_with("docs/scoring.md", "python", "LocalScorer"), {})
    score, alternatives, calls = capsys.readouterr().out.split()
    assert float(score) > 0.6
    assert (alternatives, calls) == ("()", "2")


def test_the_presets_on_the_page_are_those_of_the_scorer() -> None:
    page = (ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
    for preset in get_args(QualityPreset):
        (row,) = re.findall(rf"^\| `{preset}` \|[^|]*\|[^|]*\| (\S+) \|", page, re.MULTILINE)
        assert row == (str(plan_for(preset, has_probability=False).samples or "–"))


PAGES = ["README.md", *sorted(str(each.relative_to(ROOT)) for each in ROOT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target


REPOSITORY = "https://github.com/nemoguardrails-trust/nemoguardrails-trust/"
RAW = "https://raw.githubusercontent.com/nemoguardrails-trust/nemoguardrails-trust/main/"


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


def test_the_readme_prints_what_the_demonstration_prints(tmp_path: Path) -> None:
    """In an empty folder, where there is nothing but what the wheel has installed."""
    shown = block_with("README.md", "text", "false alarms")
    command = [str(Path(sys.executable).with_name("nemo-trust")), "demo"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    printed = " ".join(run.stdout.split())
    for line in filter(str.strip, shown.splitlines()):
        assert " ".join(line.split()) in printed


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


def test_the_python_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with threaded_server(OpenAIServer(answer="Ulaanbaatar")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        names: dict[str, Any] = {}
        exec(block_with("README.md", "python", "TLM"), names)
        names["tlm"].close()
        assert server.received


async def test_the_bot_of_colang_2_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the `main.co` and the model of the page, against a server."""
    register()
    (model,) = safe_load(block_with("README.md", "yaml", "import_paths"))["models"]
    main = block_with("README.md", "colang", "import nemoguardrails_trust.rail")
    (tmp_path / "main.co").write_text(main, "utf-8")

    def answer(body: dict[str, Any]) -> str | list[str]:
        if "True or False" in str(body["messages"]):
            return "False 90"
        return ["Anne", "Ruth", "Leah", "Eve", "Sara"] if body.get("n") else "Elizabeth"

    with threaded_server(OpenAIServer(answer=answer)) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        model["parameters"] = {"base_url": server.base_url}
        config = {"colang_version": "2.x", "models": [model]}
        (tmp_path / "config.yml").write_text(dump(config), "utf-8")
        rails = LLMRails(RailsConfig.from_path(str(tmp_path)))
        message = await rails.generate_async(messages=ask())
    assert message["content"] == f"Elizabeth\n{CAUTION}"
