"""Many prompts at once: their order, their failures, their number at a time, their end."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust import (
    TLM,
    BatchError,
    DataError,
    ModelError,
    ScoringError,
    SettingsError,
    TrustError,
)
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scores import TrustworthinessScore
from nemoguardrails_trust.tlm.batches import run_all
from nemoguardrails_trust.tlm.outcomes import Outcome, failed
from nemoguardrails_trust.tlm.questions import Item
from tests.servers.faults import HANG, status
from tests.tlm.scene import Body, echo, is_judging, text_of, tlm_and_server


class LengthScorer:
    """Scores by the length of the response; `bad` fails, and so does whatever is not a score."""

    name = "length"

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        await asyncio.sleep(0)
        if exchange.response == "bad":
            raise ScoringError("a bad response")
        if exchange.response == "broken":
            raise KeyError("sk-secret")
        if exchange.response == "none":
            return TrustworthinessScore(None)
        return TrustworthinessScore(len(exchange.response) / 100, scorer=self.name)


def test_a_list_keeps_its_order_whatever_takes_longest() -> None:
    words = [f"w{i}" for i in range(40)]

    def latency(body: Body) -> float:
        return 0.05 if text_of(body).endswith("3") else 0.0

    with tlm_and_server(quality_preset="base", server={"latency": latency}) as (tlm, _):
        results = tlm.prompt([f"Say {word}" for word in words])
    assert [result["response"] for result in results] == words


@given(lengths=st.lists(st.integers(0, 100), max_size=30), concurrency=st.integers(1, 8))
@settings(max_examples=40)
async def test_scores_stand_where_their_responses_stood(
    lengths: list[int], concurrency: int
) -> None:
    tlm = TLM(scorer=LengthScorer(), concurrency=concurrency)
    responses = ["x" * length for length in lengths]
    results = await tlm.get_trustworthiness_score_async(["?"] * len(lengths), responses)
    assert [result["trustworthiness_score"] for result in results] == [n / 100 for n in lengths]


def test_columns_of_a_frame_are_lists() -> None:
    frame = pd.DataFrame({"prompt": ["a?", "b?"], "response": ["x", "xx"]}, index=[7, 9])
    with TLM(scorer=LengthScorer()) as tlm:
        results = tlm.get_trustworthiness_score(frame["prompt"], frame["response"])
        assert tlm.get_trustworthiness_score(iter(["a?"]), iter(["x"])) == results[:1]
        assert tlm.get_trustworthiness_score([], []) == []
    assert results == [{"trustworthiness_score": 0.01}, {"trustworthiness_score": 0.02}]


def test_a_list_of_conversations_is_a_list_and_a_conversation_is_one_prompt() -> None:
    chats = [[{"role": "user", "content": f"Say {word}"}] for word in ("one", "two")]
    with tlm_and_server(quality_preset="base") as (tlm, _):
        assert [result["response"] for result in tlm.prompt(chats)] == ["one", "two"]
        assert tlm.prompt(chats[0])["response"] == "one"
        assert [result["response"] for result in tlm.prompt([chats[0], "Say 3"])] == ["one", "3"]


def test_context_and_constraints_may_be_those_of_each_or_of_all() -> None:
    prompts = ["First no", "Second yes"]
    with tlm_and_server(quality_preset="base") as (tlm, server):
        tlm.prompt(prompts, context=["alpha", ["beta", "gamma"]])
        by_prompt = {text.split()[-1]: text for text in map(text_of, server.bodies)}
        assert "alpha" in by_prompt["no"]
        assert "beta" in by_prompt["yes"]
        assert "gamma" in by_prompt["yes"]
        assert "alpha" not in by_prompt["yes"]
        server.received.clear()
        tlm.prompt(prompts, context="delta")
        assert all("delta" in text_of(body) for body in server.bodies)

    def answer(body: Body) -> str:
        return "no" if "First" in text_of(body) else "yes"

    with tlm_and_server(answer, quality_preset="base") as (tlm, _):
        both = tlm.prompt(prompts, constrain_outputs=["Yes", "No"])
        own = tlm.prompt(prompts, constrain_outputs=[["NO", "x"], None])
    assert [result["response"] for result in both] == ["No", "Yes"]
    assert [result["response"] for result in own] == ["NO", "yes"]


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"response": "x"}, "response"),
        ({"response": ["x"]}, "response"),
        ({"response": ["x", "y"], "context": ["one"]}, "context"),
        ({"response": ["x", "y"], "context": 3}, "context"),
        ({"response": ["x", "y"], "constrain_outputs": [["x"]]}, "constrain_outputs"),
        ({"response": ["x", "y"], "constrain_outputs": []}, "constrain_outputs"),
        ({"response": ["x", "y"], "constrain_outputs": "x"}, "constrain_outputs"),
        ({"response": ["x", "y"], "constrain_outputs": ["x", " "]}, "constrain_outputs"),
    ],
)
def test_lists_that_do_not_go_together_are_refused(arguments: dict[str, Any], key: str) -> None:
    with TLM(scorer=LengthScorer()) as tlm:
        with pytest.raises(SettingsError, match=key) as caught:
            tlm.get_trustworthiness_score(["a?", "b?"], **arguments)
        with pytest.raises(SettingsError):
            tlm.try_get_trustworthiness_score(["a?", "b?"], **arguments)
    assert caught.value.key == key


def test_a_failure_is_raised_once_all_have_ended_with_what_was_got() -> None:
    with tlm_and_server(quality_preset="base") as (tlm, server):
        server.faults.always(status(400), when=lambda body: "bad" in text_of(body))
        with pytest.raises(BatchError, match="2 of 5 failed, the first at index 1") as caught:
            tlm.prompt(["Say 1", "Say bad", "Say 3", "Say bad", "Say 5"])
        assert len(server.bodies) == 5
        results = tlm.try_prompt(["Say 1", "Say bad", "Say 3", "Say bad", "Say 5"])
    assert caught.value.failed == 2
    assert [result["response"] for result in caught.value.results] == ["1", None, "3", None, "5"]
    assert results == caught.value.results
    assert isinstance(caught.value, ScoringError)


def test_failures_of_a_scorer_are_kept_to_their_prompts(caplog: pytest.LogCaptureFixture) -> None:
    responses = ["x", "bad", "broken", "none", 3, "xx"]
    with TLM(scorer=LengthScorer()) as tlm:
        results = tlm.try_get_trustworthiness_score(["?"] * 6, responses)
        with pytest.raises(DataError, match="the response is a number"):
            tlm.get_trustworthiness_score("?", 3)
        with pytest.raises(ScoringError, match="raised KeyError") as caught:
            tlm.get_trustworthiness_score("?", "broken")
    assert isinstance(caught.value.__cause__, KeyError)
    assert [result["trustworthiness_score"] for result in results] == [0.01, *[None] * 4, 0.02]
    reasons = [result["log"]["error"]["message"] for result in results[1:5]]
    assert reasons[0] == "a bad response"
    assert "KeyError" in reasons[1]
    assert reasons[2] == "the scorer returned no score and no reason"
    assert "sk-secret" not in f"{reasons}{caplog.text}"


def test_a_refused_key_ends_a_list_without_asking_for_the_rest() -> None:
    arguments: dict[str, Any] = {"quality_preset": "base", "concurrency": 4}
    with tlm_and_server(api_key="sk-wrong-never-shown", **arguments) as (tlm, server):
        results = tlm.try_prompt([f"Say {i}" for i in range(200)])
        assert len(server.bodies) <= 4
    assert all("key was refused" in result["log"]["error"]["message"] for result in results)
    assert not any(result["log"]["error"]["retryable"] for result in results)


def test_no_more_are_under_way_than_the_cap_allows() -> None:
    arguments: dict[str, Any] = {"quality_preset": "base", "server": {"latency": 0.02}}
    with tlm_and_server(concurrency=5, **arguments) as (tlm, server):
        tlm.prompt([f"Say {i}" for i in range(50)])
        assert server.peak_requests == 5


async def test_there_is_a_task_for_each_worker_not_for_each_prompt() -> None:
    most = 0

    async def work(item: Item) -> Outcome:
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        await asyncio.sleep(0)
        return Outcome(response=item.prompt, score=TrustworthinessScore(0.5))

    items = [Item(str(i)) for i in range(5000)]
    outcomes = await run_all(items, work, concurrency=8, advance=lambda: None)
    assert [outcome.response for outcome in outcomes] == [str(i) for i in range(5000)]
    assert most <= 8 + 2  # the workers, who feeds them, and this test


@pytest.mark.parametrize(("error", "tried"), [(ModelError("down"), 57), (DataError("blank"), 200)])
async def test_a_list_in_which_all_fails_ends_early(error: TrustError, tried: int) -> None:
    asked = 0

    async def work(item: Item) -> Outcome:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return failed(error)

    items = [Item(str(i)) for i in range(200)]
    outcomes = await run_all(items, work, concurrency=8, advance=lambda: None)
    assert 50 <= asked <= tried
    assert all(outcome.error is not None for outcome in outcomes)
    if tried < 200:
        assert "50 failures in a row: 50 × down" in str(outcomes[-1].error)
    else:
        assert asked == 200


def test_a_rate_that_is_set_holds_for_a_list() -> None:
    arguments: dict[str, Any] = {"quality_preset": "base", "requests_per_minute": 1, "timeout": 0.3}
    with tlm_and_server(**arguments) as (tlm, server):
        results = tlm.try_prompt(["Say 1", "Say 2", "Say 3"])
        assert len(server.bodies) == 1
    late = [result["log"]["error"] for result in results if result["response"] is None]
    assert len(late) == 2
    assert all(result["retryable"] and "rate limit" in result["message"] for result in late)


async def test_cancelling_a_list_ends_all_that_is_open() -> None:
    with tlm_and_server() as (tlm, server):
        server.faults.always(HANG)
        work = asyncio.create_task(tlm.prompt_async([f"Say {i}" for i in range(20)]))
        async with asyncio.timeout(5):
            while server.open_requests < 2:
                await asyncio.sleep(0.005)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [other for other in others if "nemoguardrails_trust" in repr(other)]
        await server.idle()
        await tlm.aclose()


def test_a_bar_is_shown_in_a_terminal_and_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stderr_of(verbose: bool | None) -> str:
        with TLM(scorer=LengthScorer(), verbose=verbose) as tlm:
            tlm.get_trustworthiness_score(["?"] * 3, ["x"] * 3)
            tlm.get_trustworthiness_score("?", "x")
        written = capsys.readouterr()
        assert written.out == ""
        return written.err

    assert stderr_of(None) == ""
    assert "Querying TLM…" in stderr_of(True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    shown = stderr_of(None)
    assert "Querying TLM…" in shown
    assert "3/3" in shown
    assert stderr_of(False) == ""


def test_recorded_answers_are_scored_as_in_a_rail() -> None:
    from nemoguardrails_trust.models.replay import ReplayModel, read_recorded

    path = Path(__file__).parents[1] / "data" / "triviaqa-llama13b.jsonl"
    records = list(read_recorded(path))[:40]
    model = ReplayModel(records)
    with TLM(model=model, options={"use_self_reflection": False}) as tlm:
        results = tlm.prompt([record.prompt for record in records])
        again = tlm.prompt([record.prompt for record in records])
    assert [result["response"] for result in results] == [record.response for record in records]
    assert results == again
    assert len({result["trustworthiness_score"] for result in results}) > 3


def test_one_object_serves_a_script_a_loop_and_threads_at_once() -> None:
    words = [f"w{i}" for i in range(30)]
    prompts = [f"Say {word}" for word in words]
    with tlm_and_server(quality_preset="base") as (tlm, server):
        found: dict[str, list[str]] = {}

        def in_a_thread(name: str) -> None:
            found[name] = [result["response"] for result in tlm.prompt(prompts)]

        async def in_a_loop() -> None:
            together = await asyncio.gather(
                tlm.prompt_async(prompts), asyncio.to_thread(tlm.prompt, prompts)
            )
            found["loop"], found["thread of a loop"] = [
                [result["response"] for result in results] for results in together
            ]
            # Blocks this loop, and works nevertheless.
            found["inside a loop"] = [result["response"] for result in tlm.prompt(prompts)]

        threads = [threading.Thread(target=in_a_thread, args=(f"thread {i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        asyncio.run(in_a_loop())
        for thread in threads:
            thread.join()
        assert len(server.bodies) == 7 * len(prompts)
    assert len(found) == 7
    assert all(finding == words for finding in found.values())


def test_the_same_object_works_after_closing_and_on_one_loop_after_another() -> None:
    before = set(threading.enumerate())
    with tlm_and_server(quality_preset="base") as (tlm, server):
        for _ in range(2):
            assert tlm.prompt("Say a")["response"] == "a"
            assert asyncio.run(tlm.prompt_async("Say b"))["response"] == "b"
            tlm.close()
        started = set(threading.enumerate()) - before
        assert "nemo-trust" not in [task.name for task in started]
        assert server.connections == 4
    asyncio.run(_until(lambda: server.open_connections == 0))


async def _until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_synchronous_call_from_within_its_own_loop_is_refused() -> None:
    class Nested:
        tlm: TLM

        async def score(self, exchange: Exchange) -> TrustworthinessScore:
            self.tlm.get_trustworthiness_score("?", "x")
            return TrustworthinessScore(1.0)

    scorer = Nested()
    with TLM(scorer=scorer) as tlm:
        scorer.tlm = tlm
        with pytest.raises(ScoringError, match="RuntimeError") as caught:
            tlm.get_trustworthiness_score("?", "x")
    assert "_async" in str(caught.value.__cause__)


def test_every_judge_and_sample_of_a_list_is_asked_once() -> None:
    with tlm_and_server(echo) as (tlm, server):
        tlm.get_trustworthiness_score([f"Say {i}" for i in range(10)], list(map(str, range(10))))
        assert sum(map(is_judging, server.bodies)) == 10
        assert len(server.bodies) == 20
