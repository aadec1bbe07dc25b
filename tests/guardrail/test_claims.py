"""What the rail makes of the scores of sentences."""

import logging
import sys
from typing import Any

import pytest
from nemoguardrails import LLMRails, RailsConfig

from nemoguardrails_trust import TrustworthinessScore
from nemoguardrails_trust.errors import MissingDependencyError, SettingsError
from nemoguardrails_trust.guardrail.messages import CAUTION, NOT_CHECKED
from nemoguardrails_trust.guardrail.plugin import register
from nemoguardrails_trust.guardrail.settings import MARK
from nemoguardrails_trust.scores import Claim
from tests.guardrail import test_history, test_streaming
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1, bot_v2, is_main
from tests.guardrail.test_faults_local import CONFIG, KEY, MODEL
from tests.servers.openai import OpenAIServer

ANSWER = "Paris is the capital. It has 90 million people. It lies on the Seine."
FALSE = "It has 90 million people."
MARKED = ANSWER.replace(FALSE, f"{FALSE} {MARK}")
BOTS = pytest.mark.parametrize("bot", [bot_v1, bot_v2])


def claims(*scores: float, answer: str = ANSWER) -> tuple[Claim, ...]:
    texts = [f"{text.strip('. ')}." for text in answer.split(". ")]
    places = [answer.index(text) for text in texts]
    return tuple(
        Claim(start, start + len(text), text, score)
        for start, text, score in zip(places, texts, scores, strict=True)
    )


def scored(score: float | None, *scores: float) -> TrustworthinessScore:
    found = claims(*scores) if scores else None
    error = "it is down" if score is None else None
    return TrustworthinessScore(score, scorer="scripted", claims=found, error=error)


async def said(rails: Any) -> str:
    return str((await rails.generate_async(messages=ask()))["content"])


@BOTS
async def test_only_sentences_below_the_threshold_are_marked(
    scorer: ScriptedScorer, bot: Any
) -> None:
    scorer.answer = lambda _: scored(0.4, 0.9, 0.1, 0.6)
    rails = bot(ANSWER, settings="on_untrustworthy: mark")
    response = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
    assert response.response[-1]["content"] == MARKED
    trust = response.output_data["trust"]
    assert (trust["status"], trust["consequence"]) == ("untrustworthy", "mark")
    assert trust["claims"][1] == {"start": 22, "end": 47, "score": 0.1}


@BOTS
async def test_a_trusted_answer_is_left_as_it_is(scorer: ScriptedScorer, bot: Any) -> None:
    scorer.answer = lambda _: scored(0.9, 0.9, 0.1, 0.6)
    assert await said(bot(ANSWER, settings="on_untrustworthy: mark")) == ANSWER


@BOTS
@pytest.mark.parametrize(
    ("score", "caution"),
    [
        (scored(0.4), CAUTION),
        (scored(0.4, 0.9, 0.9, 0.9), CAUTION),
        (scored(None), NOT_CHECKED),
    ],
    ids=["no sentences", "none is low", "unchecked"],
)
async def test_where_none_can_be_marked_there_is_the_caution(
    scorer: ScriptedScorer, bot: Any, score: TrustworthinessScore, caution: str
) -> None:
    scorer.answer = lambda _: score
    assert await said(bot(ANSWER, settings="on_untrustworthy: mark")) == f"{ANSWER}\n{caution}"


