from nemoguardrails.actions.rail_outcome import RailOutcome

from nemoguardrails_trust.guardrail.action import check_answer
from nemoguardrails_trust.guardrail.messages import NOT_CHECKED
from nemoguardrails_trust.guardrail.outcome import TrustOutcome


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
