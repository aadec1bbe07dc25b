"""`TrustworthyRAG` over real HTTP, to a server whose model judges as each test says."""

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nemoguardrails_trust import (
    CredentialsError,
    DataError,
    Eval,
    SettingsError,
    TrustworthyRAG,
)
from tests.servers.faults import status
from tests.servers.openai import Answer, OpenAIServer, Token
from tests.tlm.scene import KEY, is_answering, is_judging, is_sampling, serving, text_of

Body = dict[str, Any]

QUERY = "How long do I have to return a jacket?"
CONTEXT = "Clothing may be returned within 30 days."
DEFAULTS = ["context_sufficiency", "response_groundedness", "response_helpfulness", "query_ease"]
PHRASES = {
    "context_sufficiency": "The Document alone holds all",
    "response_groundedness": "Every factual claim of the Response",
    "response_helpfulness": "The AI Assistant Response tries",
    "query_ease": "The User Request is easy to serve",
    "tool_call_helpfulness": "The Tool Calls are a sensible",
    "tool_call_groundedness": "Every value among the arguments",
}
CALL = '[{"name": "find_order", "arguments": {"id": 7}}]'


def evaluated(body: Body) -> str | None:
    """Which evaluation a request makes, if any."""
    text = text_of(body)
    return next((name for name, phrase in PHRASES.items() if phrase in text), None)


def speaking(
    answer: str = "30 days", verdicts: Mapping[str, Answer] | None = None
) -> Callable[[Body], Answer]:
    """A model that answers, samples the same, and judges by the evaluation's name."""

    def say(body: Body) -> Answer:
        name = evaluated(body)
        if name is not None:
            return (verdicts or {}).get(name, "True 80")
        return "True 90" if is_judging(body) else answer

    return say


@contextmanager
def rag_and_server(
    answer: Callable[[Body], Answer] | None = None,
    *,
    server: dict[str, Any] | None = None,
    **arguments: Any,
) -> Iterator[tuple[TrustworthyRAG, OpenAIServer]]:
    with (
        serving(answer or speaking(), **({"logprobs": "off"} | (server or {}))) as running,
        TrustworthyRAG(
            **{"model": "gpt-test", "base_url": running.base_url, "api_key": KEY} | arguments
        ) as rag,
    ):
        yield rag, running


def made(server: OpenAIServer) -> list[str]:
    return sorted(name for body in server.bodies if (name := evaluated(body)))


