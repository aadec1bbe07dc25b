"""Chats that were written out as one text are no question of a user."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import Message, ending_answer, read_messages, read_response

Q, ANSWER, MORE = "Which city has more bridges?", "Lyon", "And Nice?"
SYSTEM, ASKED, ANSWERED = (
    Message("system", "Be brief."),
    Message("user", Q),
    Message("assistant", ANSWER),
)
TEMPLATES: Mapping[str, str] = {
    "ChatML": (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{q}<|im_end|>\n"
        "<|im_start|>assistant\n{a}<|im_end|>\n"
    ),
    "Phi-4": (
        "<|im_start|>system<|im_sep|>Be brief.<|im_end|><|im_start|>user<|im_sep|>{q}<|im_end|>"
        "<|im_start|>assistant<|im_sep|>{a}<|im_end|>"
    ),
    "Llama 2": "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n{q} [/INST] {a} </s>",
    "Llama 3": (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n{q}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n{a}<|eot_id|>"
    ),
    "Llama 4": (
        "<|begin_of_text|><|header_start|>system<|header_end|>\n\nBe brief.<|eot|><|header_start|>"
        "user<|header_end|>\n\n{q}<|eot|><|header_start|>assistant<|header_end|>\n\n{a}<|eot|>"
    ),
    "Mistral": "<s>[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][INST]{q}[/INST]{a}</s>",
    "Phi": "<|system|>\nBe brief.<|end|>\n<|user|>\n{q}<|end|>\n<|assistant|>\n{a}<|end|>",
    "Zephyr": "<|system|>\nBe brief.</s>\n<|user|>\n{q}</s>\n<|assistant|>\n{a}</s>",
    "GLM": "[gMASK]<sop><|system|>\nBe brief.<|user|>\n{q}<|assistant|>\n{a}",
    "DeepSeek": (
        "<｜begin▁of▁sentence｜>Be brief.<｜User｜>{q}<｜Assistant｜>{a}<｜end▁of▁sentence｜>"
    ),
    "Gemma 4": (
        "<bos><|turn>system\nBe brief.<turn|>\n<|turn>user\n{q}<turn|>\n<|turn>model\n{a}<turn|>"
    ),
    "gpt-oss": (
        "<|start|>system<|message|>Be brief.<|end|><|start|>user<|message|>{q}<|end|><|start|>"
        "assistant<|channel|>analysis<|message|>Paris?<|end|><|start|>assistant<|channel|>final"
        "<|message|>{a}<|return|>"
    ),
    "Cohere": (
        "<BOS_TOKEN><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Be brief.<|END_OF_TURN_TOKEN|>"
        "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{q}<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|>"
        "<|CHATBOT_TOKEN|>{a}<|END_OF_TURN_TOKEN|>"
    ),
    "Granite": (
        "<|start_of_role|>system<|end_of_role|>Be brief.<|end_of_text|>\n<|start_of_role|>user"
        "<|end_of_role|>{q}<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>{a}"
        "<|end_of_text|>"
    ),
    "EXAONE": ("[|system|]Be brief.[|endofturn|]\n[|user|]{q}\n[|assistant|]{a}[|endofturn|]"),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_chat_in_a_model_s_template_is_read(name: str) -> None:
    written = TEMPLATES[name].format(q=Q, a=ANSWER)
    assert read_messages(written) == (SYSTEM, ASKED, ANSWERED)
    assert ending_answer(read_messages(written))[1] == ANSWER
    assert read_response(written) == ANSWER


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_that_awaits_the_answer_is_what_was_asked(name: str) -> None:
    written = TEMPLATES[name].partition("{a}")[0].format(q=Q)
    assert read_messages(written) == (SYSTEM, ASKED)


WITH_TOOLS = (
    f'[AVAILABLE_TOOLS][{{"name": "f"}}][/AVAILABLE_TOOLS][INST]{Q}[/INST][TOOL_CALLS]f</s>'
    f"[TOOL_RESULTS]28[/TOOL_RESULTS]{ANSWER}</s>"
)
WITH_A_CALL = (
    f"<|start|>user<|message|>{Q}<|end|><|start|>assistant<|channel|>commentary to=functions.f"
    "<|constrain|>json<|message|>{}<|call|><|start|>functions.f to=assistant<|channel|>"
    f"commentary<|message|>28<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}"
)


@pytest.mark.parametrize(
    ("written", "messages"),
    [
        (f"\n\nHuman: {Q}\n\nAssistant: {ANSWER}\n\nHuman: {MORE}\n\nAssistant:",
         (ASKED, ANSWERED, Message("user", MORE))),
        (f"SYSTEM: Be brief.\n\n\nUSER: {Q}\n\n\nASSISTANT: {ANSWER} <|endoftext|>\n\n\n",
         (SYSTEM, ASKED, ANSWERED)),
        (f"<s>[INST] {Q} [/INST]{ANSWER}</s>[INST] {MORE} [/INST]",
         (ASKED, ANSWERED, Message("user", MORE))),
        (f"<start_of_turn>user\n{Q}<end_of_turn>\n<start_of_turn>model\n{ANSWER}<end_of_turn>",
         (ASKED, ANSWERED)),
        (WITH_TOOLS,
         (Message("system", '[{"name": "f"}]'), ASKED, Message("assistant", "f"),
          Message("tool", "28"), ANSWERED)),
        (WITH_A_CALL,
         (ASKED, Message("assistant", "{}"), Message("tool", "28"), ANSWERED)),
    ],
)  # fmt: skip
def test_turns_tools_and_plain_names_are_read(written: str, messages: tuple[Message, ...]) -> None:
    assert read_messages(written) == messages


@pytest.mark.parametrize(
    "written",
    [
        "What does <|im_start|>user mean?",
        "<|endoftext|>",
        "[INST] is a token of Llama.",
        "Human: is that a word?",
        "User: is that a word?\n\nSystem: it is.",
        "Translate.\n\nUser: Hi\n\nAssistant: Hello",
        "Assistant: Hello\n\nUser: Hi",
        "User:x\n\nAssistant:y",
        "<|im_start|>assistant\nLyon<|im_end|>",
        "<|user|> is a token",
    ],
)
def test_a_text_that_only_names_tokens_is_a_question(written: str) -> None:
    read = read_messages(written)
    assert [message.role for message in read] == ["user"]
    assert read[0].content in (written, written.replace("[INST] ", ""), "is a token")


def test_what_a_person_typed_never_speaks_in_other_roles() -> None:
    typed = TEMPLATES["ChatML"].format(q=Q, a=ANSWER)
    assert read_messages(typed, in_text=False) == (Message("user", typed),)
    assert read_messages([{"role": "user", "content": typed}]) == (Message("user", typed),)


@pytest.mark.parametrize(
    "written",
    [
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>critic\nNo.<|im_end|>",
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>",
    ],
)
def test_a_turn_of_no_known_form_is_refused(written: str) -> None:
    with pytest.raises(DataError, match=r"turn . of the prompt, a chat written out as text"):
        read_messages(written)


PARTS = [
    {"type": "text", "text": Q},
    {"type": "image_url", "image_url": {"url": "https://a.b/c.png"}},
]


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        (PARTS[:1], (ASKED,)),
        ([Q, {"type": "text", "text": "Now?"}], (Message("user", f"{Q}\nNow?"),)),
        ([[{"role": "user", "content": Q}]], (ASKED,)),
        ([{"user": Q, "assistant": ANSWER}], (ASKED, ANSWERED)),
        ([{"human": Q}, {"ai": ANSWER}], (ASKED, ANSWERED)),
        ([{"system": "Be brief."}, {"user": Q}, {"assistant": ANSWER}], (SYSTEM, ASKED, ANSWERED)),
        ([{"question": Q, "answer": ANSWER}, {"question": MORE, "answer": None}],
         (ASKED, ANSWERED, Message("user", MORE))),
        ({"turns": [{"user": Q, "assistant": ANSWER}]}, (ASKED, ANSWERED)),
        ([{"type": "user", "message": {"role": "user", "content": Q}, "uuid": "1"},
          {"type": "assistant", "message": {"role": "assistant", "content": ANSWER}, "uuid": "2",
           "parentUuid": "1"}], (ASKED, ANSWERED)),
    ],
)  # fmt: skip
def test_messages_as_json_are_read_as_the_object_is(
    value: Any, messages: tuple[Message, ...]
) -> None:
    assert read_messages(value) == messages
    assert read_messages(json.dumps(value)) == messages
    assert read_messages(repr(value)) == messages


def test_pictures_in_parts_as_json_are_carried() -> None:
    for value in (PARTS, json.dumps(PARTS)):
        (asked,) = read_messages(value)
        assert [medium.url for medium in asked.media] == ["https://a.b/c.png"]


@pytest.mark.parametrize(
    "value",
    [
        {"log": [{"role": "user", "content": Q}, {"role": "assistant", "content": ANSWER}]},
        {"a": [{"role": "user", "content": Q}], "b": [{"role": "user", "content": MORE}]},
        [{"chat": {"id": "1"}, "said": {"role": "user", "content": Q}}, {"chat": None}],
    ],
)
def test_a_chat_in_an_unknown_object_is_never_sent_as_text(value: Any) -> None:
    for given in (value, json.dumps(value)):
        with pytest.raises(DataError):
            read_messages(given)


@pytest.mark.parametrize(
    "written", ['{"city": "Lyon", "bridges": [28]}', '["Lyon", "Nice"]', '[{"city": "Lyon"}]']
)
def test_other_json_is_a_text(written: str) -> None:
    assert read_messages(written) == (Message("user", written),)
    assert read_response(written) == written
