"""The pytest plugin, in runs of pytest of its own."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nemoguardrails_trust
from nemoguardrails_trust import TLM, Calibration, SettingsError
from nemoguardrails_trust.integrations.testing.answers import Answer, Place, Verdict
from tests.servers.openai import OpenAIServer, threaded_server

pytest_plugins = ["pytester"]

QUESTION = "What is the capital of France?"
WITHOUT = ("-p", "no:xdist", "-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:anyio")
IMPORT = "from nemoguardrails_trust import assert_trustworthy\n"


def judge(body: dict[str, Any]) -> str | list[str]:
    """Holds an answer for true unless Lyon stands in it; of five samples one says Lyon."""
    text = "\n".join(message["content"] for message in body["messages"])
    if "Judge an assistant's response" not in text:
        return ["Paris", "Paris", "Lyon", "Paris", "Paris"][-body.get("n", 1) :]
    return "False 5" if "Lyon" in text else "True 95"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with threaded_server(OpenAIServer(answer=judge)) as running:
        # Once here, what scoring imports is not imported anew by each run.
        with TLM(model="gpt-test", base_url=running.base_url, api_key="sk-test") as tlm:
            tlm.get_trustworthiness_score(QUESTION, "Paris")
        yield running


@pytest.fixture
def run(
    pytester: pytest.Pytester, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> "Runner":
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("COLUMNS", "300")
    return Runner(pytester, server)


RECORDED = "".join(
    json.dumps({"prompt": prompt, "response": "Paris", "samples": ["Paris"] * 5, "reflection": 0.9})
    + "\n"
    for prompt in (QUESTION, "Where is the Louvre?")
)


class Runner:
    """Runs pytest on a module, with the model on a server."""

    def __init__(self, pytester: pytest.Pytester, server: OpenAIServer) -> None:
        self.pytester = pytester
        self.server = server

    def __call__(self, source: str, *options: str, **outcomes: int) -> str:
        """Runs the tests, which must end so, and returns what was printed."""
        self.pytester.makepyfile(source)
        given = ("--trust-model", "gpt-test", "--trust-base-url", self.server.base_url)
        result = self.pytester.runpytest_inprocess(*WITHOUT, *given, *options)
        result.assert_outcomes(**outcomes)
        return result.stdout.str()


def test_a_test_fails_by_an_answer_that_is_not_trustworthy(run: Runner) -> None:
    printed = run(
        IMPORT
        + f"""
def test_right():
    assert_trustworthy({QUESTION!r}, "Paris")

def test_wrong():
    answer = "Lyon"
    assert_trustworthy({QUESTION!r}, answer)
    assert answer  # the test goes on
""",
        passed=1,
        failed=1,
    )
    assert re.search(r">\s+assert_trustworthy\(.*, answer\)\n", printed)
    assert re.search(r"E\s+AssertionError: trustworthiness 0\.\d\d is below 0\.6\n", printed)
    assert re.search(rf"E\s+prompt: {re.escape(QUESTION)}\n", printed)
    assert re.search(r"FAILED .*::test_wrong - AssertionError: trustworthiness 0\.\d\d", printed)


def test_the_summary_counts_the_answers_and_names_those_below(run: Runner) -> None:
    printed = run(
        IMPORT
        + f"""
def test_several():
    assert_trustworthy({QUESTION!r}, "Paris")
    assert_trustworthy({QUESTION!r}, "Lyon", threshold=0.01)
    assert_trustworthy({QUESTION!r}, "Lyon", threshold=0.9)

def test_no_answer():
    pass
""",
        passed=1,
        failed=1,
    )
    summary = printed.partition("= trustworthiness =")[2]
    assert re.search(r"3 answers, 1 below the threshold, 0 unchecked, lowest 0\.\d\d", summary)
    assert len(re.findall(r"^0\.\d\d < 0\.9 .*::test_several$", summary, re.MULTILINE)) == 1


def test_all_answers_are_scored_in_one_batch_after_the_last_test(run: Runner) -> None:
    run.server.latency = 0.0
    before = len(run.server.bodies)
    run(
        IMPORT
        + f"""
import pytest

@pytest.mark.parametrize("number", range(4))
def test_asks(number):
    assert_trustworthy(f"{{number}}: {QUESTION}", "Paris")

def test_nothing_was_asked_until_now(trust):
    assert trust._batch.built is None and len(trust._batch.held) == 4