class TestScoring:
    def test_brings_the_trustworthiness_and_the_four_default_evaluations(self) -> None:
        verdicts = {"response_groundedness": "False 5", "query_ease": "True 70"}
        with rag_and_server(speaking(verdicts=verdicts)) as (rag, server):
            result = rag.score(query=QUERY, context=CONTEXT, response="30 days")
        assert [*result] == ["trustworthiness", *DEFAULTS]
        assert 0.8 < result["trustworthiness"]["score"] <= 1.0
        assert result["context_sufficiency"] == {"score": 0.8}
        assert result["response_groundedness"] == {"score": 0.05}
        assert result["response_helpfulness"] == {"score": 0.8}
        assert result["query_ease"] == {"score": 0.7}
        assert made(server) == sorted(DEFAULTS)

    def test_reads_the_probability_of_true_where_the_server_gives_it(self) -> None:
        def tokens(body: Body, text: str) -> list[Token]:
            shares = {"True": math.log(0.625), "False": math.log(0.375)}
            return [("True", shares["True"], shares)] if evaluated(body) else [(text, -0.1, {})]

        with rag_and_server(server={"logprobs": "on", "tokens": tokens}) as (rag, _):
            result = rag.score(query=QUERY, context=CONTEXT, response="30 days")
        assert [result[name]["score"] for name in DEFAULTS] == pytest.approx([0.625] * 4)

    def test_asks_everything_at_once(self) -> None:
        with rag_and_server(server={"latency": 0.3}, quality_preset="low") as (rag, server):
            rag.score(query=QUERY, context=CONTEXT, response="30 days")  # learns what is served
            server.peak_requests = 0
            rag.score(query=QUERY, context=CONTEXT, response="30 days")
            assert server.peak_requests == 5
            assert len(server.received) == 10

    def test_makes_the_users_own_evaluations_only(self) -> None:
        own = Eval(
            "polite",
            "The Reply is polite. (Every factual claim of the Response)",
            None,
            None,
            "Reply",
        )
        with rag_and_server(evals=[own], quality_preset="low") as (rag, server):
            result = rag.score(query=QUERY, context=CONTEXT, response="30 days")
            assert rag.get_evals() == [own]
        assert [*result] == ["trustworthiness", "polite"]
        (asked,) = [text_of(body) for body in server.bodies if evaluated(body)]
        assert "Reply:\n<response" in asked
        assert CONTEXT not in asked

    def test_without_evaluations_is_the_trustworthiness_alone(self) -> None:
        with rag_and_server(evals=[], quality_preset="low") as (rag, server):
            result = rag.score(query=QUERY, context=CONTEXT, response="30 days")
        assert [*result] == ["trustworthiness"]
        assert len(server.received) == 1

    def test_makes_evaluations_alone_where_trustworthiness_is_not_wanted(self) -> None:
        with rag_and_server(options={"disable_trustworthiness": True}) as (rag, server):
            result = rag.score(query=QUERY, context=CONTEXT, response="30 days")
            assert len(server.received) == len(DEFAULTS)
            answered = rag.generate(query=QUERY, context=CONTEXT)
        assert [*result] == DEFAULTS
        assert [*answered] == ["response", *DEFAULTS]

    def test_must_have_something_to_score(self) -> None:
        with pytest.raises(SettingsError, match="leaves nothing to score"):
            TrustworthyRAG(
                evals=[], options={"disable_trustworthiness": True}, base_url="http://127.0.0.1:9"
            )

    def test_keeps_the_order_of_lists_and_the_failure_of_each(self) -> None:
        with rag_and_server(quality_preset="low") as (rag, server):
            results = rag.score(
                query=[QUERY, 3, "How far?"],
                context=[CONTEXT, CONTEXT, ["12 km.", "7 miles."]],
                response=["30 days", "x", "12 km"],
            )
        scored = [result["trustworthiness"]["score"] is not None for result in results]
        assert scored == [True, False, True]
        assert [*results[1]] == ["trustworthiness", *DEFAULTS]
        for name in results[1]:
            error = results[1][name]["log"]["error"]
            assert error == {"message": error["message"], "retryable": False}
        judged = [text_of(body) for body in server.bodies if evaluated(body)]
        assert len(judged) == 8
        assert any("12 km.\n\n7 miles." in text for text in judged)

    def test_of_an_evaluation_that_fails_leaves_the_others(self) -> None:
        verdicts = {"query_ease": "I would rather not say."}
        with rag_and_server(speaking(verdicts=verdicts)) as (rag, _):
            result = rag.score(query=QUERY, context=CONTEXT, response="30 days")
        assert result["context_sufficiency"] == {"score": 0.8}
        assert result["query_ease"]["score"] is None
        assert "could not be read" in result["query_ease"]["log"]["error"]["message"]

    def test_takes_the_prompt_that_the_model_was_given(self) -> None:
        with rag_and_server() as (rag, server):
            rag.score(
                query=QUERY,
                context=CONTEXT,
                response="30 days",
                form_prompt=lambda query, context: f"Use this: {context} Then: {query}",
            )
            rag.score(query=[QUERY], context=[CONTEXT], response=["30 days"], prompt=["The whole."])
        sampled = [text_of(body) for body in server.bodies if is_sampling(body)]
        formed = f"Use this: {CONTEXT} Then: {QUERY}"
        assert sampled == [formed, f"Context:\n\n{CONTEXT}\n\nThe whole."]
        for body in server.bodies:
            if evaluated(body) == "query_ease":
                assert f"\n{QUERY}\n</query" in text_of(body)
                assert "Use this" not in text_of(body)

    def test_explains_where_asked(self) -> None:
        def say(body: Body) -> Answer:
            if is_judging(body):
                return "False 5\nThe passage says 30 days."
            return speaking()(body)

        options = {"log": ["explanation"]}
        with rag_and_server(say, quality_preset="low", options=options) as (rag, _):
            result = rag.score(query=QUERY, context=CONTEXT, response="90 days")
        assert result["trustworthiness"]["log"] == {"explanation": "The passage says 30 days."}

    def test_works_on_the_callers_loop(self) -> None:
        async def both(rag: TrustworthyRAG) -> tuple[Any, Any]:
            async with rag:
                return await asyncio.gather(
                    rag.score_async(query=QUERY, context=CONTEXT, response="30 days"),
                    rag.generate_async(query=[QUERY], context=CONTEXT),
                )

        with rag_and_server() as (rag, _):
            scored, generated = asyncio.run(both(rag))
        assert [*scored] == ["trustworthiness", *DEFAULTS]
        assert [*generated[0]] == ["response", "trustworthiness", *DEFAULTS]


