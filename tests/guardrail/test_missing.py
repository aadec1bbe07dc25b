"""A signal that is missing is told, and makes an answer unchecked where the settings say so."""

import logging
from typing import Any

import pytest

from nemoguardrails_trust import Signal, TrustworthinessScore
from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.guardrail.messages import NOT_CHECKED
from nemoguardrails_trust.guardrail.missing import MissingSignals
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1

PARTIAL = TrustworthinessScore(
    0.9,
    signals={
        "consistency": Signal(0.9),
        "reflection": Signal(None, error="the judge gave no number"),
    },
    error="reflection: the judge gave no number",
)
WHOLE = TrustworthinessScore(0.9, signals={"consistency": Signal(0.9), "reflection": Signal(0.9)})


@pytest.fixture(autouse=True)
def _warnings_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


async def test_a_bot_tells_what_its_scores_lack_once_in_a_while(
    scorer: ScriptedScorer, caplog: pytest.LogCaptureFixture
) -> None:
    scorer.answer = lambda _: PARTIAL
    rails = bot_v1("Paris", "Rome", "Oslo")
    told = []
    for question in ("France?", "Italy?", "Norway?"):
        response = await rails.generate_async(
            messages=ask(question), options={"output_vars": ["trust"]}
        )
        told.append(response.output_data["trust"]["missing"])
    reason = "the judge gave no number"
    assert told == [{"reflection": {"reason": reason, "times": n, "of": n}} for n in (1, 2, 3)]
    warnings = [
        record.getMessage() for record in caplog.records if "missing" in record.getMessage()
    ]
    # What a scorer of the user's own says may quote the answer, so the log does not repeat it.
    assert warnings == [
        "reflection is missing in 1 of 1 scores: the reasons are logged at DEBUG",
    ]


def test_the_next_warning_counts_what_came_since(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    missing = MissingSignals(clock=lambda: now)
    missing.count(PARTIAL)
    missing.count(WHOLE)
    now = 59.0
    missing.count(PARTIAL)
    now = 60.0
    missing.count(PARTIAL)
    assert [record.getMessage() for record in caplog.records] == [
        "reflection is missing in 1 of 1 scores: 1 × the judge gave no number",
        "reflection is missing in 3 of 4 scores: 3 × the judge gave no number",
    ]


async def test_a_whole_score_has_nothing_to_tell(scorer: ScriptedScorer) -> None:
    scorer.answer = lambda _: WHOLE
    response = await bot_v1("Paris").generate_async(
        messages=ask(), options={"output_vars": ["trust"]}
    )
    assert "missing" not in response.output_data["trust"]


@pytest.mark.parametrize(
    ("settings", "result", "shown"),
    [
        ("require: [reflection]", PARTIAL, f"Paris\n{NOT_CHECKED}"),
        ("require: [consistency]", PARTIAL, "Paris"),
        ("require: [reflection, consistency]", WHOLE, "Paris"),
        ("min_signals: 2", PARTIAL, f"Paris\n{NOT_CHECKED}"),
        ("min_signals: 1", PARTIAL, "Paris"),
        ("min_signals: 2", WHOLE, "Paris"),
    ],
)
async def test_too_few_signals_leave_an_answer_unchecked_where_that_is_wanted(
    scorer: ScriptedScorer, settings: str, result: TrustworthinessScore, shown: str
) -> None:
    scorer.answer = lambda _: result
    response = await bot_v1("Paris", settings=settings).generate_async(
        messages=ask(), options={"output_vars": ["trust"]}
    )
    trust: dict[str, Any] = response.output_data["trust"]
    assert response.response[-1]["content"] == shown
    is_checked = shown == "Paris"
    assert trust["trustworthiness_score"] == (0.9 if is_checked else None)
    assert is_checked or "the judge gave no number" in trust["error"]


@pytest.mark.parametrize(
    ("scorer_name", "settings", "key"),
    [
        ("local", "require: [reflexion]", "require"),
        ("local", "require: [consistency], quality: low", "require"),
        ("local", "min_signals: 4", "min_signals"),
        ("cleanlab-tlm", "require: [reflection]", "require"),
        ("cleanlab-studio", "min_signals: 1", "min_signals"),
    ],
)
def test_signals_that_can_never_be_had_stop_the_bot(
    scorer_name: str, settings: str, key: str
) -> None:
    with pytest.raises(Exception) as caught:
        bot_v1(settings=settings, scorer=scorer_name)
    cause: BaseException | None = caught.value
    while cause is not None and not isinstance(cause, SettingsError):
        cause = cause.__cause__ or cause.__context__
    assert isinstance(cause, SettingsError)
    assert cause.key == key
