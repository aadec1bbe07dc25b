"""The replay model gives back exactly what was recorded, and says what was not."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import DataError, ModelError
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.base import Ask, LanguageModel, Purpose
from nemoguardrails_trust.models.replay import Likeness, Recorded, ReplayModel, read_recorded
from nemoguardrails_trust.scorers.local.comparing import comparison_messages

DATA = Path(__file__).parents[1] / "data"
QUESTION = "Which river flows through Cairo?"
SECRET = "hunter2-in-the-prompt"
RECORD = Recorded(QUESTION, "The Nile", samples=("Nile", "The Nile", "Congo"), reflection=0.83)


def conversation(text: str) -> tuple[Message, ...]:
    return (Message("system", "You answer."), Message("user", text))


async def texts(model: ReplayModel, text: str, purpose: Purpose, n: int = 1) -> list[str]:
    reply = await model.complete(Ask(conversation(text), purpose, n))
    return [completion.text for completion in reply.completions]


def test_it_is_a_language_model() -> None:
    assert isinstance(ReplayModel([RECORD]), LanguageModel)
    assert ReplayModel([RECORD]).name == "replay"


async def test_answers_with_the_recorded_response() -> None:
    assert await texts(ReplayModel([RECORD]), QUESTION, "answer") == ["The Nile"]


async def test_gives_the_first_samples_in_the_order_recorded() -> None:
    assert await texts(ReplayModel([RECORD]), QUESTION, "sample", 2) == ["Nile", "The Nile"]


async def test_gives_fewer_samples_where_fewer_are_recorded() -> None:
    assert await texts(ReplayModel([RECORD]), QUESTION, "sample", 9) == list(RECORD.samples)


async def test_a_further_request_goes_on_where_the_last_one_ended() -> None:
    model = ReplayModel([RECORD])
    drawn = [(await texts(model, QUESTION, "sample"))[0] for _ in range(4)]
    assert drawn == ["Nile", "The Nile", "Congo", "Nile"]


async def test_a_new_answer_starts_the_samples_over() -> None:
    model = ReplayModel([RECORD])
    await texts(model, QUESTION, "sample", 2)
    await texts(model, QUESTION, "answer")
    assert await texts(model, QUESTION, "sample") == ["Nile"]


async def test_without_rewind_no_sample_is_given_twice() -> None:
    model = ReplayModel([RECORD], rewind=False)
    assert await texts(model, QUESTION, "sample", 2) == ["Nile", "The Nile"]
    assert await texts(model, QUESTION, "sample", 2) == ["Congo"]
    with pytest.raises(ModelError, match="only 3 samples are recorded"):
        await texts(model, QUESTION, "sample", 2)


@pytest.mark.parametrize("question", ["?", "👍", "…"])
async def test_a_question_without_words_is_judged_as_well(question: str) -> None:
    model = ReplayModel([Recorded(question, "Yes", reflection=0.25)])
    prompt = f"Judge.\n<<<\n{question}\n>>>\n<<<\nYes\n>>>"
    reply = await model.complete(Ask((Message("user", prompt),), "reflection"))
    assert reply.completions[0].text == "0.25"


@pytest.mark.parametrize("probability", [0.0, 1e-300, 0.123456789, 0.5, 0.83, 1.0])
async def test_a_judgement_comes_as_probabilities_of_true_and_false(probability: float) -> None:
    model = ReplayModel([Recorded(QUESTION, "The Nile", reflection=probability)])
    prompt = f"Judge.\n<<<\n{QUESTION}\n>>>\n<<<\nThe Nile\n>>>"
    reply = await model.complete(Ask((Message("user", prompt),), "reflection", top_logprobs=5))
    (tokens,) = (completion.tokens for completion in reply.completions)
    assert tokens is not None
    top = dict(tokens[0].top)
    true, false = math.exp(top["True"]), math.exp(top["False"])
    assert true / (true + false) == pytest.approx(probability, abs=1e-12)
    assert tokens[0].logprob == max(top.values())


async def test_a_judgement_comes_as_a_number_where_no_probabilities_are_asked_for() -> None:
    model = ReplayModel([RECORD])
    text = f"Is it right? {QUESTION} The Nile."
    (number,) = await texts(model, text, "reflection")
    assert float(number) == 0.83


async def test_of_several_responses_to_one_prompt_the_judged_one_is_found() -> None:
    model = ReplayModel(
        [
            Recorded(QUESTION, "5", reflection=0.1),
            Recorded(QUESTION, "15", reflection=0.9),
            Recorded(QUESTION, "None of the two.", reflection=0.4),
        ]
    )
    judged = {"5": 0.1, "15": 0.9, "none of the two": 0.4}
    for response, probability in judged.items():
        (number,) = await texts(model, f"{QUESTION}\nAnswer: {response}", "reflection")
        assert float(number) == probability


async def test_a_judgement_of_another_response_is_not_passed_off_as_this_one_s() -> None:
    model = ReplayModel([RECORD])
    with pytest.raises(ModelError, match="no judgement is recorded"):
        await texts(model, f"The Nile is long. {QUESTION} The Congo.", "reflection")


def comparison(answers: tuple[str, ...], response: str = "The Nile") -> Ask:
    return Ask(comparison_messages(QUESTION, response, answers), "comparison")


async def test_a_comparison_says_what_was_said_of_each_sample() -> None:
    said: dict[str, Likeness | None] = {"Nile": "same", "Congo": "different", "A  river": None}
    model = ReplayModel([Recorded(QUESTION, "The Nile", judged_samples=said)])
    reply = await model.complete(comparison(("A river", "Congo", "Nile")))
    assert json.loads(reply.completions[0].text) == {"2": "different", "3": "same"}


async def test_a_comparison_of_other_samples_or_another_response_is_not_recorded() -> None:
    model = ReplayModel([Recorded(QUESTION, "The Nile", judged_samples={"Nile": "same"})])
    with pytest.raises(ModelError, match="no comparison of these samples is recorded"):
        await model.complete(comparison(("Nile", "Congo")))
    with pytest.raises(ModelError, match="no comparison of these samples is recorded"):
        await model.complete(comparison(("Nile",), response="The Volga"))


async def test_of_several_responses_to_one_prompt_the_compared_one_is_found() -> None:
    model = ReplayModel(
        [
            Recorded(QUESTION, "The White Nile", judged_samples={"Nile": "partly"}),
            Recorded(QUESTION, "The Nile", judged_samples={"Nile": "same"}),
        ]
    )
    for response, word in {"The Nile": "same", "The White Nile": "partly"}.items():
        reply = await model.complete(comparison(("Nile",), response=response))
        assert json.loads(reply.completions[0].text) == {"1": word}


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        f"  {QUESTION}\n",
        "Which river\nflows   through Cairo?",
        f"General instructions.\n\nUser: What is 1 + 1?\nBot: 2\nUser: {QUESTION}\nBot:",
    ],
)
async def test_finds_the_prompt_however_it_is_wrapped(text: str) -> None:
    model = ReplayModel([Recorded("What is 1 + 1?", "2"), RECORD])
    assert await texts(model, text, "answer") == ["The Nile"]


@pytest.mark.parametrize(
    "later", ["Assistant: The Nile\nUser: And through Rome?\nAssistant:", 'user "And Rome?"']
)
async def test_an_earlier_question_is_not_answered_again(later: str) -> None:
    with pytest.raises(ModelError, match="nothing is recorded"):
        await texts(ReplayModel([RECORD]), f"User: {QUESTION}\n{later}", "answer")


async def test_prefers_the_longer_of_two_prompts_that_end_together() -> None:
    model = ReplayModel([Recorded("in Cairo?", "short"), Recorded("What is in Cairo?", "long")])
    assert await texts(model, "User: What is in Cairo? Bot:", "answer") == ["long"]


async def test_finds_a_prompt_that_was_recorded_as_chat_messages() -> None:
    record = Recorded((Message("system", "Be brief."), Message("user", QUESTION)), "Nile")
    assert await texts(ReplayModel([record]), QUESTION, "answer") == ["Nile"]


@pytest.mark.parametrize(
    ("purpose", "text", "says"),
    [
        ("answer", SECRET, "nothing is recorded for this prompt"),
        ("sample", SECRET, "nothing is recorded for this prompt"),
        ("reflection", SECRET, "nothing is recorded for this prompt"),
        ("sample", "What is bare?", "no samples are recorded"),
        ("reflection", "What is bare?", "no judgement is recorded"),
        ("comparison", QUESTION, "no comparison of these samples is recorded"),
        ("fields", QUESTION, "no judgement of the fields of this response is recorded"),
    ],
)
async def test_what_is_not_recorded_is_an_error_that_does_not_quote_the_prompt(
    purpose: Purpose, text: str, says: str
) -> None:
    model = ReplayModel([RECORD, Recorded("What is bare?", "This")])
    with pytest.raises(ModelError, match=says) as caught:
        await texts(model, text, purpose)
    assert SECRET not in str(caught.value)


async def test_usage_counts_one_call_with_estimated_tokens() -> None:
    ask = Ask((Message("user", QUESTION),), "sample", n=3)
    reply = await ReplayModel([RECORD]).complete(ask)
    (call,) = reply.calls
    assert (call.purpose, call.samples) == ("sample", 3)
    assert call.prompt_tokens == math.ceil(len(QUESTION) / 4)
    assert call.completion_tokens == math.ceil(len("NileThe NileCongo") / 4)


async def test_replays_a_whole_recorded_file() -> None:
    path = DATA / "triviaqa-llama13b.jsonl"
    model = ReplayModel.from_file(path)
    records = list(read_recorded(path))
    assert len(records) == 500
    for record in records[::50]:
        question = record.exchange.question
        wrapped = f"Instructions first.\nuser: {question}\nassistant:"
        assert await texts(model, wrapped, "answer") == [record.response]
        assert await texts(model, question, "sample", 19) == list(record.samples)


def test_reads_every_key_and_passes_over_others(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    row = {
        "prompt": [{"role": "user", "content": QUESTION}],
        "response": "",
        "samples": ["a"],
        "reflection": 1,
        "context": "Passage",
        "gold": 7,
    }
    path.write_text("\ufeff" + json.dumps(row) + "\n\n  \n", encoding="utf-8")
    (record,) = read_recorded(path)
    assert record == Recorded((Message("user", QUESTION),), "", ("a",), 1.0, ("Passage",))
    assert record.exchange.context == ("Passage",)
    assert record.exchange.question == QUESTION


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ('{"response": "r"}', "has no 'prompt'"),
        ('{"prompt": "p"}', "has no 'response'"),
        ('{"prompt": " ", "response": "r"}', "'prompt' is empty"),
        ('{"prompt": [], "response": "r"}', "'prompt' is empty"),
        (
            '{"prompt": [{"role": "bard", "content": "c"}], "response": "r"}',
            "'prompt' has the role 'bard'",
        ),
        ('{"prompt": "p", "response": null}', "'response' is null; it must be text"),
        ('{"prompt": "p", "response": "r", "samples": "s"}', "'samples' must be a list"),
        ('{"prompt": "p", "response": "r", "samples": ["s", 1]}', "'samples' must be a list"),
        ('{"prompt": "p", "response": "r", "reflection": 1.5}', "'reflection' must be a number"),
        ('{"prompt": "p", "response": "r", "reflection": NaN}', "'reflection' must be a number"),
        ('{"prompt": "p", "response": "r", "reflection": "1"}', "'reflection' must be a number"),
        (
            '{"prompt": "p", "response": "r", "judged_samples": {"s": "like"}}',
            "'judged_samples' must be an object that has same, partly, different or null",
        ),
        ('{"prompt": "p\\ud800", "response": "r"}', "is not JSON"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "recorded.jsonl"
    path.write_text(f'{{"prompt": "p", "response": "r"}}\n\n{line}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"recorded\.jsonl:3: ") as caught:
        list(read_recorded(path))
    assert says in str(caught.value)
    assert (caught.value.path, caught.value.line) == (str(path), 3)


def test_bytes_that_are_not_utf8_are_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl"
    path.write_bytes(b'{"prompt": "\xff", "response": "r"}\n')
    with pytest.raises(DataError, match=r"recorded\.jsonl:1: is not JSON"):
        list(read_recorded(path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.jsonl: cannot be read: No such file"):
        ReplayModel.from_file(tmp_path / "missing.jsonl")


@given(st.lists(st.text(), min_size=1, max_size=6), st.lists(st.integers(1, 8), max_size=6))
@settings(max_examples=200)
async def test_samples_come_in_turn_whatever_is_asked_for(
    samples: list[str], sizes: list[int]
) -> None:
    model = ReplayModel([Recorded(QUESTION, "", samples=tuple(samples))])
    drawn: list[str] = []
    for size in sizes:
        got = await texts(model, QUESTION, "sample", size)
        assert len(got) == min(size, len(samples))
        drawn += got
    assert drawn == [samples[i % len(samples)] for i in range(len(drawn))]
