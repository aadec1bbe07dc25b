"""The real `cleanlab-tlm` works on the server as on the hosted service."""

import pytest

from tests.server.running import Running, is_share, serving, tlm
from tests.servers.faults import HANG
from tests.servers.tlm import point_clients_at

cleanlab_tlm = pytest.importorskip("cleanlab_tlm")


@pytest.fixture(autouse=True)
def pointed(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    point_clients_at(server.api, monkeypatch)


async def test_a_prompt_is_answered_and_scored() -> None:
    result = await tlm().prompt_async("Say the word echo")
    assert result["response"] == "echo"
    assert is_share(result["trustworthiness_score"])


async def test_a_list_of_prompts_comes_back_in_its_order() -> None:
    results = await tlm().prompt_async(["Say one", "Say two", "Say three"])
    assert [result["response"] for result in results] == ["one", "two", "three"]


async def test_an_answer_is_one_of_those_that_are_allowed() -> None:
    result = await tlm(task="classification").prompt_async(
        "Yes or no?", constrain_outputs=["yes", "no"]
    )
    assert result["response"] in ("yes", "no")


@pytest.mark.conformance(4)
@pytest.mark.parametrize("quality", ["best", "high", "medium", "low", "base"])
async def test_a_response_is_scored_in_every_preset(quality: str) -> None:
    result = await tlm(quality_preset=quality).get_trustworthiness_score_async("Say echo", "echo")
    assert is_share(result["trustworthiness_score"])


async def test_many_responses_are_scored_at_once() -> None:
    prompts, responses = ["Say one", "Say two"], ["one", "two"]
    results = await tlm().get_trustworthiness_score_async(prompts, responses)
    assert [is_share(result["trustworthiness_score"]) for result in results] == [True, True]


async def test_the_probability_that_a_caller_knows_goes_into_the_score() -> None:
    scores = [
        await tlm(quality_preset="base").get_trustworthiness_score_async(
            "Say echo", "echo", perplexity=known
        )
        for known in (0.1, 0.9)
    ]
    assert scores[0]["trustworthiness_score"] < scores[1]["trustworthiness_score"]


@pytest.mark.parametrize("quality", ["best", "high", "medium"])
async def test_an_explanation_is_there_when_it_is_asked_for(quality: str) -> None:
    asking = tlm(quality_preset=quality, options={"log": ["explanation"]})
    result = await asking.get_trustworthiness_score_async("Say echo", "echo")
    assert isinstance(result["log"]["explanation"], str)


@pytest.mark.conformance(7)
@pytest.mark.conformance(8)
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("quality", ["best", "medium", "base"])
async def test_criteria_of_the_user_are_scored_in_their_order(quality: str, *, alone: bool) -> None:
    criteria = [{"name": name, "criteria": f"It is {name}."} for name in ("short", "polite")]
    options = {"custom_eval_criteria": criteria, "disable_trustworthiness": alone}
    asking = tlm(quality_preset=quality, options=options)
    for result in (
        await asking.get_trustworthiness_score_async("Say echo", "echo", perplexity=0.9),
        await asking.prompt_async("Say echo"),
    ):
        told = result["log"]["custom_eval_criteria"]
        assert [entry["name"] for entry in told] == ["short", "polite"]
        assert all(is_share(entry["score"]) for entry in told)
        score = result["trustworthiness_score"]
        assert score is None if alone else is_share(score)


@pytest.mark.conformance(9)
async def test_every_option_of_the_client_is_taken() -> None:
    options = {
        "max_tokens": 64,
        "num_candidate_responses": 2,
        "num_consistency_samples": 2,
        "num_self_reflections": 1,
        "similarity_measure": "semantic",
        "reasoning_effort": "none",
        "disable_persistence": True,
        "log": ["perplexity", "explanation"],
        "custom_eval_criteria": [{"name": "short", "criteria": "It is short."}],
        "model": "gpt-4o-mini",
    }
    asking = tlm(quality_preset="high", options=options, timeout=30)
    answered = await asking.prompt_async("Say echo")
    assert answered["response"] == "echo"
    scored = await asking.get_trustworthiness_score_async("Say echo", "echo", perplexity=0.9)
    for result in (answered, scored):
        assert is_share(result["trustworthiness_score"])
        assert is_share(result["log"]["perplexity"])
        assert isinstance(result["log"]["explanation"], str)
        assert is_share(result["log"]["custom_eval_criteria"][0]["score"])


@pytest.mark.parametrize("known", [0, 1, 0.0, 1.0])
async def test_the_ends_of_probability_are_taken(known: float) -> None:
    asking = tlm()
    result = await asking.get_trustworthiness_score_async("Say echo", "echo", perplexity=known)
    assert is_share(result["trustworthiness_score"])


async def test_an_empty_response_of_many_has_no_score_and_is_not_asked_again() -> None:
    asking = tlm()
    with pytest.warns(UserWarning, match="empty"):
        good, empty = await asking.get_trustworthiness_score_async(["Say a", "Say b"], ["a", ""])
    assert is_share(good["trustworthiness_score"])
    assert empty["trustworthiness_score"] is None
    assert empty["log"]["error"]["retryable"] is False
    assert "the response is empty" in empty["log"]["error"]["message"]


@pytest.mark.parametrize("count", [1, 3])
async def test_a_response_is_reflected_on_as_often_as_asked(server: Running, count: int) -> None:
    before = len(server.model.bodies)
    asking = tlm(options={"num_self_reflections": count})
    await asking.get_trustworthiness_score_async("Say echo", "echo")
    assert len(server.model.bodies) - before == count


async def test_a_score_is_explained_afterwards() -> None:
    asking = tlm(quality_preset="medium")
    result = await asking.get_trustworthiness_score_async("Say echo", "echo")
    told = await asking.get_explanation_async(prompt="Say echo", response="echo", tlm_result=result)
    assert isinstance(told, str)


async def test_perplexity_is_a_share_also_from_a_model_without_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As TLMLite asks for it in the first of its requests, to send it with the second."""
    with serving(model={"logprobs": "off"}) as running:
        point_clients_at(running.api, monkeypatch)
        asking = tlm(quality_preset="base", options={"log": ["perplexity"]})
        known = (await asking.prompt_async("Say echo"))["log"]["perplexity"]
        result = await tlm().get_trustworthiness_score_async("Say echo", "echo", perplexity=known)
    assert is_share(known)
    assert is_share(result["trustworthiness_score"])


async def test_a_wrong_key_is_an_authentication_error_after_one_request() -> None:
    from cleanlab_tlm.errors import AuthError

    with pytest.raises(AuthError):
        await tlm(api_key="wrong").get_trustworthiness_score_async("Say echo", "echo")


async def test_a_value_that_cannot_be_honoured_is_named() -> None:
    from cleanlab_tlm.errors import TlmBadRequestError

    asking = tlm()
    asking._options["max_tokens"] = -1
    with pytest.raises(TlmBadRequestError, match=r"options\.max_tokens"):
        await asking.get_trustworthiness_score_async("Say echo", "echo")


async def test_a_model_that_is_too_slow_for_the_caller_is_no_longer_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cleanlab_tlm.errors import APITimeoutError

    with serving() as running:
        point_clients_at(running.api, monkeypatch)
        running.model.faults.always(HANG)
        with pytest.raises(APITimeoutError):
            await tlm(timeout=1).get_trustworthiness_score_async("Say echo", "echo")


async def test_a_base_url_may_end_with_a_slash(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_clients_at(f"{server.api}/", monkeypatch)
    result = await tlm().get_trustworthiness_score_async("Say echo", "echo")
    assert is_share(result["trustworthiness_score"])