class TestAResponseThatCallsTools:
    def test_is_evaluated_as_calls(self) -> None:
        with rag_and_server() as (rag, server):
            result = rag.score(query="Where is order 7?", context=CONTEXT, response=CALL)
        assert [*result] == [
            "trustworthiness",
            *DEFAULTS,
            "tool_call_helpfulness",
            "tool_call_groundedness",
        ]
        assert result["response_groundedness"] == result["response_helpfulness"] == {"score": None}
        assert result["tool_call_groundedness"] == {"score": 0.8}
        assert made(server) == sorted(
            [
                "context_sufficiency",
                "query_ease",
                "tool_call_helpfulness",
                "tool_call_groundedness",
            ]
        )

    def test_is_evaluated_as_calls_where_the_model_makes_them(self) -> None:
        function = {"name": "find_order", "arguments": '{"id": 7}'}
        message = {"content": None, "tool_calls": [{"type": "function", "function": function}]}

        def say(body: Body) -> Answer:
            return message if not (evaluated(body) or is_judging(body)) else speaking()(body)

        with rag_and_server(say, tool_call_evals=[]) as (rag, server):
            result = rag.generate(query="Where is order 7?", context=CONTEXT)
        assert result["response_helpfulness"] == {"score": None}
        assert made(server) == ["context_sufficiency", "query_ease"]


class TestGenerating:
    def test_brings_the_answer_with_its_scores(self) -> None:
        with rag_and_server() as (rag, server):
            result = rag.generate(query=QUERY, context=[CONTEXT, "Shoes: 14 days."])
        assert [*result] == ["response", "trustworthiness", *DEFAULTS]
        assert result["response"] == "30 days"
        assert result["response_groundedness"] == {"score": 0.8}
        (asked,) = [text_of(body) for body in server.bodies if is_answering(body)]
        assert asked == f"Context:\n\n{CONTEXT}\n\nShoes: 14 days.\n\n{QUERY}"

    def test_evaluates_beside_the_answer_what_does_not_need_it(self) -> None:
        with rag_and_server(server={"latency": 0.2}, quality_preset="low") as (rag, server):
            rag.generate(query=QUERY, context=CONTEXT)
            stages = [evaluated(body) or "answer or judge" for body in server.bodies]
        assert set(stages[:3]) == {"context_sufficiency", "query_ease", "answer or judge"}
        assert set(stages[3:]) == {
            "response_groundedness",
            "response_helpfulness",
            "answer or judge",
        }

    def test_evaluates_the_best_of_several_answers(self) -> None:
        def say(body: Body) -> Answer:
            if is_answering(body):
                return ["90 days", "30 days"]
            if is_judging(body):
                return "False 2" if "\n90 days\n" in text_of(body) else "True 98"
            return speaking()(body)

        options = {"num_candidate_responses": 2}
        with rag_and_server(say, options=options) as (rag, server):
            result = rag.generate(query=QUERY, context=CONTEXT)
        assert result["response"] == "30 days"
        grounded = [
            text_of(body) for body in server.bodies if evaluated(body) == "response_groundedness"
        ]
        assert len(grounded) == 1
        assert "\n30 days\n</response" in grounded[0]

    def test_of_many_tells_the_failure_of_each(self) -> None:
        def say(body: Body) -> Answer:
            return "" if is_answering(body) else speaking()(body)

        with rag_and_server(say) as (rag, _):
            (result,) = rag.generate(query=[QUERY], context=[CONTEXT])
        assert result["response"] is None
        assert "no text" in result["trustworthiness"]["log"]["error"]["message"]
        assert result["context_sufficiency"] == {"score": 0.8}
        assert "no text" in result["response_groundedness"]["log"]["error"]["message"]


