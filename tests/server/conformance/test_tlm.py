"""`TLM`, `TLMLite` and their results, through the synchronous methods of the real clients."""

from typing import Any

import pytest

from tests.server.running import KEY, Running, is_share, serving, tlm
from tests.servers.tlm import point_clients_at

cleanlab_tlm = pytest.importorskip("cleanlab_tlm")

PROMPT = "/api/v0/trustworthy_llm/prompt"
SCORE = "/api/v0/trustworthy_llm/get_confidence_score"
EXPLANATION = "/api/v1/tlm_explanation/get_explanation"


@pytest.mark.conformance(1)
def test_a_prompt_is_one_request_that_brings_a_response_and_a_score(pointed: Running) -> None:
    result = tlm().prompt("Say the word echo")
    assert set(result) == {"response", "trustworthiness_score"}
    assert result["response"] == "echo"
    assert is_share(result["trustworthiness_score"])
    assert pointed.requests == [PROMPT]


@pytest.mark.conformance(2)
def test_a_list_of_prompts_is_one_request_each_and_comes_back_in_order(pointed: Running) -> None:
    results = tlm().prompt(["Say one", "Say two", "Say three"])
    assert [result["response"] for result in results] == ["one", "two", "three"]
    assert pointed.requests == [PROMPT] * 3


@pytest.mark.conformance(3)
def test_an_answer_is_one_of_those_that_are_allowed_for_its_prompt(pointed: Running) -> None:
    assert tlm().prompt("Say no", constrain_outputs=["yes", "no"])["response"] in ("yes", "no")
    allowed = [["red", "blue"], ["cat", "dog"]]
    results = tlm().prompt(["Which colour?", "Which animal?"], constrain_outputs=allowed)
    assert all(
        result["response"] in choices for result, choices in zip(results, allowed, strict=True)
    )


@pytest.mark.conformance(4)
def test_responses_are_scored_one_by_one_and_in_lists(pointed: Running) -> None:
    assert is_share(tlm().get_trustworthiness_score("Say echo", "echo")["trustworthiness_score"])
    prompts, responses = ["Say one", "Say yes"], ["one", "yes"]
    results = tlm().get_trustworthiness_score(
        prompts, responses, perplexity=[0.5, 0.9], constrain_outputs=[["one", "two"], ["yes", "no"]]
    )
    assert all(is_share(result["trustworthiness_score"]) for result in results)
    assert pointed.requests == [SCORE] * 3


@pytest.mark.conformance(5)
@pytest.mark.parametrize("task", ["default", "classification", "code_generation"])
def test_every_task_is_taken(pointed: Running, task: str) -> None:
    allowed = {} if task == "code_generation" else {"constrain_outputs": ["yes", "no"]}
    asking = tlm(task=task)
    assert is_share(asking.prompt("Say yes", **allowed)["trustworthiness_score"])
    scored = asking.get_trustworthiness_score("Say yes", "yes", **allowed)
    assert is_share(scored["trustworthiness_score"])


@pytest.mark.conformance(6)
@pytest.mark.parametrize("quality", ["best", "high", "medium", "low", "base"])
def test_an_explanation_is_in_every_entry_whatever_the_preset(
    pointed: Running, quality: str
) -> None:
    options: dict[str, Any] = {"log": ["explanation"]}
    if quality in ("low", "base"):
        options["num_consistency_samples"] = 1  # without, the client itself refuses
    asking = tlm(quality_preset=quality, options=options)
    results = asking.get_trustworthiness_score(["Say one", "Say two"], ["one", "two"])
    results.append(asking.prompt("Say three"))
    assert all(isinstance(result["log"]["explanation"], str) for result in results)


@pytest.mark.conformance(10)
def test_results_are_explained_afterwards(pointed: Running) -> None:
    asking = tlm(quality_preset="medium")
    prompts = ["Say one", "Say two"]
    results = asking.prompt(prompts)
    del pointed.requests[:]
    assert isinstance(asking.get_explanation(prompt=prompts[0], tlm_result=results[0]), str)
    texts = asking.get_explanation(prompt=prompts, tlm_result=results)
    assert [type(text) for text in texts] == [str, str]
    scored = asking.get_trustworthiness_score("Say echo", "echo")
    text = asking.get_explanation(prompt="Say echo", response="echo", tlm_result=scored)
    assert isinstance(text, str)
    # What has its explanation already is not asked about again.
    assert pointed.requests == [EXPLANATION, EXPLANATION, SCORE, EXPLANATION]


@pytest.mark.conformance(10)
def test_a_result_without_a_score_cannot_be_explained(pointed: Running) -> None:
    from cleanlab_tlm.errors import TlmBadRequestError

    result = {"response": "one", "trustworthiness_score": None}
    with pytest.raises(TlmBadRequestError, match="trustworthiness_score"):
        tlm().get_explanation(prompt="Say one", tlm_result=result)
    assert pointed.requests == [EXPLANATION]


@pytest.mark.conformance(11)
@pytest.mark.filterwarnings("ignore:Deprecated method:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:studio.TLMLite.* is deprecated:FutureWarning")
@pytest.mark.parametrize("logprobs", ["on", "off"])
@pytest.mark.parametrize("client", ["cleanlab_tlm", "cleanlab_studio"])
def test_the_light_client_gets_a_probability_from_every_model(
    monkeypatch: pytest.MonkeyPatch, client: str, logprobs: str
) -> None:
    with serving(model={"logprobs": logprobs}) as running:
        point_clients_at(running.api, monkeypatch)
        if client == "cleanlab_tlm":
            from cleanlab_tlm.utils.tlm_lite import TLMLite

            asking = TLMLite(api_key=KEY, quality_preset="low")
        else:
            from cleanlab_studio import Studio

            asking = Studio(KEY).TLMLite(quality_preset="low")
        results = [asking.prompt("Say one"), *asking.prompt(["Say two", "Say three"])]
    assert [result["response"] for result in results] == ["one", "two", "three"]
    assert all(is_share(result["trustworthiness_score"]) for result in results)


@pytest.mark.conformance(22)
@pytest.mark.parametrize("quality", ["best", "high", "medium"])
def test_the_evaluator_of_langflow_gets_score_and_reason(pointed: Running, quality: str) -> None:
    """Its call; the older ones of Langfuse and Phoenix make the same with lists."""
    asking = tlm(quality_preset=quality, options={"log": ["explanation"], "model": "gpt-4.1-mini"})
    result = asking.get_trustworthiness_score("Say echo", response="echo")
    assert is_share(result["trustworthiness_score"])
    assert isinstance(result["log"]["explanation"], str)
