"""Scores of sentences from Python."""

from typing import Any

import pytest

from nemoguardrails_trust import TLM
from nemoguardrails_trust.errors import BatchError, SettingsError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scores import TrustworthinessScore
from tests.tlm.scene import is_judging, is_sampling, text_of, tlm_and_server

ANSWER = "Jupiter is the largest planet. It has 80 moons."
PROMPT = "Tell me about Jupiter."


def answer(body: dict[str, Any]) -> str:
    if is_sampling(body):
        return "Jupiter is the largest planet. It has 95 moons."
    if not is_judging(body):
        return ANSWER
    return "1: True 95\n2: False 10" if "Reply with 2 lines" in text_of(body) else "True 90"


def test_one_response() -> None:
    with tlm_and_server(answer) as (tlm, server):
        result = tlm.score_claims(PROMPT, ANSWER)
        assert result.keys() == {"trustworthiness_score", "claims"}
        right, wrong = result["claims"]
        assert right["text"] == ANSWER[right["start"] : right["end"]]
        assert right["text"] == "Jupiter is the largest planet."
        assert right["score"] > 0.9 > 0.3 > wrong["score"]
        assert len(server.bodies) == 3
        assert tlm.try_score_claims(PROMPT, ANSWER) == result


def test_a_list_of_them_with_passages() -> None:
    with tlm_and_server(answer) as (tlm, server):
        results = tlm.score_claims([PROMPT] * 2, [ANSWER, "It is red."], context=["a", "b"])
        assert [len(result["claims"]) for result in results] == [2, 1]
        assert any("does the context bear out" in text_of(body) for body in server.bodies)


async def test_awaited() -> None:
    with tlm_and_server(answer) as (tlm, _):
        result = await tlm.score_claims_async(PROMPT, ANSWER)
        assert result == await tlm.try_score_claims_async(PROMPT, ANSWER)
        await tlm.aclose()


def test_what_cannot_be_scored_is_an_error_or_told() -> None:
    with tlm_and_server(answer) as (tlm, _):
        with pytest.raises(BatchError) as caught:
            tlm.score_claims([PROMPT, ""], [ANSWER, None])
        assert caught.value.results[0]["claims"]
        tried = tlm.try_score_claims([PROMPT, PROMPT], [ANSWER, None])[1]
        assert tried["claims"] is None
        assert tried["trustworthiness_score"] is None
        assert tried["log"]["error"]["message"]


def test_the_log_has_them_with_answers_and_scores() -> None:
    with tlm_and_server(answer, options={"log": ["claims", "explanation"]}) as (tlm, _):
        prompted = tlm.prompt(PROMPT)
        scored = tlm.get_trustworthiness_score(PROMPT, ANSWER)
        assert [claim["text"] for claim in prompted["log"]["claims"]] == [
            "Jupiter is the largest planet.",
            "It has 80 moons.",
        ]
        assert prompted["log"]["claims"] == scored["log"]["claims"]
        assert "Least supported: “It has 80 moons.”" in scored["log"]["explanation"]


class Own:
    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        return TrustworthinessScore(0.5)


def test_other_scorers_have_none() -> None:
    tlm = TLM(scorer=Own())
    with pytest.raises(SettingsError, match="no `async def score_claims"):
        tlm.score_claims(PROMPT, ANSWER)
    with pytest.raises(SettingsError, match="'claims', with this scorer"):
        TLM(scorer=Own(), options={"log": ["claims"]})