class TestFailures:
    def test_of_one_raise(self) -> None:
        with rag_and_server() as (rag, server):
            with pytest.raises(DataError, match="the query"):
                rag.score(query={"not": "a query"}, context=CONTEXT, response="x")
            server.faults.always(status(401, {"error": {"message": "no"}}))
            with pytest.raises(CredentialsError):
                rag.score(query=QUERY, context=CONTEXT, response="x")

    def test_that_hold_for_all_are_not_met_again_and_again(self) -> None:
        with rag_and_server(concurrency=1, quality_preset="low") as (rag, server):
            server.faults.always(status(401, {"error": {"message": "no"}}))
            results = rag.score(query=[QUERY] * 50, context=CONTEXT, response=["x"] * 50)
            assert len(server.received) <= 5
        for result in results:
            assert all(result[name]["score"] is None for name in result)
            assert all("log" in result[name] for name in result)

    @pytest.mark.parametrize(
        ("arguments", "key"),
        [
            (
                {"options": {"custom_eval_criteria": [{"name": "a", "criteria": "b"}]}},
                "options.custom_eval_criteria",
            ),
            ({"evals": [Eval("a", "b", "Query"), Eval("a", "c", "Query")]}, "evals"),
            ({"evals": ["query_ease"]}, "evals"),
            ({"evals": [Eval("tool_call_helpfulness", "b", "Query")]}, "evals"),
            ({"quality_preset": "extreme"}, "quality_preset"),
        ],
    )
    def test_of_the_set_up_name_what_is_wrong(self, arguments: dict[str, Any], key: str) -> None:
        with pytest.raises(SettingsError) as caught:
            TrustworthyRAG(model="gpt-test", api_key=KEY, **arguments)
        assert caught.value.key == key

    @pytest.mark.parametrize(
        ("arguments", "key"),
        [
            ({"prompt": "p", "form_prompt": lambda query, context: "p"}, "prompt"),
            ({"query": [QUERY], "response": "x"}, "response"),
            ({"query": [QUERY] * 2, "response": ["x"] * 3}, "response"),
            ({"query": [QUERY] * 2, "response": ["x"] * 2, "prompt": ["p"]}, "prompt"),
            ({"query": [QUERY] * 2, "response": ["x"] * 2, "context": ["c"]}, "context"),
        ],
    )
    def test_of_lists_name_the_one_that_does_not_fit(
        self, arguments: dict[str, Any], key: str
    ) -> None:
        whole: dict[str, Any] = {"query": QUERY, "context": CONTEXT, "response": "x"} | arguments
        rag = TrustworthyRAG(model="gpt-test", api_key=KEY)
        with rag, pytest.raises(SettingsError) as caught:
            rag.score(**whole)
        assert caught.value.key == key


verdicts = st.sampled_from(["True 100", "False 0", "True", "no", "", "nonsense", "\ud83d", "50"])


def test_any_verdict_brings_a_score_in_range_or_a_reason() -> None:
    spoken: dict[str, Answer] = {}
    with rag_and_server(lambda body: speaking(verdicts=spoken)(body), quality_preset="low") as (
        rag,
        _,
    ):

        @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
        @given(st.fixed_dictionaries(dict.fromkeys(DEFAULTS, verdicts)))
        def check(drawn: dict[str, Answer]) -> None:
            spoken.clear()
            spoken.update(drawn)
            result = rag.score(query=QUERY, context=CONTEXT, response="30 days")
            for name in DEFAULTS:
                if result[name]["score"] is None:
                    assert result[name]["log"]["error"]["message"]
                else:
                    assert 0.0 <= result[name]["score"] <= 1.0

        check()
