"""Scoring rows as they come: order, concurrency, memory, failures, event loops."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.datasets import score_dataset, score_rows
from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.row_scorers import ModelRowScorer, ReplayRowScorer, RowScorer
from nemoguardrails_trust.datasets.rows import RowResult
from nemoguardrails_trust.datasets.score import score_in_order
from nemoguardrails_trust.errors import CredentialsError, ModelServerError, SettingsError
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models import endpoint
from nemoguardrails_trust.models.base import Ask, Completion, Reply
from nemoguardrails_trust.models.openai import OpenAICompatibleModel
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.scores import CallUsage, TrustworthinessScore
from nemoguardrails_trust.tlm import TLM
from tests.datasets.samples import make_rows
from tests.datasets.scorers import TestScorer, expected_score
from tests.servers.openai import OpenAIServer


def jitter(question: str) -> float:
    return random.Random(question).random() / 500


def test_what_cannot_score_is_refused_before_any_row_is_read() -> None:
    with pytest.raises(SettingsError, match=r"scorer is a TLM, .*; pass its `scorer`$"):
        score_dataset(make_rows(2), scorer=TLM(model="m", api_key="none"))  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="scorer is a str, which has no `async def score"):
        score_dataset(make_rows(2), scorer="local")  # type: ignore[arg-type]


def test_results_come_in_the_order_of_the_rows_and_so_many_at_a_time() -> None:
    scorer = TestScorer(jitter)
    rows = make_rows(300)
    scored = score_dataset(rows, scorer=scorer, concurrency=16)
    assert [row["id"] for row in scored] == list(range(300))
    assert scorer.most == 16
    assert scorer.closed == 1


@settings(max_examples=25)
@given(st.lists(st.sampled_from([0.0, 0.001, 0.004]), max_size=40), st.integers(1, 9))
def test_order_holds_whatever_takes_how_long(delays: list[float], concurrency: int) -> None:
    rows = make_rows(len(delays))
    scorer = TestScorer(lambda question: delays[int(question.split()[1])])
    scored = list(score_dataset(iter(rows), scorer=scorer, concurrency=concurrency))
    assert [row["id"] for row in scored] == list(range(len(delays)))
    assert scorer.most <= concurrency


def test_an_iterator_is_read_on_the_callers_thread_and_not_far_ahead() -> None:
    read: list[str] = []
    before = set(threading.enumerate())

    def rows() -> Iterator[dict[str, Any]]:
        for row in make_rows(10_000):
            read.append(threading.current_thread().name)
            yield row

    scored = score_dataset(rows(), scorer=TestScorer(), concurrency=4)
    assert not read
    for _ in range(10):
        next(scored)
    assert len(read) <= 10 + 4 * 4
    scored.close()
    assert set(read) == {threading.current_thread().name}
    assert "nemo-trust" not in {entry.name for entry in set(threading.enumerate()) - before}


def test_what_the_iterator_raises_reaches_the_caller() -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield from make_rows(3)
        raise LookupError("the database went away")

    scored = score_dataset(rows(), scorer=TestScorer())
    with pytest.raises(LookupError, match="the database went away"):
        list(scored)


@pytest.mark.parametrize("error", [RuntimeError("odd"), ModelServerError("down", status=500)])
def test_a_failing_row_carries_its_error_and_ends_nothing(error: Exception) -> None:
    class Failing(TestScorer):
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            if exchange.response == "answer 7":
                raise error
            return await super().score(exchange)

    scored = score_dataset(make_rows(20), scorer=Failing())
    assert [row["id"] for row in scored if row["trustworthiness_score"] is None] == [7]
    told = str(error) if isinstance(error, ModelServerError) else "the scorer raised RuntimeError"
    assert scored[7]["error"] == told


def test_a_refused_key_ends_the_run_since_no_row_will_be_scored() -> None:
    class Refused(TestScorer):
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            raise CredentialsError("the key was refused")

    with pytest.raises(CredentialsError):
        score_dataset(make_rows(1000), scorer=Refused())


def test_a_scorer_that_knows_it_cannot_score_is_told_at_once() -> None:
    class Unready(TestScorer):
        def check(self) -> None:
            raise CredentialsError("there is no key")

    with pytest.raises(CredentialsError, match="there is no key"):
        score_dataset(make_rows(3), scorer=Unready())


async def test_it_works_inside_a_running_loop() -> None:
    frame = score_dataset(pd.DataFrame(make_rows(5)), scorer=TestScorer())
    assert list(frame["trustworthiness_score"]) == [expected_score(f"answer {i}") for i in range(5)]


async def test_rows_can_be_scored_on_the_running_loop_from_an_asynchronous_source() -> None:
    async def rows() -> AsyncIterator[dict[str, Any]]:
        for row in make_rows(30):
            await asyncio.sleep(0)
            yield row

    scorer = TestScorer(jitter)
    scored = [row async for row in score_rows(rows(), scorer=scorer, concurrency=5)]
    assert [row["id"] for row in scored] == list(range(30))
    assert scorer.closed == 0


async def test_leaving_off_early_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    scored = score_rows(make_rows(1000), scorer=TestScorer(0.01), concurrency=8)
    assert (await anext(scored))["id"] == 0
    await scored.aclose()  # type: ignore[attr-defined]
    assert asyncio.all_tasks() == before


async def test_cancelling_ends_the_scores_under_way() -> None:
    scorer = TestScorer(60.0)

    async def consume() -> None:
        async for _ in score_rows(make_rows(100), scorer=scorer, concurrency=8):
            pass

    before = asyncio.all_tasks()
    consumer = asyncio.create_task(consume())
    while len(scorer.asked) < 8:
        await asyncio.sleep(0.001)
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert asyncio.all_tasks() == before


class AnsweringModel:
    """Answers with the number of messages it was given."""

    name = "answering"

    def __init__(self) -> None:
        self.asked: list[tuple[Message, ...]] = []

    async def complete(self, ask: Ask) -> Reply:
        assert ask.purpose == "answer"
        self.asked.append(ask.messages)
        tokens = (TokenLogprob("four", -0.1), TokenLogprob("ty", -0.2))
        return Reply((Completion("forty", tokens),), (CallUsage("answer", 0, 30, 2, 0.1),))

    async def aclose(self) -> None:
        pass


def test_a_made_response_goes_to_the_scorer_with_its_probabilities_and_cost() -> None:
    exchanges: list[Exchange] = []

    class Keeping(TestScorer):
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            exchanges.append(exchange)
            return await super().score(exchange)

    model = AnsweringModel()
    rows = [{"prompt": "How many?", "context": ["There are forty.", "Or so."]}]
    (scored,) = score_dataset(rows, scorer=Keeping(), model=model, generate=True)
    assert exchanges == [
        Exchange(
            "forty",
            (Message("user", "How many?"),),
            ("There are forty.", "Or so."),
            tokens=(TokenLogprob("four", -0.1), TokenLogprob("ty", -0.2)),
        )
    ]
    (asked,) = model.asked[0]
    assert asked == Message("user", "Context:\n\nThere are forty.\n\nOr so.\n\nHow many?")
    assert scored["response"] == "forty"
    assert (scored["usage_calls"], scored["usage_prompt_tokens"]) == (2, 40)


@pytest.mark.parametrize(
    ("prompt", "question", "roles"),
    [
        ("plain", "plain", ["user"]),
        (
            '[{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]',
            "u",
            ["system", "user"],
        ),
        ([{"role": "user", "content": "u"}], "u", ["user"]),
        ('["a", "b"]', '["a", "b"]', ["user"]),
        ("[1, 2", "[1, 2", ["user"]),
        (12, "12", ["user"]),
    ],
)
def test_prompts_are_text_or_messages(prompt: Any, question: str, roles: list[str]) -> None:
    exchanges: list[Exchange] = []

    class Keeping(TestScorer):
        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            exchanges.append(exchange)
            return await super().score(exchange)

    score_dataset([{"prompt": prompt, "response": "r"}], scorer=Keeping())
    assert exchanges[0].question == question
    assert [message.role for message in exchanges[0].messages] == roles


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"prompt": None, "response": "r"}, "the row has nothing in column 'prompt'"),
        ({"prompt": " \n", "response": "r"}, "the row has nothing in column 'prompt'"),
        ({"prompt": [], "response": "r"}, "column 'prompt' is empty"),
        (
            {"prompt": [{"role": "user"}], "response": "r"},
            "has no content; its keys are role",
        ),
        (
            {"prompt": [{"role": "x", "content": "u"}], "response": "r"},
            "of column 'prompt' has the role 'x'",
        ),
        ({"prompt": "p", "response": {"a": 1}}, "column 'response' has no content; its keys are a"),
        (
            {"prompt": "p", "response": "r", "context": {"a": 1}},
            "which key of column 'context' holds its text",
        ),
    ],
)
def test_a_row_that_cannot_be_read_says_why(row: dict[str, Any], told: str) -> None:
    scored = score_dataset([row, *make_rows(1)], scorer=TestScorer())
    assert told in scored[0]["error"]
    assert scored[1]["error"] is None


@pytest.mark.parametrize("arguments", [{"concurrency": 0}, {"shard_size": 0}])
def test_settings_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        score_dataset(make_rows(1), scorer=TestScorer(), **arguments)


def test_out_is_needed_for_a_path_and_refused_for_an_iterator(tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match="out must say which file"):
        score_dataset(tmp_path / "data.csv", scorer=TestScorer())
    with pytest.raises(SettingsError, match="cannot be read again"):
        score_dataset(iter(make_rows(1)), scorer=TestScorer(), out=tmp_path / "out.csv")


HOSTILE: list[Any] = [
    "[" * 100_000,
    "\ud83d",
    10**400,
    -(10**400),
    float("inf"),
    float("nan"),
    "9" * 5000,
    b"\xff",
    [[]],
    {"role": {}},
    [{"role": "user", "content": "[" * 100_000}],
    [{"role": "user", "content": 10**400}],
    [float("nan")],
    [10**400],
    object(),
]


@pytest.mark.parametrize(
    "column",
    [
        "prompt",
        "response",
        "context",
        "samples",
        "reflection",
        "judged_samples",
        "token_logprobs",
    ],
)
def test_whatever_stands_in_one_row_costs_no_other(column: str) -> None:
    good = {"prompt": "1 + 1?", "response": "2", "samples": ["2"], "reflection": 0.9}
    rows = [good, *({**good, column: value} for value in HOSTILE), good]
    columns = Columns.find([*good, column])

    async def results(scorer: RowScorer) -> list[RowResult]:
        return [result async for _, result in score_in_order(rows, scorer, columns, 4)]

    replayed = ReplayRowScorer(lambda model: LocalScorer(model, ScorerSettings(quality="high")))
    for scorer in (replayed, ModelRowScorer(TestScorer())):
        found = asyncio.run(results(scorer))
        assert len(found) == len(rows)
        assert found[0].score is not None
        assert found[-1].score == found[0].score
        assert all(result.error for result in found if result.failed)


async def test_an_answer_has_as_long_to_be_made_as_a_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "LONGEST_ALONE", 0.2)
    async with OpenAIServer(latency=1.0) as server:
        model = OpenAICompatibleModel("m", base_url=server.base_url, api_key="")
        scorer = ModelRowScorer(TestScorer(), model, timeout=60.0)
        result = await scorer.score({"prompt": "6 x 7?"}, Columns())
        await scorer.aclose()
    assert result.response == "42"
    assert not result.failed
