import asyncio
from typing import Any

import pytest
from nemoguardrails.actions.rail_outcome import RailOutcome
from nemoguardrails.context import explain_info_var
from nemoguardrails.logging.explain import ExplainInfo, LLMCallInfo

from nemoguardrails_trust import Signal, TrustworthinessScore
from nemoguardrails_trust.guardrail.action import GUARD_PARAMETER, check_answer
from nemoguardrails_trust.guardrail.messages import NOT_CHECKED
from nemoguardrails_trust.guardrail.outcome import TrustOutcome
from tests.guardrail.scripted import ScriptedScorer, bot_v1


async def checked(settings: str = "", **given: Any) -> TrustOutcome:
    """The outcome of an answer, as the flow gets it from the action."""
    rails = bot_v1(settings=settings)
    outcome = await check_answer(
        context={"user_message": "Capital?", "bot_message": "Paris"},
        events=[{"type": "UserMessage", "text": "Capital?"}],
        config=rails.config,
        trust_guard=rails.runtime.registered_action_params[GUARD_PARAMETER],
        **given,
    )
    assert isinstance(outcome, TrustOutcome)
    return outcome


async def test_without_its_set_up_the_action_lets_nothing_pass_as_checked() -> None:
    outcome = await check_answer(context={"bot_message": "Paris"})
    assert isinstance(outcome, TrustOutcome)
    assert outcome.is_blocked
    assert (outcome.status, outcome.trustworthiness_score) == ("unchecked", 0.0)
    assert outcome.metadata["trustworthiness_score"] is None
    assert "nemoguardrails_trust/rail" in outcome.metadata["error"]
    assert outcome.text == f"Paris\n{NOT_CHECKED}"


async def test_a_part_of_a_streamed_answer_is_let_through() -> None:
    outcome = await check_answer(context={"bot_message": "Par"}, model_name="any")
    assert isinstance(outcome, RailOutcome)
    assert not outcome.is_blocked


@pytest.mark.parametrize("threshold", [[0.5], {"a": 0.5}, object()])
async def test_what_is_no_value_of_a_setting_leaves_the_answer_unchecked(
    scorer: ScriptedScorer, threshold: object, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = await checked(threshold=threshold)
    assert (outcome.status, outcome.consequence) == ("unchecked", "warn")
    assert "threshold is" in caplog.text


@pytest.mark.parametrize(
    "score",
    [
        pytest.param({"metadata": {"evaluations": ["x"]}}, id="a list of evaluations"),
        pytest.param({"metadata": {"evaluations": {"tone": 1}}}, id="evaluations by number"),
        pytest.param({"metadata": {"evaluations": {"tone": {"score": 1}}}}, id="no threshold"),
        pytest.param({"signals": {"mine": Signal(None, error=3)}}, id="an error that is a number"),  # type: ignore[arg-type]
        pytest.param({"signals": {3: Signal(None), "mine": Signal(None)}}, id="names of two kinds"),
    ],
)
async def test_a_scorer_may_keep_anything_of_its_own_beside_a_score(
    scorer: ScriptedScorer, score: dict[str, Any]
) -> None:
    scorer.answer = lambda exchange: TrustworthinessScore(0.9, **score)
    outcome = await checked()
    assert (outcome.status, outcome.trustworthiness_score) == ("trusted", 0.9)


async def test_a_check_that_fails_in_whatever_way_leaves_the_answer_unchecked(
    scorer: ScriptedScorer, caplog: pytest.LogCaptureFixture
) -> None:
    odd = {"evaluations": {"tone": {"score": "high", "threshold": 0.5}}}
    scorer.answer = lambda exchange: TrustworthinessScore(0.9, metadata=odd)
    outcome = await checked()
    assert (outcome.status, outcome.consequence) == ("unchecked", "warn")
    assert outcome.text == f"Paris\n{NOT_CHECKED}"
    assert "the check failed: TypeError" in caplog.text


class HangingBase:
    """A knowledge base whose server does not answer, and which does not let itself be cancelled."""

    def __init__(self) -> None:
        self.ends = asyncio.Event()

    async def search_relevant_chunks(self, _: str) -> list[dict[str, str]]:
        while not self.ends.is_set():
            try:
                await self.ends.wait()
            except asyncio.CancelledError:
                continue
        return []


async def test_a_knowledge_base_that_hangs_holds_no_turn_up(
    scorer: ScriptedScorer, caplog: pytest.LogCaptureFixture
) -> None:
    base = HangingBase()
    call = LLMCallInfo(task="general", prompt="Capital?")
    token = explain_info_var.set(ExplainInfo(llm_calls=[call]))
    try:
        outcome = await asyncio.wait_for(checked("timeout: 0.2", kb=base), 30)
    finally:
        explain_info_var.reset(token)
        base.ends.set()
    assert outcome.status == "unchecked"
    assert "the knowledge base did not answer" in caplog.text
    assert scorer.exchanges == []
