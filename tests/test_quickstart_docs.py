"""Every block of Python in docs/quickstart.md runs, in order, and does what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.openai import Answer, OpenAIServer
from tests.tlm.scene import KEY, Body, is_judging, is_sampling, serving, text_of

PAGE = Path(__file__).parents[1] / "docs" / "quickstart.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

KNOWN = {
    "symbol of tungsten": ["W"],
    "tyre back": ["No."],
    "strings does a violin": ["Four", "Four."],
    "17 times 23": ["391"],
    "capital of Mongolia": ["Ulaanbaatar"],
    "Is glass a metal": ["No", "No."],
}
MADE_UP = ["1931", "1890", "1904", "Never", "1877"]


def answers_to(question: str) -> list[str]:
    """What the model of the page says; about what it does not know, something else each time."""
    if found := re.search(r"What is (\d+) plus 1\?", question):
        return [str(int(found[1]) + 1)]
    return next((said for part, said in KNOWN.items() if part in question), MADE_UP)


def model(body: Body) -> Answer:
    text = text_of(body)
    said = answers_to(text)
    if not is_judging(body):
        return said if is_sampling(body) else said[0]
    if "Reply with 2 lines" in text:
        return "1: True 95\n2: False 10"
    if "criterion" in text:
        return "True"
    response = re.findall(r"<response [^>]*>\s*(.*?)\s*</response", text, re.DOTALL)[-1]
    sure = said is not MADE_UP and response.strip(".").lower() == said[0].strip(".").lower()
    return "True\nThat is so." if sure else "False\nNobody knows that."


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with serving(model) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.chdir(tmp_path)
        yield running


class Page:
    """The page's blocks, run one after another in one namespace."""

    def __init__(self, server: OpenAIServer) -> None:
        self.names: dict[str, Any] = {}
        self._server = server
        self._text = PAGE.read_text(encoding="utf-8")
        self._blocks = list(BLOCK.finditer(self._text))
        self._next = 0

    def run_to(self, mark: str) -> list[Body]:
        """Runs the blocks up to the one that holds `mark`; returns what that one asked."""
        while self._next < len(self._blocks):
            block = self._blocks[self._next]
            self._next += 1
            self._server.received.clear()
            before = self._text.count("\n", 0, block.start(1))
            code = "\n" * before + block[1]  # so that errors tell the page's own lines
            exec(compile(code, str(PAGE), "exec"), self.names)
            if mark in block[1]:
                return self._server.bodies
        raise AssertionError(f"no further block holds {mark!r}")

    @property
    def is_at_its_end(self) -> bool:
        return self._next == len(self._blocks)


def test_the_page_does_what_it_says(server: OpenAIServer) -> None:
    page = Page(server)
    names = page.names

    asked = page.run_to("tlm = TLM()")
    assert names["output"]["response"] == "W"
    assert {body["model"] for body in asked} == {"gpt-4o-mini"}
    good = names["output"]["trustworthiness_score"]

    page.run_to("constrain_outputs")
    assert names["output"]["response"] == "no"

    page.run_to('response="T"')
    assert names["output"]["trustworthiness_score"] < 0.6 < good

    page.run_to("worst, best")
    assert {row.split()[-1] for row in names["worst"]["prompt"]} == {"retire?", "nine?"}
    assert names["best"]["trustworthiness_score"].min() > 0.6
    page.run_to("threshold = tlm.threshold")
    assert sum("may be wrong" in each for each in names["answers"]) == 2

    page.run_to("suspects")
    assert set(names["suspects"].index) == {1, 3}

    asked = page.run_to('TLM("best")')
    assert names["output"]["response"] == "Ulaanbaatar"
    assert [each["response"] for each in names["outputs"]] == ["391", "No"]
    assert sorted(b["n"] for b in asked if b.get("n")) == [4, 4, 4, 8, 8, 8]

    page.run_to("custom_eval_criteria")
    log = names["output"]["log"]
    assert log["explanation"] == "That is so."
    assert [each["name"] for each in log["custom_eval_criteria"]] == ["brief"]
    assert 0.0 < log["perplexity"] <= 1.0

    page.run_to("score_claims")
    right, wrong = names["result"]["claims"]
    assert right["score"] > 0.6 > wrong["score"]

    page.run_to("try_prompt")
    assert [each["response"] for each in names["outputs"]] == ["391", None, "No"]
    assert names["failed"] == [{"message": "the prompt is empty", "retryable": False}]

    asked = page.run_to("score_dataset")
    assert len(asked) == 100 * 3
    assert names["results"]["response"].tolist() == list(range(1, 101))
    assert names["results"]["trustworthiness_score"].min() > 0.6

    page.run_to("prompt_async")
    assert [each["response"] for each in names["outputs"]] == ["391", "No"]

    page.run_to("KnownAnswers")
    assert names["output"] == {"trustworthiness_score": 1.0}
    assert page.is_at_its_end


def test_the_options_of_the_page_are_all_there_are() -> None:
    from nemoguardrails_trust.tlm.options import TLMOptions

    section = PAGE.read_text(encoding="utf-8").split("## Options")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(TLMOptions.model_fields)


def test_the_links_of_the_page_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE.read_text(encoding="utf-8"))
    assert links
    for each in links:
        assert (PAGE.parent / each).exists(), each


def test_the_page_shows_results_as_they_are(server: OpenAIServer) -> None:
    from nemoguardrails_trust import TLM

    with TLM() as tlm:
        keys = list(tlm.prompt("What is 17 times 23?"))
    shown = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown[:2] == keys
