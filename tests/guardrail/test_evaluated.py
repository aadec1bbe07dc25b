"""Evaluations in the rail: made by the bot's model, held against their thresholds, shown."""

from typing import Any

import pytest
from nemoguardrails import LLMRails

from nemoguardrails_trust.errors import ModelError, SettingsError
from nemoguardrails_trust.guardrail.action import GUARD_PARAMETER
from nemoguardrails_trust.guardrail.messages import CAUTION, NOT_CHECKED, WITHHELD
from nemoguardrails_trust.guardrail.reaction import reaction
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1, bot_v2

GROUNDED = "evaluations: [response_groundedness]"
PASSAGES = {"role": "context", "content": {"relevant_chunks": "Paris is the capital of France."}}


async def turn(rails: LLMRails, *before: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    response = await rails.generate_async(
        messages=[*before, *ask()], options={"output_vars": ["trust"]}
    )
    return response.response[-1]["content"], response.output_data["trust"]


@pytest.mark.parametrize(
    ("settings", "judged", "score", "status", "shown"),
    [
        (GROUNDED, "True 90", 0.9, "trusted", "Paris"),
        (GROUNDED, "False 10", 0.1, "untrustworthy", f"Paris\n{CAUTION}"),
        (f"{GROUNDED}, on_untrustworthy: block", "False 10", 0.1, "untrustworthy", WITHHELD),
        ("evaluations: [response_groundedness: 0.95]", "True 90", 0.9, "untrustworthy", None),
        ("evaluations: [response_groundedness: 0.05]", "False 10", 0.1, "trusted", "Paris"),
    ],
)
async def test_an_evaluation_is_held_against_its_threshold(
    scorer: ScriptedScorer, settings: str, judged: str, score: float, status: str, shown: str | None
) -> None:
    said, trust = await turn(bot_v1("Paris", judged, settings=settings), PASSAGES)
    assert said == (shown or f"Paris\n{CAUTION}")
    assert trust["status"] == status
    assert trust["trustworthiness_score"] == 0.9
    told = trust["evaluations"]["response_groundedness"]
    assert told["score"] == pytest.approx(score)
    assert trust["metadata"] == {}
    below = f"response_groundedness is {score:.2f}, below {told['threshold']:g}."
    assert (below in trust["explanation"]) is (status == "untrustworthy")


async def test_its_calls_are_part_of_what_a_check_cost(scorer: ScriptedScorer) -> None:
    _, trust = await turn(bot_v1("Paris", "True 90", settings=GROUNDED), PASSAGES)
    assert trust["usage"]["calls"] == 1
    assert [call["purpose"] for call in trust["usage"]["by_call"]] == ["evaluation"]


@pytest.mark.parametrize(
    ("on_error", "shown"),
    [("flag", f"Paris\n{NOT_CHECKED}"), ("block", WITHHELD), ("allow", "Paris")],
)
async def test_an_answer_whose_evaluation_cannot_be_had_is_unchecked(
    scorer: ScriptedScorer, on_error: str, shown: str
) -> None:
    settings = f"{GROUNDED}, on_error: {on_error}"
    said, trust = await turn(bot_v1("Paris", "Well, well.", settings=settings), PASSAGES)
    assert said == shown
    assert trust["status"] == "unchecked"
    assert trust["trustworthiness_score"] is None
    assert "response_groundedness could not be evaluated: the judge's answer" in trust["error"]


async def test_a_bad_evaluation_counts_where_there_is_no_score(scorer: ScriptedScorer) -> None:
    scorer.answer = ModelError("the service is down")
    settings = f"{GROUNDED}, on_error: allow"
    said, trust = await turn(bot_v1("Paris", "False 10", settings=settings), PASSAGES)
    assert trust["status"] == "untrustworthy"
    assert said == f"Paris\n{CAUTION}"


async def test_what_looks_at_passages_says_nothing_where_there_are_none(
    scorer: ScriptedScorer,
) -> None:
    said, trust = await turn(bot_v1("Paris", settings=GROUNDED))
    assert said == "Paris"
    assert trust["status"] == "trusted"
    assert trust["evaluations"] == {
        "response_groundedness": {"threshold": 0.5, "not_applicable": "there are no passages"}
    }


async def test_an_equal_exchange_is_not_evaluated_again(scorer: ScriptedScorer) -> None:
    rails = bot_v1("Paris", "True 90", "Paris", settings=GROUNDED)
    first, second = [await turn(rails, PASSAGES) for _ in range(2)]
    assert first[1]["evaluations"] == second[1]["evaluations"]
    assert len(scorer.exchanges) == 1


async def test_asked_again_the_answer_that_passes_is_kept(scorer: ScriptedScorer) -> None:
    settings = f"{GROUNDED}, on_untrustworthy: regenerate"
    scorer.answer = lambda exchange: 0.95 if exchange.response == "Rome" else 0.7
    rails = bot_v1("Rome", "False 10", "Paris", "True 90", settings=settings)
    said, trust = await turn(rails, PASSAGES)
    assert said == "Paris"
    assert trust["regenerated"] is True
    assert trust["trustworthiness_score"] == 0.7


async def test_a_standard_of_the_users_own_is_evaluated(scorer: ScriptedScorer) -> None:
    own = "{name: polite, criteria: The Reply is polite., response_identifier: Reply, threshold: 1}"
    _, trust = await turn(bot_v1("Paris", "True 90", settings=f"evaluations: [{own}]"))
    assert trust["evaluations"] == {"polite": {"threshold": 1.0, "score": pytest.approx(0.9)}}
    assert trust["status"] == "untrustworthy"


async def test_evaluations_are_made_in_colang_2_too(scorer: ScriptedScorer) -> None:
    # The bot's answer and its judge's are one text here.
    rails = bot_v2("False 10", settings="evaluations: [response_helpfulness]")
    message = await rails.generate_async(messages=ask())
    assert message["content"] == f"False 10\n{CAUTION}"


@pytest.mark.usefixtures("no_running_loop")
def test_a_check_says_which_evaluations_count() -> None:
    rails = bot_v1(settings="evaluations: [query_ease, response_groundedness: 0.7]")
    guard = rails.runtime.registered_action_params[GUARD_PARAMETER]
    told = [finding.text for finding in reaction(rails, guard)]
    wanted = "query_ease below 0.5, response_groundedness below 0.7"
    assert f"also untrustworthy: {wanted}" in told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("evaluations: [mood]", "evaluations.0: there is no evaluation 'mood'; choose from"),
        ("evaluations: [groundedness]", r"'groundedness' \(response_groundedness is nearest\); c"),
        ("evaluations: [response_groundedness: 2]", "it must be at most 1"),
        ("evaluations: [query_ease, query_ease]", "two evaluations have the name 'query_ease'"),
        ("evaluations: [{name: own, criteria: It is so.}]", "looks at nothing"),
        (
            "evaluations: [{name: query_ease, query_identifier: Q}]",
            "have no effect without criteria",
        ),
    ],
)
def test_evaluations_that_cannot_be_made_stop_the_bot(settings: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        bot_v1(settings=settings)
