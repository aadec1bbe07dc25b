"""Every case of the TLM protocol has a test that tries it; this is the list of them."""

import ast
import functools
from collections import defaultdict
from pathlib import Path

import pytest

CASES = {
    1: "a prompt is answered and scored by one request",
    2: "a list of prompts comes back in its order",
    3: "an answer is one of those allowed, for each prompt its own",
    4: "responses are scored: one, many, from async code, with what the caller knows",
    5: "a task of classification is taken",
    6: "an explanation is there whenever it was asked for",
    7: "criteria of the user are scored in their order",
    8: "criteria are scored without trustworthiness",
    9: "all options at once are taken",
    10: "results are explained afterwards, and one without a score is refused",
    11: "TLMLite of both clients gets a probability from every model",
    12: "TLMCalibrated is fitted and scores",
    13: "a response from passages is scored: defaults, none, one's own, lists",
    14: "a query is answered from passages and scored",
    15: "of a response of tool calls, what looks at it has no score",
    16: "evaluations are made without trustworthiness",
    17: "chat completions are scored: plain, tools, structured",
    18: "responses of OpenAI's other API are scored: plain, structured",
    19: "the edition for a cloud of one's own is served",
    20: "clients of OpenAI's API and of Azure's get the score beside the answer",
    21: "cleanlab-studio works, and NeMo Guardrails' own rail on it",
    22: "llama-index and Langflow get their scores",
    23: "a plain request by hand is scored",
    24: "a wrong key is told as such, after one request",
    25: "an unfit value is named, after one request",
    26: "what is malformed is told as JSON, after one request",
    27: "an overload ends in results",
    28: "a model that is down is a 503, and a result once it is up",
    29: "a caller's timeout ends the work for it",
    30: "400 at once get their scores",
    31: "a base URL may end with a slash",
    32: "no key is logged",
    33: "no score is made up for a model that gives none",
}

HERE = Path(__file__).parent


@functools.cache
def marked() -> dict[int, list[str]]:
    """The tests of each case, found in the source so that this needs none of the clients."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(HERE.parent.rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        whole_file = [
            number
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
            for number in numbers_in(node.value)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own = [number for mark in node.decorator_list for number in numbers_in(mark)]
                if node.name.startswith("test_"):
                    for number in {*own, *whole_file}:
                        found[number].append(f"{path.name}::{node.name}")
    return found


def numbers_in(mark: ast.expr) -> list[int]:
    return [
        ast.literal_eval(call.args[0])
        for call in ast.walk(mark)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.conformance"
    ]


@pytest.mark.parametrize("number", CASES, ids=lambda number: f"{number} {CASES[number]}")
def test_a_case_has_a_test(number: int) -> None:
    assert marked().get(number)


def test_there_is_no_other_case() -> None:
    assert set(marked()) == set(CASES)