""",
        passed=5,
    )
    assert len(run.server.bodies) - before == 8  # a judgement and a request for samples each


def test_an_answer_that_cannot_be_scored_fails_its_test(run: Runner) -> None:
    printed = run(
        IMPORT + f"def test_it():\n    assert_trustworthy({QUESTION!r}, '<think>hm</think>')\n"
        "def test_prompt():\n    assert_trustworthy([{'role': 'user'}], 'Paris')\n",
        failed=2,
    )
    assert "the trustworthiness could not be checked: " in printed
    assert re.search(r"^unchecked .*::test_it$", printed, re.MULTILINE)
    assert "2 answers, 0 below the threshold, 2 unchecked" in printed


def test_without_a_key_every_answer_is_unchecked_and_fails(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    source = IMPORT + f"def test_it():\n    assert_trustworthy({QUESTION!r}, 'Paris')\n"
    printed = run(source, "--trust-base-url=https://api.openai.com/v1", failed=1)
    assert "could not be checked: " in printed
    assert "OPENAI_API_KEY" in printed


def test_the_fixture_collects_answers_and_scores_at_once(run: Runner) -> None:
    run(
        f"""
import pytest
from nemoguardrails_trust import DataError

def test_at_once(trust):
    assert trust.score({QUESTION!r}, "Paris") > 0.7
    assert trust.score({QUESTION!r}, "Lyon") < 0.5
    with pytest.raises(DataError):
        trust.score({QUESTION!r}, "<think>no answer</think>")

def test_collects(trust):
    trust.assert_trustworthy({QUESTION!r}, "Lyon")
""",
        passed=1,
        failed=1,
    )


def test_an_answer_is_kept_as_it_was_when_it_was_asserted(run: Runner) -> None:
    run(
        IMPORT
        + f"""
def test_it():
    turns = [{{"role": "user", "content": {QUESTION!r}}}]
    assert_trustworthy(turns, "Paris", context=["France's capital is Paris."])
    turns.clear()
""",
        passed=1,
    )


def test_passages_reach_the_judge(run: Runner) -> None:
    run(
        IMPORT + f"def test_it():\n"
        f"    assert_trustworthy({QUESTION!r}, 'Paris', context='a passage of its own')\n",
        passed=1,
    )
    assert "a passage of its own" in str(run.server.bodies[-2:])


def test_a_test_that_fails_or_is_skipped_by_itself_stays_as_it_is(run: Runner) -> None:
    printed = run(
        IMPORT
        + f"""
import pytest

def test_fails():
    assert_trustworthy({QUESTION!r}, "Lyon")
    assert 1 == 2

def test_skipped():
    assert_trustworthy({QUESTION!r}, "Lyon")
    pytest.skip("later")
""",
        failed=1,
        skipped=1,
    )
    assert "assert 1 == 2" in printed
    assert "- trustworthiness -" in printed  # a section of the failure


def test_expected_failures_are_expected(run: Runner) -> None:
    run(
        IMPORT
        + f"""
import pytest

@pytest.mark.xfail(strict=True)
def test_below():
    assert_trustworthy({QUESTION!r}, "Lyon")

@pytest.mark.xfail
def test_above():
    assert_trustworthy({QUESTION!r}, "Paris")
""",
        xfailed=1,
        xpassed=1,
    )


def test_methods_helpers_and_async_tests_may_assert(run: Runner) -> None:
    printed = run(
        IMPORT
        + f"""
import unittest

def helper(answer):
    assert_trustworthy({QUESTION!r}, answer)

class TestBot:
    def test_method(self):
        helper("Lyon")

class TestCase(unittest.TestCase):
    def test_case(self):
        assert_trustworthy({QUESTION!r}, "Lyon")
