"""Columns are found by the names that people give them, and never guessed among several."""

from typing import Any

import pandas as pd
import pytest

from nemoguardrails_trust.datasets import score_dataset
from nemoguardrails_trust.datasets.columns import Columns, find_column
from nemoguardrails_trust.errors import DataError
from tests.datasets.scorers import TestScorer, expected_score


@pytest.mark.parametrize(
    ("present", "columns"),
    [
        (["id", "prompt", "response", "context"], Columns()),
        (["Prompt", " Response ", "CONTEXT"], Columns("Prompt", " Response ", "CONTEXT")),
        (["question", "answer"], Columns("question", "answer", None)),
        (["input", "output"], Columns("input", "output", None)),
        (["query", "completion", "documents"], Columns("query", "completion", "documents")),
        (["User Input", "response", "Retrieved-Contexts"],
         Columns("User Input", "response", "Retrieved-Contexts")),
        (["messages"], Columns("messages", None, None)),
        (["prompt", "question", "response", "answer"], Columns("prompt", "response", None)),
        (["prompt", "Prompt", "response"], Columns("prompt", "response", None)),
    ],
)  # fmt: skip
def test_usual_names_are_taken_whatever_their_case_and_spaces(
    present: list[str], columns: Columns
) -> None:
    assert Columns.find(present) == columns


@pytest.mark.parametrize(
    ("present", "chosen", "told"),
    [
        (["text", "response"], {}, "no column 'prompt' .--prompt-column.; the columns are: text"),
        (["prompt"], {"response": "answer"}, "no column 'answer' .--response-column."),
        (["prompt", "answer", "output"], {}, "'answer' and 'output' may both be meant; say which"),
        (["prompt", "answer", "model_answer"], {}, "'answer' and 'model_answer' may both be meant"),
        (["Prompt", "prompt ", "response"], {}, "'Prompt' and 'prompt ' may both"),
        (["prompt", "response"], {"context": "docs"}, "no column 'docs' .--context-column."),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_option(
    present: list[str], chosen: dict[str, Any], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        Columns.find(present, **chosen)


@pytest.mark.parametrize(
    ("present", "prompt", "response"),
    [
        (["instruction", "input", "output"], "instruction", "output"),
        (["Human", "AI"], "Human", "AI"),
        (["user", "assistant"], "user", "assistant"),
        (["inputs", "outputs"], "inputs", "outputs"),
        (["request", "response"], "request", "response"),
        (["question", "answer", "user", "reply"], "question", "answer"),
        (["prompt", "llm_output", "user"], "prompt", "llm_output"),
    ],
)
def test_less_usual_names_are_taken_where_the_usual_ones_are_missing(
    present: list[str], prompt: str, response: str
) -> None:
    found = Columns.find(present)
    assert (found.prompt, found.response) == (prompt, response)


def test_the_input_of_an_instruction_is_given_with_it() -> None:
    assert ("input", "input") in Columns.find(["instruction", "input", "output"]).given


def test_a_chosen_name_need_not_have_its_case_and_spaces() -> None:
    assert find_column([" My Answer", "prompt"], "my_answer", (), "--x") == " My Answer"
    assert find_column(["a", "A"], "A", (), "--x") == "A"


def test_people_are_told_which_columns_are_read_under_other_names() -> None:
    assert Columns().told is None
    told = Columns("messages", "answer", "documents").told
    assert told == (
        "reading prompts from 'messages', responses from 'answer', context from 'documents'"
    )


def test_an_answer_in_another_column_is_scored_and_no_other_is_made() -> None:
    rows = [{"prompt": "What is the capital of France?", "answer": "Lyon"}]
    for data in (rows, pd.DataFrame(rows), iter(rows)):
        scored = score_dataset(data, scorer=TestScorer())
        assert list(pd.DataFrame(scored)["trustworthiness_score"]) == [expected_score("Lyon")]


CHAT = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "Paris"},
]


def test_the_last_turn_of_a_chat_is_the_answer() -> None:
    scorer = TestScorer()
    (scored,) = score_dataset([{"messages": CHAT}], scorer=scorer)
    assert scored["trustworthiness_score"] == expected_score("Paris")
    assert scored["response"] == "Paris"
    assert scorer.asked == ["What is the capital of France?"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"messages": CHAT[:2]}, "the row has no response; --generate"),
        ({"messages": CHAT[2:]}, "has an answer but no question"),
        (
            {"messages": [*CHAT, {"role": "user", "body": "Sure?"}]},
            "message 4 of column 'messages'",
        ),
    ],
)
def test_half_a_chat_is_not_scored(row: dict[str, Any], told: str) -> None:
    scorer = TestScorer()
    first, second = score_dataset([{"messages": CHAT}, row], scorer=scorer)
    assert first["error"] is None
    assert told in second["error"]
    assert len(scorer.asked) == 1


def test_a_response_that_ends_its_own_chat_is_not_given_away_to_the_scorer() -> None:
    scorer = TestScorer()
    score_dataset([{"prompt": CHAT, "response": "Paris"}], scorer=scorer)
    score_dataset([{"prompt": CHAT[1:2], "response": [CHAT[2]]}], scorer=scorer)
    assert scorer.asked == ["What is the capital of France?"] * 2


def test_chats_without_an_answer_are_refused_before_any_score() -> None:
    with pytest.raises(DataError, match=r"no column 'response'.*columns are: messages; --generate"):
        score_dataset([{"messages": CHAT[:2]}], scorer=TestScorer())
