"""Thinking in any form is no answer, and special tokens are no part of one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust import DataError
from nemoguardrails_trust.exchange import read_response
from nemoguardrails_trust.exchange.thinking import MOST_CHARACTERS, answer_in, why_no_answer

FINAL = "<|start|>assistant<|channel|>final<|message|>"


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("<think>a</think>42", "42"),
        (" <Thinking>a\nb</Thinking>\n\n42", "\n\n42"),
        ("<think>a</think><think>b</think>42", "42"),
        ("<think></think>42", "42"),
        ("<reasoning>Lyon?</reasoning>Paris", "Paris"),
        ("<thought depth='2'>Lyon?</thought>Paris", "Paris"),
        ("[THINK]Lyon?[/THINK]Paris", "Paris"),
        ("◁think▷Lyon?◁/think▷Paris", "Paris"),
        ("<|START_THINKING|>Lyon?<|END_THINKING|>Paris", "Paris"),
        ("<|channel>thought\nLyon?<channel|>Paris", "Paris"),
        ("a</think>42", "42"),
        ("Lyon? No.\n</think>\n\nParis", "\n\nParis"),
        ("Lyon?[/THINK]Paris", "Paris"),
        ("Lyon </think> Paris", " Paris"),
        (f"<|channel|>analysis<|message|>Lyon?<|end|>{FINAL}Paris<|return|>", "Paris"),
        (f"analysis<|message|>Lyon?<|end|>{FINAL}Paris", "Paris"),
        (
            f"<|channel|>commentary to=f <|constrain|>json<|message|>{{}}<|call|>{FINAL}Paris",
            "Paris",
        ),
        ("<|channel|>final<|message|>Paris<|return|>", "Paris"),
        ("analysisThe user asks for the capital. Lyon?assistantfinalParis", "Paris"),
        ("assistantfinalParis", "Paris"),
        ("<|im_start|>assistant\nParis<|im_end|>", "Paris"),
        ("Paris<|im_end|>", "Paris"),
        ("Paris</s></s>\n", "Paris"),
        ("Paris<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd Italy?", "Paris"),
        ("Paris<end_of_turn>\n<start_of_turn>user\nAnd Italy?", "Paris"),
        ("<think>Lyon?</think>Paris<|im_end|>", "Paris"),
        ("Paris\n<|user|>\nAnd Italy?", "Paris\n"),
        ("Paris[|endofturn|]", "Paris"),
        ("Paris<SPECIAL_12>", "Paris"),
        ("Paris<reserved_106>", "Paris"),
        ("Paris<seed:eos>", "Paris"),
        ("Paris <EOT>", "Paris "),
        ("Paris <sep>", "Paris "),
        ("Paris [SEP]", "Paris "),
    ],
)
def test_only_the_answer_is_left(written: str, answer: str) -> None:
    assert answer_in(written) == answer
    assert read_response(written) == answer


@pytest.mark.parametrize(
    "written",
    [
        "<think>never ends",
        "<think>a</think><think>b",
        "<think>a</think>\n",
        "Lyon?</think>",
        "<|channel|>analysis<|message|>Lyon?",
        "analysisThe user asks for the capital. Lyon?",
        "<|im_end|>",
    ],
)
def test_thinking_alone_is_no_answer(written: str) -> None:
    assert answer_in(written) is None
    with pytest.raises(DataError, match="thinking without an answer"):
        read_response(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        " \n",
        "  42\n",
        "Write <think>x</think> first.",
        "<thinker>42",
        "Close it with </think>.",
        "Close it with </think> and go on.",
        "The tag `</think>` ends it.",
        "analysis of variance is a method",
        "Analysis: Paris",
        "It ends with <|im_end|>, as always.",
        "Use <|channel|>final<|message|> for the answer.",
        "final",
    ],
)
def test_what_belongs_to_the_answer_stays(written: str) -> None:
    assert answer_in(written) is written


@settings(max_examples=300)
@given(
    thought=st.text(st.characters(exclude_characters="<>[]◁▷|`"), max_size=30),
    answer=st.text(st.characters(exclude_characters="<>[]◁▷|`"), min_size=1, max_size=30),
)
def test_thinking_before_any_answer_is_left_out(thought: str, answer: str) -> None:
    expected = answer if answer.strip() else None
    for opening, closing in (("<think>", "</think>"), ("[THINK]", "[/THINK]")):
        assert answer_in(f"{opening}{thought}{closing}{answer}") == expected
    assert answer_in(f"<think>{thought}</think>Paris<|im_end|>") == "Paris"


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_an_answer_is_a_part_of_what_was_written(written: str) -> None:
    answer = answer_in(written)
    assert answer is None or answer in written


@pytest.mark.parametrize(
    "text",
    [
        "<think>" + "a" * MOST_CHARACTERS + "</think>Paris",
        "<think></think>" * 20_000 + "Paris",
        "x <think>\n" * 10_000,
        "</s>" * 50_000,
    ],
    ids=["thinking", "empty thinking", "openings", "tokens"],
)
def test_a_text_that_would_take_long_is_not_read_and_not_taken_for_an_answer(text: str) -> None:
    assert answer_in(text) is None
    assert "is too long: it has" in why_no_answer(text)
    with pytest.raises(DataError, match="the response is too long: it has"):
        read_response(text, what="the response")


@pytest.mark.parametrize(
    "text",
    ["a [b] " * MOST_CHARACTERS, "[" * 100_000],
    ids=["prose", "brackets"],
)
def test_a_text_in_which_nothing_can_be_thinking_is_an_answer_of_any_length(text: str) -> None:
    assert answer_in(text) is text


@pytest.mark.parametrize(
    "text",
    ["a b " * 500_000, "a b <i> " + "a b " * 90_000, "<td>1</td>" * 3_000, "[1, 2], " * 3_000],
    ids=["prose", "prose with a tag", "HTML", "lists"],
)
def test_a_long_answer_is_read(text: str) -> None:
    assert answer_in(text) is text