""",
        failed=2,
    )
    assert re.search(r">\s+assert_trustworthy\(.*, answer\)\n", printed)
    assert re.search(r">\s+assert_trustworthy\(.*, \"Lyon\"\)\n", printed)


def test_the_threshold_may_stand_in_the_options_or_in_the_file(run: Runner) -> None:
    source = IMPORT + f"def test_it():\n    assert_trustworthy({QUESTION!r}, 'Lyon')\n"
    run(source, "--trust-threshold=0.01", passed=1)
    run.pytester.makeini("[pytest]\ntrust_threshold = 0.02\n")
    run(source, passed=1)
    run(source, "--trust-threshold=0.9", failed=1)


@pytest.mark.parametrize("threshold", ["1.5", "nan", "half"])
def test_a_threshold_out_of_range_is_told_before_any_test_runs(run: Runner, threshold: str) -> None:
    run.pytester.makepyfile("def test_it():\n    pass\n")
    result = run.pytester.runpytest_inprocess(*WITHOUT, f"--trust-threshold={threshold}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"trust_threshold is '{threshold}'" in result.stderr.str()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("quality", "x", "trust_quality is 'x'; it must be 'base', 'low', 'medium', 'high' or"),
        ("scorer", "locla", "trust_scorer is 'locla'; it must be one of 'local', 'cleanlab-"),
        ("base-url", "localhost", "trust_base_url must be an address such as http://localhost"),
        ("calibration", "none.json", "trust_calibration: none.json: cannot be read: No such file"),
        ("calibration", "test_it.py", "trust_calibration: test_it.py: is not a calibration made"),
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_a_wrong_option_is_a_usage_error_before_any_test_runs(
    run: Runner, option: str, value: str, told: str, in_file: bool
) -> None:
    run.pytester.makepyfile(test_it="def test_it():\n    pass\n")
    given = [f"--trust-{option}={value}"]
    if in_file:
        run.pytester.makeini(f"[pytest]\ntrust_{option.replace('-', '_')} = {value}\n")
        given = []
    result = run.pytester.runpytest_inprocess(*WITHOUT, *given)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {told}" in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    assert "test_it.py ." not in result.stdout.str()


def test_a_calibration_of_another_preset_is_a_usage_error(run: Runner) -> None:
    path = run.pytester.path / "calibration.json"
    Calibration(
        scorer="local",
        quality="high",
        model="gpt-test",
        knots=((0.0, 0.0), (1.0, 1.0)),
        fit="isotonic",
        n=40,
        created="2026-11-20T10:00:00Z",
    ).save(path)
    run.pytester.makepyfile("def test_it():\n    pass\n")
    options = ("--trust-model=gpt-test", "--trust-quality=low", f"--trust-calibration={path}")
    result = run.pytester.runpytest_inprocess(*WITHOUT, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "'high'" in result.stderr.str()


def test_a_scorer_beside_the_tests_is_found(run: Runner) -> None:
    run.pytester.makepyfile(
        beside="from nemoguardrails_trust import TrustworthinessScore\n"
        "class Verified:\n"
        "    def __init__(self, settings):\n        pass\n"
        "    async def score(self, exchange):\n"
        "        return TrustworthinessScore(0.25, scorer='verified')\n"
    )
    run.pytester.makepyfile(
        test_it=IMPORT + "def test_it():\n    assert_trustworthy('1 + 1?', '2')\n"
    )
    result = run.pytester.runpytest_inprocess(*WITHOUT, "--trust-scorer=beside:Verified")
    result.assert_outcomes(failed=1)
    assert "trustworthiness 0.25 is below 0.6" in result.stdout.str()


def test_a_conftest_may_give_what_scores(run: Runner) -> None:
    run.pytester.makeconftest(
        """
from nemoguardrails_trust import TLM, TrustworthinessScore

class Verified:
    async def score(self, exchange):
        return TrustworthinessScore(0.25, scorer="verified")

def pytest_trust_tlm(config):
    return TLM(scorer=Verified())
"""
    )
    printed = run(IMPORT + "def test_it():\n    assert_trustworthy('1 + 1?', '2')\n", failed=1)
    assert "trustworthiness 0.25 is below 0.6" in printed


def test_junit_has_scores_and_failures(run: Runner) -> None:
    run(
        IMPORT
        + f"""
def test_right():
    assert_trustworthy({QUESTION!r}, "Paris", threshold=0.5)

def test_wrong():
    assert_trustworthy({QUESTION!r}, "Lyon")
""",
        "--junit-xml=out.xml",
        passed=1,
        failed=1,
    )
    suite = ET.parse(run.pytester.path / "out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    right, wrong = suite.findall("testcase")
    values = {part.get("name"): part.get("value") for part in right.iter("property")}
    assert float(str(values["trustworthiness_score"])) > 0.7
    assert values["trustworthiness_threshold"] == "0.5"
    failure = wrong.find("failure")
    assert failure is not None
    assert "is below 0.6" in str(failure.get("message"))


def test_with_exitfirst_what_has_run_is_scored(run: Runner) -> None:
    printed = run(
        IMPORT
        + f"""
def test_wrong():
    assert_trustworthy({QUESTION!r}, "Lyon")

def test_fails():
    assert False

