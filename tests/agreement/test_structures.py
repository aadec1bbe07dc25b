import json

import pytest

from nemoguardrails_trust.agreement import SAME, agreement
from nemoguardrails_trust.agreement.structures import fields, list_items, same_value, structure


@pytest.mark.parametrize(
    "text",
    ["", "42", '"text"', "Paris", "{broken", '{"a": }', "[" * 5000 + "]" * 5000,
     '{"a": ' + "1" * 5000 + "}"],
)  # fmt: skip
def test_only_readable_objects_and_arrays_are_structures(text: str) -> None:
    assert structure(text) is None


def test_a_number_is_no_truth_value_and_a_near_float_is_equal() -> None:
    assert same_value({"a": 1}, {"a": 1.0})
    assert same_value(0.1 + 0.2, 0.3)
    assert not same_value(True, 1)
    assert not same_value("1", 1)
    assert not same_value(10**30, 10**30 + 1)
    assert not same_value([1, 2], [2, 1])
    assert same_value("two  words", "two words")


def test_arguments_that_are_no_json_are_compared_as_they_are() -> None:
    call = structure('{"name": "f", "arguments": "x=1"}')
    assert call == {"name": "f", "arguments": "x=1"}


def test_the_only_tool_call_of_a_message_gives_the_fields() -> None:
    message = structure(
        '{"tool_calls": [{"function": {"name": "f", "arguments": "{\\"x\\": 1}"}}]}'
    )
    assert fields(message) == {"name": "f", "arguments.x": 1}
    assert fields([]) is None
    assert fields({}) is None


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("red, green and blue", ["red", "green", "blue"]),
        ("- a\n- b", ["a", "b"]),
        ("Here they are:\n1. a\n2) b", ["a", "b"]),
        ("Paris", None),
        ("one line\nanother line", None),
        ("A long sentence with a comma in it, and more words than an item of a list has.", None),
    ],
)
def test_lists_are_told_from_prose(text: str, items: list[str] | None) -> None:
    assert list_items(text) == items


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("flour, sugar and eggs", "flour, sugar, eggs and butter", False),
        ("- flour\n- sugar", "- flour\n- sugar\n- eggs", False),
        ("Spain", "Spain and France", False),
        ("Paris, France", "Paris, Ile-de-France, France", True),
        ("flour, sugar and eggs", "- eggs\n- flour\n- sugar", True),
    ],
)
def test_a_list_that_leaves_something_out_is_another(first: str, second: str, same: bool) -> None:
    prompt = "Which things are needed?"
    assert (agreement(first, second, prompt=prompt).value >= SAME) is same


def test_what_is_only_thought_in_a_field_is_not_compared() -> None:
    answers = [
        json.dumps({"reasoning": thought, "answer": answer})
        for thought, answer in (
            ("It has 37.", "Lyon"),
            ("So I read.", "Lyon"),
            ("So I read.", "Nice"),
        )
    ]
    assert agreement(answers[0], answers[1]).value == 1.0
    assert agreement(answers[1], answers[2]).value < 0.5
    assert agreement('{"reasoning": "a"}', '{"reasoning": "b"}').value < 0.5