async def test_the_mark_can_be_set_and_stand_on_the_line(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda _: scored(0.4, 0.9, 0.1, 0.6)
    rails = bot_v1(ANSWER, line="$on_untrustworthy=mark", settings="mark_text: '(not sure)'")
    assert await said(rails) == ANSWER.replace(FALSE, f"{FALSE} (not sure)")
    arguments = '$on_untrustworthy="mark"'
    assert await said(bot_v2(ANSWER, arguments=arguments)) == MARKED


async def test_sentences_that_do_not_stand_there_are_not_marked(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda _: scored(0.4, 0.1, 0.1, 0.1)
    rails = bot_v1("Something else. It is.", settings="on_untrustworthy: mark")
    assert (await said(rails)).endswith(CAUTION)


async def test_thinking_before_the_answer_moves_its_sentences(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda _: scored(0.4, 0.9, 0.1, 0.6)
    rails = bot_v1(f"<think>Hm. {FALSE}</think>{ANSWER}", settings="on_untrustworthy: mark")
    assert (await said(rails)).endswith(MARKED)


async def test_stream_with_trust_holds_the_answer_back_and_gives_it_marked(
    scorer: ScriptedScorer, caplog: pytest.LogCaptureFixture
) -> None:
    scorer.answer = lambda _: scored(0.4, 0.9, 0.1, 0.6)
    with caplog.at_level(logging.WARNING):
        rails = test_streaming.bot(ANSWER, settings="on_untrustworthy: mark")
    assert "stream_async cannot mark text" in caplog.text
    texts, event = await test_streaming.run(rails)
    assert "".join(texts) == MARKED
    assert event.outcome is not None
    assert event.outcome.consequence == "mark"


async def test_the_history_keeps_the_weakest_places_alone(scorer: ScriptedScorer) -> None:
    answer = "It is so indeed. " * 100
    many = tuple(
        Claim(17 * place, 17 * place + 16, "It is so indeed.", place / 100) for place in range(100)
    )
    scorer.answer = lambda _: TrustworthinessScore(
        0.9, scorer="scripted", claims=many, explanation="word " * 300
    )
    rails = bot_v1(answer)
    whole = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
    assert len(whole.output_data["trust"]["claims"]) == 100
    bare = bot_v1(answer)
    scorer.answer = 0.9
    await bare.generate_async(messages=ask())
    again = bot_v1(answer)
    scorer.answer = lambda _: TrustworthinessScore(0.9, scorer="scripted", claims=many)
    await again.generate_async(messages=ask())
    assert test_history.kept(again) - test_history.kept(bare) < 1000


def local_bot(models: str) -> LLMRails:
    register()
    yaml = CONFIG.format(models=models, timeout=20, on_error="flag")
    yaml = yaml.replace("on_error:", "explain: claims, on_untrustworthy: mark, on_error:")
    return LLMRails(RailsConfig.from_content(yaml_content=yaml))


async def test_the_local_scorer_marks_and_its_call_is_shown() -> None:
    def reply(body: dict[str, Any]) -> str:
        if is_main(body):
            return ANSWER
        text = str(body["messages"])
        if "Reply with 3 lines" in text:
            return "1: True 95\n2: False 5\n3: True 95"
        if "True or False" in text:
            return "False 10"
        return "Paris is the capital. It has 2 million people. It lies on the Seine."

    async with OpenAIServer(answer=reply, api_key=KEY) as server:
        models = MODEL.format(url=server.base_url, key=KEY)
        rails = local_bot(models)
        response = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
        assert response.response[-1]["content"] == MARKED
        trust = response.output_data["trust"]
        assert "Least supported: “It has 90 million people.” (22 to 47" in trust["explanation"]
        assert [call["purpose"] for call in trust["usage"]["by_call"]].count("claims") == 1
        tasks = [call.task for call in rails.explain().llm_calls]
        assert tasks.count("trustworthiness_claims") == 1


@pytest.mark.parametrize("setting", ["on_untrustworthy: mark", "explain: claims"])
def test_what_can_never_be_is_refused_at_the_start(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEANLAB_TLM_API_KEY", KEY)
    with pytest.raises(SettingsError, match="does not score sentences"):
        bot_v1(ANSWER, settings=setting, scorer="cleanlab-tlm")
    monkeypatch.setitem(sys.modules, "sentencex", None)
    with pytest.raises(MissingDependencyError, match="sentencex"):
        bot_v1(ANSWER, settings=setting, scorer="local")


@pytest.mark.parametrize("text", ["''", "' '", "3"])
def test_a_mark_must_be_a_text(text: str) -> None:
    with pytest.raises(SettingsError, match="mark_text"):
        bot_v1(ANSWER, settings=f"mark_text: {text}")