def test_never_run():
    pass
""",
        "-x",
        failed=2,
    )
    assert "1 answer, 1 below the threshold" in printed


def test_a_worker_of_xdist_scores_its_own(run: Runner) -> None:
    run.pytester.makepyfile(
        IMPORT
        + f"""
import pytest

@pytest.mark.parametrize("answer", ["Paris", "Lyon", "Lyon."])
def test_it(answer):
    assert_trustworthy({QUESTION!r}, answer)
"""
    )
    given = ("--trust-model=gpt-test", f"--trust-base-url={run.server.base_url}")
    result = run.pytester.runpytest_inprocess("-n1", *WITHOUT[2:], *given)
    result.assert_outcomes(passed=1, failed=2)
    assert "3 answers, 2 below the threshold, 0 unchecked" in result.stdout.str()


def test_the_page_shows_tests_that_run(run: Runner) -> None:
    page = (Path(__file__).parents[3] / "docs" / "ci.md").read_text("utf-8")
    tests, conftest = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    run.pytester.makepyfile(bot="def answer(question):\n    return 'Paris'\n")
    run.pytester.syspathinsert()
    printed = run(tests, "--trust-threshold=0.99", failed=2)
    (shown,) = re.findall(r"^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    summary = printed.partition("= trustworthiness =")[2].splitlines()
    form = re.compile(r"[\d.]+")
    assert form.sub("0", summary[1]) == form.sub("0", shown.splitlines()[1])
    run.pytester.makeconftest(conftest)
    run.pytester.mkdir("other").joinpath("test_bot.py").write_text(tests, encoding="utf-8")
    (run.pytester.path / "answers.jsonl").write_text(RECORDED, encoding="utf-8")
    run.pytester.runpytest_inprocess(*WITHOUT, "other").assert_outcomes(passed=2)


def test_other_tests_run_as_without_the_plugin(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "nemoguardrails_trust.integrations.testing.answers"
    monkeypatch.delitem(__import__("sys").modules, name)
    printed = run(f"import sys\ndef test_it():\n    assert {name!r} not in sys.modules\n", passed=1)
    assert "trustworthiness" not in printed


def test_outside_of_a_test_it_says_where_it_works() -> None:
    from nemoguardrails_trust.integrations.testing import answers

    running, answers._running[:] = answers._running[:], []
    try:
        with pytest.raises(SettingsError, match="works in tests that pytest runs"):
            nemoguardrails_trust.assert_trustworthy("1 + 1?", "2")
    finally:
        answers._running[:] = running


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_of_a_test_out_of_range_is_refused(threshold: float) -> None:
    from nemoguardrails_trust.integrations.testing.answers import collecting

    with collecting() as answers, pytest.raises(SettingsError, match="threshold is"):
        nemoguardrails_trust.assert_trustworthy("1 + 1?", "2", threshold=threshold)
    assert answers == []


def test_an_error_of_the_test_itself_is_shown_at_its_own_line(run: Runner) -> None:
    printed = run(
        IMPORT + f"def test_it():\n    assert_trustworthy({QUESTION!r}, 'Paris', threshold=7)\n"
        f"def test_by_fixture(trust):\n"
        f"    trust.assert_trustworthy({QUESTION!r}, 'Paris', threshold='high')\n",
        failed=2,
    )
    assert "threshold is 7; it must be a number from 0 to 1" in printed
    assert "threshold is 'high'; it must be a number from 0 to 1" in printed
    assert "answers.py" not in printed
    assert "plugin.py" not in printed


def test_recorded_answers_are_to_be_given_in_a_conftest(run: Runner) -> None:
    source = IMPORT + f"def test_it():\n    assert_trustworthy({QUESTION!r}, 'Paris')\n"
    printed = run(source, "--trust-model=replay", failed=1)
    assert "trust_model 'replay' needs recorded answers: have pytest_trust_tlm" in printed


def test_long_texts_are_shortened_in_messages() -> None:
    answer = Answer("x " * 500, "y", None, None, Place("test_it.py", "test_it"))
    told = str(Verdict(answer, 0.6, 0.5, "too vague"))
    assert max(map(len, told.splitlines())) < 220
    assert "explanation: too vague" in told


def test_the_plugin_is_an_entry_point() -> None:
    from importlib.metadata import entry_points

    (point,) = (entry for entry in entry_points(group="pytest11") if entry.name == "nemo-trust")
    assert Path(str(point.load().__file__)).name == "plugin.py"
