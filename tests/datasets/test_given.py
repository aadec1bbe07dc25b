"""What stands in other columns than the prompt's and was given to the model is part of a row."""

from typing import Any

import pytest

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.rows import read_content
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Media, Message

ASKED, SYSTEM = Message("user", "why?"), Message("system", "You are brief.")
TOOLS = Message("system", 'Tools: [{"name": "find"}]')
EARLIER = (Message("user", "Hi"), Message("assistant", "Hello"))
CHAT = [{"role": "user", "content": "why?"}]
PICTURE = Media("image", None, "https://a.b/c.png")


def asked_of(row: dict[str, Any], **chosen: Any) -> tuple[Message, ...]:
    return read_content(row, Columns.find(list(row), **chosen)).messages


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ({"System Prompt": "You are brief.", "question": "why?"}, (SYSTEM, ASKED)),
        ({"system": "You are brief.", "conversations": CHAT}, (SYSTEM, ASKED)),
        ({"messages": CHAT, "tools": [{"name": "find"}]}, (TOOLS, ASKED)),
        ({"messages": CHAT, "tools": '[{"name": "find"}]'}, (TOOLS, ASKED)),
        ({"prompt": "why?", "history": [["Hi", "Hello"]]}, (*EARLIER, ASKED)),
        ({"prompt": "why?", "chat_history": '[["Hi", "Hello"]]'}, (*EARLIER, ASKED)),
        ({"query": "why?", "chat_history": [
            {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
         (*EARLIER, ASKED)),
        ({"prompt": "why?", "image": PICTURE.url}, (Message("user", "why?", (PICTURE,)),)),
        ({"prompt": "why?", "images": [PICTURE.url]}, (Message("user", "why?", (PICTURE,)),)),
        ({"prompt": "why?", "system": "You are brief.", "tools": [{"name": "find"}],
          "history": [["Hi", "Hello"]]},
         (SYSTEM, TOOLS, *EARLIER, ASKED)),
    ],
)  # fmt: skip
def test_what_was_given_in_other_columns_is_read(
    row: dict[str, Any], messages: tuple[Message, ...]
) -> None:
    assert asked_of(row) == messages


def test_the_input_of_an_instruction_goes_with_it() -> None:
    row = {"instruction": "Translate.", "input": "oui", "output": "yes"}
    assert asked_of(row, prompt="instruction") == (Message("user", "Translate.\n\noui"),)
    assert asked_of({**row, "input": ""}, prompt="instruction") == (Message("user", "Translate."),)


LISTED = "why?\n\nA. rain\nB. snow"


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        ({"choices": ["rain", "snow"]}, LISTED),
        ({"Options": "['rain', 'snow']"}, LISTED),
        ({"choices": '{"text": ["rain", "snow"], "label": ["A", "B"]}'}, LISTED),
        ({"choices": {"text": ["rain", "snow"], "label": [1, 2]}}, "why?\n\n1. rain\n2. snow"),
        ({"options": {"A": "rain", "B": "snow"}}, LISTED),
        ({"options": [{"key": "A", "value": "rain"}, {"key": "B", "value": "snow"}]}, LISTED),
        ({"options": [{"text": "rain"}, {"text": "snow"}]}, LISTED),
        ({"options": "a ) rain , b ) snow"}, "why?\n\na ) rain , b ) snow"),
        ({"option_a": "rain", "option_b": "snow"}, LISTED),
        ({"opa": "rain", "opb": "snow", "opc": ""}, LISTED),
        ({"choice1": "rain", "choice2": "snow"}, "why?\n\n1. rain\n2. snow"),
        ({"A": "rain", "B": "snow", "C": 3, "D": None}, f"{LISTED}\nC. 3"),
        ({"A": "rain", "B": "", "C": "sun"}, "why?\n\nA. rain\nC. sun"),
        ({"history": [["Hi", "Hello"]], "choices": ["rain", "snow"]}, LISTED),
    ],
)
def test_the_options_of_a_question_stand_under_it(more: dict[str, Any], asked: str) -> None:
    assert asked_of({"question": "why?", **more})[-1].content == asked


@pytest.mark.parametrize(
    "more",
    [
        {"choices": [{"message": {"content": "rain"}}]},
        {"options": {"temperature": 0.2, "seed": 1}},
        {"choices": ["rain"]},
        {"A": "rain", "B": "snow"},
        {"choices": []},
        {"choices": [["rain"], ["snow"]]},
        {"options": "rain"},
    ],
)
def test_what_is_no_list_of_options_is_left_alone(more: dict[str, Any]) -> None:
    assert asked_of({"question": "why?", **more}) == (ASKED,)


def test_options_that_the_question_names_are_not_told_twice() -> None:
    asked = "Is it a) rain or b) snow?"
    for named in (["rain", "snow"], "a) rain or b) snow"):
        assert asked_of({"question": asked, "choices": named}) == (Message("user", asked),)


@pytest.mark.parametrize(
    "more",
    [
        {"system": "gpt-4o"},
        {"system": None, "tools": [], "image": "", "history": "[]"},
        {"tools": "calculator"},
        {"input": "oui"},
    ],
)
def test_what_only_has_such_a_name_changes_nothing(more: dict[str, Any]) -> None:
    assert asked_of({"prompt": "why?", **more}) == (ASKED,)


def test_what_the_chat_has_already_is_not_read_twice() -> None:
    chat = [{"role": "system", "content": "You are brief."}, *CHAT]
    assert asked_of({"messages": chat, "system": "You are brief."}) == (SYSTEM, ASKED)
    whole = [*CHAT, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert len(asked_of({"messages": whole, "history": [["why?", "b"]]})) == 3


def test_earlier_turns_that_cannot_be_read_make_the_row_an_error() -> None:
    with pytest.raises(DataError, match="message 1 of column 'history' has no role"):
        asked_of({"prompt": "why?", "history": [{"words": "Hi"}]})


def test_people_are_told_of_the_columns() -> None:
    told = Columns.find(["prompt", "system_prompt", "tools", "images", "history"]).told
    assert told is not None
    for column in (
        "instructions from 'system_prompt'",
        "pictures from 'images'",
        "earlier turns from 'history'",
    ):
        assert column in told
