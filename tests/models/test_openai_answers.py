"""What the many servers of the protocol answer is read as what it means, and never as more."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import CredentialsError
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.abilities import Abilities, abilities_by_name, lesson_of
from nemoguardrails_trust.models.chat_answers import (
    read_choices,
    read_logprobs,
    token_count,
)
from nemoguardrails_trust.models.refusals import RefusedRequestError, failure_of_status


def text_of(message: dict[str, Any]) -> str | None:
    [choice] = read_choices({"choices": [{"message": message}]})
    return None if choice.completion is None else choice.completion.text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "42"}, "42"),
        ({"content": "  42\n"}, "  42\n"),
        ({"content": ""}, None),
        ({"content": " \n"}, None),
        ({"content": None}, None),
        ({}, None),
        ({"content": 42}, None),
        ({"content": {"text": "42"}}, None),
        ({"content": [{"type": "text", "text": "4"}, {"type": "text", "text": "2"}]}, "42"),
        ({"content": ["4", {"text": "2"}, 7, None]}, "42"),
        ({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "42"}]}, "42"),
        ({"content": None, "refusal": "I cannot say."}, "I cannot say."),
        ({"content": "42", "refusal": None, "reasoning_content": "Hm, 43?"}, "42"),
        ({"content": "", "reasoning": "It is 42"}, None),
    ],
)
def test_the_text_of_a_message(message: dict[str, Any], text: str | None) -> None:
    assert text_of(message) == text


def test_a_choice_of_a_plain_completion_is_read_too() -> None:
    [choice] = read_choices({"choices": [{"text": "42", "finish_reason": "stop"}]})
    assert choice.completion is not None
    assert (choice.completion.text, choice.completion.finish_reason) == ("42", "stop")


def test_tool_calls_that_say_the_same_are_the_same_text() -> None:
    def calling(call_id: str, arguments: Any) -> dict[str, Any]:
        function = {"name": "weather", "arguments": arguments}
        return {"content": None, "tool_calls": [{"id": call_id, "function": function}]}

    text = text_of(calling("1", '{"city": "Ulm", "days": 2}'))
    assert text == text_of(calling("2", '{"days":2,"city":"Ulm"}'))
    assert text == text_of(calling("3", {"days": 2, "city": "Ulm"}))
    assert text is not None
    assert json.loads(text) == {
        "tool_calls": [{"name": "weather", "arguments": {"city": "Ulm", "days": 2}}]
    }


def test_a_tool_call_that_is_cut_off_stays_as_it_is() -> None:
    message = {"content": "Let me see.", "function_call": {"name": "f", "arguments": '{"a": '}}
    text = text_of(message)
    assert text is not None
    assert json.loads(text) == {
        "content": "Let me see.",
        "tool_calls": [{"name": "f", "arguments": '{"a": '}],
    }


@pytest.mark.parametrize("depth", [150, 700, 980, 990, 995, 100_000])
def test_arguments_that_are_nested_without_end_stay_text(depth: int) -> None:
    written = "[" * depth + "]" * depth
    text = text_of({"content": None, "function_call": {"name": "f", "arguments": written}})
    assert text is not None
    assert json.loads(text)["tool_calls"][0]["arguments"] == written


def test_arguments_that_cannot_be_written_are_no_answer() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert text_of({"content": "", "function_call": {"name": "f", "arguments": nested}}) is None


def test_of_choices_nobody_asked_for_none_is_read() -> None:
    body = {"choices": [{"message": {"content": str(number)}} for number in range(5)]}
    read = read_choices(body, most=2)
    assert [choice.completion and choice.completion.text for choice in read] == ["0", "1"]


def entry(token: Any, logprob: Any, **top: Any) -> dict[str, Any]:
    listed = [{"token": name, "logprob": value} for name, value in top.items()]
    return {"token": token, "logprob": logprob, "top_logprobs": listed}


def test_probabilities_in_the_forms_of_chat_and_of_plain_completions_are_the_same() -> None:
    chat = {"content": [entry("Yes", -0.5, Yes=-0.5, No=-1.0), entry(".", 0)]}
    plain = {
        "tokens": ["Yes", "."],
        "token_logprobs": [-0.5, 0],
        "top_logprobs": [{"Yes": -0.5, "No": -1.0}, None],
    }
    expected = (
        TokenLogprob("Yes", -0.5, (("Yes", -0.5), ("No", -1.0))),
        TokenLogprob(".", 0.0),
    )
    assert read_logprobs(chat) == read_logprobs(plain) == expected


@pytest.mark.parametrize(
    ("logprob", "read"),
    [
        (-1, -1.0),
        (0.0, 0.0),
        (1e-7, 0.0),
        (-9999.0, -9999.0),
        (-math.inf, -9999.0),
        (-1e300, -9999.0),
        (math.nan, None),
        (math.inf, None),
        (0.7, None),
        (True, None),
        ("-1", None),
        (None, None),
    ],
)
def test_what_is_no_log_probability_spoils_the_whole(logprob: Any, read: float | None) -> None:
    tokens = read_logprobs({"content": [entry("a", -0.1), entry("b", logprob)]})
    assert tokens == (None if read is None else (TokenLogprob("a", -0.1), TokenLogprob("b", read)))


def test_alternatives_that_are_none_are_left_out() -> None:
    tokens = read_logprobs({"content": [entry("a", -0.1, a=-0.1, b=math.nan, c=None, d=-2)]})
    assert tokens == (TokenLogprob("a", -0.1, (("a", -0.1), ("d", -2.0))),)


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        [],
        {},
        {"content": None},
        {"content": []},
        {"content": [None]},
        {"content": [{"logprob": -1}]},
        {"tokens": ["a", "b"], "token_logprobs": [-1]},
        {"tokens": ["a"], "token_logprobs": [None]},
    ],
)
def test_probabilities_that_are_absent_or_malformed_are_none(logprobs: Any) -> None:
    assert read_logprobs(logprobs) is None


def test_the_tokens_of_separate_thinking_are_left_out() -> None:
    parts = ["Hm", ".", "\n\n", "Yes"]
    choice = {
        "message": {"content": "Yes", "reasoning_content": "Hm."},
        "logprobs": {"content": [entry(part, -0.5) for part in parts]},
    }
    [read] = read_choices({"choices": [choice]})
    assert read.completion is not None
    assert read.completion.tokens == (TokenLogprob("Yes", -0.5),)


def test_tokens_that_cannot_be_told_from_thinking_are_none() -> None:
    choice = {
        "message": {"content": "Yes", "reasoning_content": "Hm."},
        "logprobs": {"content": [entry("Hm", -0.5), entry(".Yes", -0.5)]},
    }
    [read] = read_choices({"choices": [choice]})
    assert read.completion is not None
    assert read.completion.tokens is None


@pytest.mark.parametrize(
    ("value", "count"),
    [(3, 3), (3.0, 3), (0, 0), (-1, 0), (True, 0), ("3", 0), (None, 0), (math.nan, 0)],
)
def test_counts_of_tokens(value: Any, count: int) -> None:
    assert token_count(value) == count


KEYS = [
    *("choices", "message", "content", "text", "type", "tool_calls", "function", "name"),
    *("arguments", "logprobs", "token", "logprob", "top_logprobs", "tokens", "token_logprobs"),
    *("usage", "completion_tokens_details", "reasoning_tokens", "finish_reason", "refusal"),
]
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12)
JSON = st.recursive(
    LEAVES | st.sampled_from(["<think>", "</think>", "<think>a</think>b"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=25,
)


@settings(max_examples=200)
@given(choices=st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5)), body=JSON)
def test_reading_any_json_gives_proper_choices(choices: list[Any], body: Any) -> None:
    whole = {**(body if isinstance(body, dict) else {}), "choices": choices}
    read = read_choices(whole)
    assert len(read) == len(choices)
    for choice in read:
        completion = choice.completion
        if completion is not None:
            assert completion.text.strip()
            for token in completion.tokens or ():
                assert -9999.0 <= token.logprob <= 0.0
                assert all(-9999.0 <= value <= 0.0 for _, value in token.top)


@pytest.mark.parametrize(
    ("tokens", "text", "kept"),
    [
        (["Paris", "<|im_end|>"], "Paris", ["Paris"]),
        (["<think>", "Paris?", "</think>", "\n\n", "Pa", "ris"], "Paris", ["Pa", "ris"]),
        (["<think>", "</think>", "\n\nPa", "ris", "</s>"], "Paris", ["\n\nPa", "ris"]),
        (["</think>Pa", "ris"], "Paris", None),
        (["a", "</think>", *["b "] * 100_000], "b " * 100_000, ["b "] * 100_000),
    ],
    ids=["special token", "thinking", "both", "across", "long"],
)
def test_of_the_tokens_those_of_the_answer_are_kept(
    tokens: list[str], text: str, kept: list[str] | None
) -> None:
    content = [{"token": token, "logprob": -0.1} for token in tokens]
    message = {"content": "".join(tokens)}
    [choice] = read_choices({"choices": [{"message": message, "logprobs": {"content": content}}]})
    assert choice.completion is not None
    assert choice.completion.text == text.strip()
    found = choice.completion.tokens
    assert (None if found is None else [token.token for token in found]) == kept


def test_parts_that_are_marked_as_thoughts_are_no_answer() -> None:
    parts = [{"text": "Lyon?", "thought": True}, {"text": "Paris"}]
    assert text_of({"content": parts}) == "Paris"


SENT = {
    "n": 5,
    "temperature": 0.7,
    "max_tokens": 1,
    "logprobs": True,
    "top_logprobs": 20,
    "seed": 1,
}


def learnt(body: Any, status: int = 400, sent: dict[str, Any] | None = None) -> Abilities | None:
    error = failure_of_status("m at h", status, {}, body).error
    assert isinstance(error, RefusedRequestError)
    lesson = lesson_of(error, SENT if sent is None else sent)
    return None if lesson is None else lesson.change(Abilities())


@pytest.mark.parametrize(
    "message",
    [
        "'n' : number must be at most 1",
        "n must be 1 when using greedy sampling",
        "n > 1 is not supported",
        "Multiple candidates is not enabled for this model",
        "best_of must be 1",
    ],
)
def test_servers_words_about_n_are_understood(message: str) -> None:
    assert learnt({"error": {"message": message}}) == Abilities(most_choices=1)


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"error": {"message": "x", "param": "n"}}, 400, Abilities(most_choices=1)),
        ({"error": {"message": "x", "param": "logprobs"}}, 400, Abilities(logprobs=False)),
        (
            {"error": {"message": "You are not allowed to request logprobs from this model"}},
            403,
            Abilities(logprobs=False),
        ),
        ({"detail": "top_logprobs must be at most 5"}, 422, Abilities(most_alternatives=5)),
        (
            {"error": {"message": "Use 'max_completion_tokens'.", "param": "max_tokens"}},
            400,
            Abilities(limit_name="max_completion_tokens"),
        ),
        ({"error": "temperature: not here"}, 400, Abilities(left_out=frozenset({"temperature"}))),
        ({"error": {"message": "temperature", "param": "messages"}}, 400, None),
        ({"error": {"message": "max_tokens is too large"}}, 400, None),
        ({"error": {"message": "the context is too long"}}, 400, None),
        ({"error": {"message": "x", "param": "top_p"}}, 400, None),
        ({"error": {"message": "temperature"}}, 404, None),
        ("temperature", 400, None),
        ({}, 400, None),
    ],
)
def test_a_refusal_teaches_what_it_names(
    body: Any, status: int, expected: Abilities | None
) -> None:
    assert learnt(body, status) == expected


def test_a_refused_key_teaches_nothing() -> None:
    error = failure_of_status("m at h", 401, {}, {"error": {"message": "temperature"}}).error
    assert isinstance(error, CredentialsError)


def test_what_was_not_sent_is_not_to_blame() -> None:
    assert learnt({"error": {"message": "x", "param": "n"}}, sent={"temperature": 1}) is None


@pytest.mark.parametrize(
    "name",
    ["deepseek-r1", "deepseek-reasoner", "qwq-32b", "Qwen3-8B-Thinking", "gpt-oss-20b", "o1-pro"],
)
def test_models_that_think_are_known_by_name(name: str) -> None:
    assert abilities_by_name(name).thinks


@pytest.mark.parametrize("name", ["gpt-4o-mini", "llama3", "mistral-large", "gpt-5-chat-latest"])
def test_models_that_do_not_think_are_not_taken_for_it(name: str) -> None:
    assert abilities_by_name(name) == Abilities()
