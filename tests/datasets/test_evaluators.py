"""What other evaluation tools write is read, or refused with what to do.

The forms are those of deepeval 4.3.1, ragas 0.4.3, uqlm 0.6.7, Inspect 0.3.285 and promptfoo
0.123.1, cut to what matters here.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.rows import RowContent, read_content
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message

ASKED, SAID, PASSAGE = "Capital of France?", "Paris", "Paris is the capital."

DEEPEVAL = {
    "name": "test_case_0",
    "success": True,
    "metrics_data": [{"name": "M", "score": 0.9}],
    "input": ASKED,
    "actual_output": SAID,
    "expected_output": "Paris",
    "context": ["What should have been found."],
    "retrieval_context": [PASSAGE],
    "turns": None,
}
DEEPEVAL_RUN = {
    "name": "test_case_0",
    "input": ASKED,
    "actualOutput": SAID,
    "context": None,
    "retrievalContext": [PASSAGE],
    "metricsData": [{"name": "M", "score": 0.9}],
}
RAGAS = {"user_input": ASKED, "retrieved_contexts": [PASSAGE], "response": SAID, "reference": "x"}
RAGAS_TURNS = {
    "user_input": [
        {"content": ASKED, "type": "human"},
        {"content": SAID, "type": "ai"},
    ],
    "reference": "Paris",
}
UQLM = {"prompt": ASKED, "response": SAID, "sampled_responses": ["Rome"], "exact_match": 0.0}
INSPECT = {
    "id": 1,
    "epoch": 1,
    "input": ASKED,
    "target": ["Paris"],
    "messages": [
        {"id": "a", "content": "Be kind.", "role": "system"},
        {"id": "b", "content": ASKED, "source": "input", "role": "user"},
        {"id": "c", "content": SAID, "source": "generate", "role": "assistant", "model": "m"},
    ],
    "output": {
        "model": "m",
        "choices": [
            {
                "message": {"id": "c", "content": SAID, "role": "assistant", "model": "m"},
                "stop_reason": "stop",
            }
        ],
        "completion": SAID,
    },
    "scores": {"includes": {"value": "C", "answer": "paris"}},
    "metadata": {},
}
PROMPTFOO = {
    "cost": 0,
    "gradingResult": {"pass": True, "reason": "All assertions passed"},
    "prompt": {"raw": ASKED, "label": "Capital of {{country}}?", "config": {}},
    "provider": {"id": "mine", "label": ""},
    "response": {"output": SAID, "tokenUsage": {"total": 3, "prompt": 2, "completion": 1}},
    "success": True,
    "vars": {"country": "France"},
}
USER = Message("user", ASKED)
SYSTEM = Message("system", "Be kind.")


def read(path: Path, written: Any) -> list[RowContent]:
    path.write_text(written if isinstance(written, str) else json.dumps(written), "utf-8")
    source = open_source(path)
    columns = Columns.find(source.columns)
    return [read_content(row, columns) for _, row in source.rows()]


@pytest.mark.parametrize(
    ("written", "row"),
    [
        (
            {"test_results": [DEEPEVAL], "confident_link": None},
            RowContent((USER,), SAID, (PASSAGE,)),
        ),
        (
            {"testRunData": {"testCases": [DEEPEVAL_RUN], "metricsScores": [], "testPassed": 1}},
            RowContent((USER,), SAID, (PASSAGE,)),
        ),
        ([DEEPEVAL], RowContent((USER,), SAID, (PASSAGE,))),
        ([RAGAS], RowContent((USER,), SAID, (PASSAGE,))),
        ([RAGAS_TURNS], RowContent((USER,), SAID, (), from_chat=True)),
        ([UQLM], RowContent((USER,), SAID, ())),
        (
            {"version": 2, "eval": {"task": "x"}, "samples": [INSPECT], "reductions": []},
            RowContent((SYSTEM, USER), SAID, ()),
        ),
        (
            {
                "evalId": "eval-1",
                "results": {"version": 3, "prompts": [{"raw": "x"}], "results": [PROMPTFOO]},
                "config": {"tests": [{"vars": {"country": "France"}}]},
                "vars": [],
            },
            RowContent((USER,), SAID, ()),
        ),
        (
            json.dumps(PROMPTFOO) + "\n" + json.dumps(PROMPTFOO) + "\n",
            RowContent((USER,), SAID, ()),
        ),
    ],
    ids=[
        "deepeval result",
        "deepeval latest run",
        "deepeval test cases",
        "ragas",
        "ragas turns",
        "uqlm",
        "Inspect",
        "promptfoo",
        "promptfoo lines",
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_what_they_write_is_read_whole(
    tmp_path: Path, written: Any, row: RowContent, indent: int | None
) -> None:
    text = written if isinstance(written, str) else json.dumps(written, indent=indent)
    found = read(tmp_path / "results.json", text)
    assert found == [row] * len(found)
    assert found


def test_a_chat_of_promptfoo_is_read_by_its_turns(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": ASKED}]
    prompt = {"raw": json.dumps(chat), "label": "chat.json"}
    (row,) = read(tmp_path / "results.json", [{**PROMPTFOO, "prompt": prompt}])
    assert row.messages == (SYSTEM, USER)


def test_where_the_rows_are_is_told_with_all_keys(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    read(path, {"evalId": "x", "results": {"results": [PROMPTFOO]}})
    assert open_source(path).remarks == (
        f"the rows of {path} are read from 'results.results' in it",
    )


@pytest.mark.parametrize(
    "written",
    [
        {"data": {"responses": [SAID], "sampled_responses": [["Rome"]]}, "metadata": {"n": 1}},
        {"prompts": [ASKED], "responses": [SAID], "exact_match": [0.0]},
    ],
    ids=["to_dict", "data"],
)
def test_columns_of_uqlm_are_refused_with_what_to_do(tmp_path: Path, written: Any) -> None:
    with pytest.raises(DataError, match=r"holds columns instead of rows; .* orient='records'"):
        read(tmp_path / "results.json", written)


def test_rows_too_deep_in_objects_are_not_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'prompt'"):
        read(tmp_path / "results.json", json.dumps({"data": {"data": {"data": {"data": [1]}}}}))
    text = '{"data": ' * 2000 + json.dumps([PROMPTFOO]) + "}" * 2000
    with pytest.raises(DataError):
        read(tmp_path / "results.json", text)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("results.yaml", "evalId: eval-1\nresults:\n  version: 3\n", "is YAML; write JSON"),
        ("results.xml", "<promptfoo>\n<results>\n</results>\n</promptfoo>\n", "is XML; write JSON"),
    ],
)
def test_other_kinds_of_files_are_refused_with_what_to_do(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    with pytest.raises(DataError, match=told):
        read(tmp_path / name, text)


def test_a_packed_log_of_inspect_is_refused_with_the_command_that_unpacks_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as log:
        log.writestr("header.json", "{}")
    with pytest.raises(DataError, match="inspect log convert FILE --to json --output-dir DIR"):
        open_source(path)
