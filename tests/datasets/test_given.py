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
