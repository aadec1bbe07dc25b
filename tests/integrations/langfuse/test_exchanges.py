"""The exchange is the whole of what the model was given, or there is none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.integrations.langfuse.exchanges import (
    Observation,
    Trace,
    UnreadableTraceError,
    read_exchange,
)

START = datetime(2026, 11, 20, 10, tzinfo=UTC)
SYSTEM, USER = Message("system", "be brief"), Message("user", "why?")
CHAT = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why?"}]


def step(number: int, kind: str = "GENERATION", **fields: Any) -> Observation:
    begun = START + timedelta(seconds=number)
    return Observation(f"o{number}", kind, begun, begun + timedelta(seconds=1), **fields)


def trace(*steps: Observation, **fields: Any) -> Trace:
    return Trace("t", START, steps=steps, **fields)


def test_the_generation_has_the_system_prompt_that_the_trace_lacks() -> None:
    found = read_exchange(
        trace(step(1, input=CHAT, output="because"), input="why?", output="because")
    )
    assert found == Exchange("because", (SYSTEM, USER))


def test_the_last_generation_that_gave_the_traces_output_answers() -> None:
    found = read_exchange(
        trace(
            step(1, input="draft it", output="because"),
            step(2, input=CHAT, output="because"),
            step(3, input="is it safe?", output="yes"),
            output="because",
        )
    )
    assert found.messages == (SYSTEM, USER)


@pytest.mark.parametrize(
    "output",
    [
        {"answer": "because", "sources": ["a"]},
        "  because\n",
        "Here you are: because",
        {"role": "assistant", "content": "because"},
        {"result": {"text": "It is because of this"}},
    ],
)
def test_an_output_that_wraps_the_answer_is_recognised(output: Any) -> None:
    steps = (step(1, input=CHAT, output="because"), step(2, input="safe?", output="no danger"))
    assert read_exchange(trace(*steps, output=output)).response == "because"


def test_an_answer_unpacked_from_structured_output_is_recognised() -> None:
    steps = (step(1, input=CHAT, output='{"answer": "42"}'), step(2, input="safe?", output="no"))
    assert read_exchange(trace(*steps, output="42")).response == '{"answer": "42"}'


def test_a_verdict_that_stands_in_the_answer_is_not_taken_for_it() -> None:
    answer = "No, the Earth is not flat."
    steps = (step(1, input=CHAT, output=answer), step(2, input="safe? yes or no", output="No"))
    for output in (f"{answer} (source: a)", {"answer": answer, "verdict": "No"}):
        assert read_exchange(trace(*steps, output=output)).response == answer


@pytest.mark.parametrize("output", ["No, the Earth is not flat.", "None of them."])
def test_a_verdict_alone_is_no_answer(output: str) -> None:
    steps = (step(1, input="safe? yes or no", output="No"),)
    with pytest.raises(UnreadableTraceError, match="gave a different output from the trace"):
        read_exchange(trace(*steps, output=output))


def test_without_an_output_of_the_trace_the_last_generation_answers() -> None:
    steps = (step(1, input="draft", output="draft"), step(2, input=CHAT, output="because"))
    assert read_exchange(trace(*steps)).response == "because"


@pytest.mark.parametrize("count", [1, 2])
def test_generations_that_gave_something_else_are_not_guessed_from(count: int) -> None:
    steps = [step(number, input=CHAT, output=f"other {number}") for number in range(count)]
    with pytest.raises(UnreadableTraceError, match=r"what answered|which one answered"):
        read_exchange(trace(*steps, output="because"))


def test_without_a_generation_the_trace_itself_is_the_exchange() -> None:
    call = {"args": ["why?"], "kwargs": {}}
    found = read_exchange(
        trace(input=call, output="because", metadata={"system_prompt": "be brief"})
    )
    assert found == Exchange("because", (SYSTEM, USER))


def test_a_system_prompt_in_the_metadata_does_not_replace_the_one_that_was_given() -> None:
    metadata = {"system_prompt": "another"}
    given_one = trace(step(1, input=CHAT, output="because"), metadata=metadata)
    given_none = trace(step(1, input=CHAT[1:], output="because", metadata=metadata))
    assert read_exchange(given_one).messages == (SYSTEM, USER)
    assert read_exchange(given_none).messages == (Message("system", "another"), USER)


def test_a_system_prompt_that_is_not_text_is_refused() -> None:
    unreadable = trace(input="why?", output="because", metadata={"system_prompt": {"id": 3}})
    with pytest.raises(UnreadableTraceError, match="system_prompt is not text"):
        read_exchange(unreadable)


def test_retrieved_passages_are_the_context() -> None:
    found = read_exchange(
        trace(
            step(1, "RETRIEVER", output=[{"page_content": "one"}, {"page_content": "two"}]),
            step(2, input=CHAT, output="because"),
            step(3, "RETRIEVER", output=["after the answer"]),
            metadata={"passages": '["two", "three"]'},
        ),
        context_keys=["passages", "absent"],
    )
    assert found.context == ("one", "two", "three")


def test_passages_that_the_prompt_holds_already_do_not_come_twice() -> None:
    prompt = [{"role": "user", "content": "Given:\n  one  passage\nwhy?"}]
    found = read_exchange(
        trace(step(1, "RETRIEVER", output=["one passage"]), step(2, input=prompt, output="because"))
    )
    assert found.context == ()


def test_a_retriever_that_cannot_be_read_is_missed_only_where_its_text_may_be_needed() -> None:
    retriever = step(1, "RETRIEVER", output={"ids": [1]})
    with_messages = trace(retriever, step(2, input=CHAT, output="because"))
    without = trace(retriever, input="why?", output="because")
    assert read_exchange(with_messages).context == ()
    with pytest.raises(
        UnreadableTraceError,
        match="retriever o1: it is unclear which key",
    ):
        read_exchange(without)


def test_context_that_was_asked_for_and_cannot_be_read_is_refused() -> None:
    unreadable = trace(input="why?", output="because", metadata={"docs": 5})
    with pytest.raises(UnreadableTraceError, match="the metadata's docs: a passage holds a number"):
        read_exchange(unreadable, context_keys=["docs"])


@pytest.mark.parametrize(
    ("unreadable", "reason"),
    [
        (trace(step(1, output="because"), input="why?"), "generation o1: the input is empty"),
        (trace(step(1, input=CHAT)), "generation o1: the output is empty"),
        (trace(output="because"), "the trace: the input is empty"),
        (trace(input="why?"), "the trace: the output is empty"),
    ],
)
def test_half_an_exchange_is_refused_with_the_reason(unreadable: Trace, reason: str) -> None:
    with pytest.raises(UnreadableTraceError, match=reason):
        read_exchange(unreadable)


def test_a_megabyte_of_input_is_read_or_refused_whole() -> None:
    long = trace(step(1, input="x" * 1_000_000, output="because"))
    with pytest.raises(UnreadableTraceError, match=r"1,000,007 characters, more than the 400,000"):
        read_exchange(long)
    assert len(read_exchange(long, max_characters=2_000_000).prompt) == 1_000_000


@given(st.integers(min_value=1, max_value=5), st.data())
@settings(max_examples=60)
def test_the_order_in_which_steps_come_does_not_matter(count: int, data: st.DataObject) -> None:
    steps = [step(n, input=f"question {n}", output=f"answer {n % 3}") for n in range(count)]
    output = data.draw(st.sampled_from([generation.output for generation in steps]))
    shuffled = data.draw(st.permutations(steps))
    found = read_exchange(trace(*shuffled, output=output))
    last = max(n for n in range(count) if f"answer {n % 3}" == output)
    assert found == Exchange(output, (Message("user", f"question {last}"),))
