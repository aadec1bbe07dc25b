"""A calibration maps scores, survives its file, and is refused where it does not belong."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.calibration.calibration import Calibration, calibrating_command
from nemoguardrails_trust.calibration.intervals import Interval
from nemoguardrails_trust.errors import DataError, ModelTimeoutError, SettingsError
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.models.replay import Recorded, ReplayModel
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.create import (
    create_scorer,
    load_calibration,
    threshold_of,
)
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.scores import Signal, TrustworthinessScore
from nemoguardrails_trust.signals.combine import Weights, combine

RECORD = Recorded("Capital of Peru?", "Lima", samples=("Lima", "Cusco"), reflection=0.8)
EXCHANGE = RECORD.exchange


def calibration(**changes: Any) -> Calibration:
    values: dict[str, Any] = {
        "scorer": "local",
        "quality": "medium",
        "model": "replay",
        "knots": ((0.0, 0.1), (0.5, 0.2), (1.0, 0.9)),
        "fit": "isotonic",
        "n": 100,
        "created": "2025-01-01T00:00:00+00:00",
    }
    return Calibration(**{**values, **changes})


def saved(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "calibration.json"
    calibration(**changes).save(path)
    return path


class UserScorer:
    """A scorer of a user's own, which the factory below gives."""

    def __init__(self) -> None:
        self.closed = False
        self.checked = False

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        if exchange.response == "slow":
            raise ModelTimeoutError("too slow")
        score = None if exchange.response == "unknown" else 0.5
        return TrustworthinessScore(score, scorer="users", metadata={"kept": True})

    def check(self) -> None:
        self.checked = True

    async def aclose(self) -> None:
        self.closed = True


BUILT: list[UserScorer] = []


def user_scorer(_: ScorerSettings) -> UserScorer:
    BUILT.append(UserScorer())
    return BUILT[-1]


USERS = f"{__name__}:user_scorer"


@pytest.mark.parametrize(
    ("score", "probability"),
    [(0.0, 0.1), (0.25, 0.15), (0.5, 0.2), (0.75, 0.55), (1.0, 0.9)],
)
def test_joins_its_knots_by_straight_lines(score: float, probability: float) -> None:
    assert calibration().apply(score) == pytest.approx(probability)


def test_is_level_beyond_its_knots() -> None:
    middle = calibration(knots=((0.4, 0.3), (0.6, 0.7)))
    assert middle.apply(0.1) == 0.3
    assert middle.apply(0.9) == 0.7


shares = st.floats(0.0, 1.0)
knots = st.lists(st.tuples(shares, shares), min_size=1, max_size=12).map(
    lambda pairs: tuple(
        zip(sorted({x for x, _ in pairs}), sorted(y for _, y in pairs), strict=False)
    )
)


@given(knots, shares, shares)
@settings(max_examples=500)
def test_the_map_never_falls_and_stays_from_0_to_1(
    points: tuple[tuple[float, float], ...], a: float, b: float
) -> None:
    low, high = sorted((a, b))
    mapped = calibration(knots=points)
    assert 0.0 <= mapped.apply(low) <= mapped.apply(high) <= 1.0


def test_a_file_of_more_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(b"[" * 1_000_001)
    with pytest.raises(DataError, match=r"calibration\.json: has more than 1,000,000 bytes"):
        Calibration.load(path)


def test_survives_its_file(tmp_path: Path) -> None:
    made = calibration(
        weights={"reflection": 0.2, "consistency": 0.8},
        threshold=0.7,
        target="recall=0.8",
        expected={"recall": Interval(0.8, 0.7, 0.9), "ece": Interval(0.02)},
    )
    path = tmp_path / "calibration.json"
    made.save(path)
    assert Calibration.load(path) == made
    assert json.loads(path.read_text(encoding="utf-8"))["version"] == 1
    assert made.signal_weights == Weights(0.2, 0.8)
    assert calibration().signal_weights is None


def test_saving_replaces_whole_files_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = saved(tmp_path)
    calibration(n=7).save(path)
    assert Calibration.load(path).n == 7
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="cannot be written: No space left"):
        calibration(n=7).save(path)
    assert Calibration.load(path).n == 100
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Invalid JSON"),
        ("[]", "is not a calibration"),
        ("{}", "scorer: it is missing"),
        ('{"version": 2}', "version: it must be 1"),
    ],
)
def test_a_file_that_is_no_calibration_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="made by `nemo-trust calibrate`") as caught:
        Calibration.load(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: cannot be read: No such file"):
        Calibration.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"knots": ()},
        {"knots": ((0.5, 0.5), (0.5, 0.6))},
        {"knots": ((0.1, 0.5), (0.5, 0.4))},
        {"knots": ((0.1, 1.5),)},
        {"threshold": float("nan")},
        {"weights": {"magic": 1.0}},
        {"weights": {"reflection": -1.0}},
        {"surprise": 1},
    ],
)
def test_values_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        calibration(**changes)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"scorer": "cleanlab-tlm"}, "made for scorer 'local', not 'cleanlab-tlm'"),
        ({"quality": "best"}, "made for quality 'medium', not 'best'"),
        ({"model": "gpt-4o"}, "made for model 'replay', not 'gpt-4o'"),
        (
            {"quality": "low", "model": None},
            "made for quality 'medium', not 'low' and model 'replay', not None",
        ),
    ],
)
def test_another_scorer_preset_or_model_is_refused_by_name(
    wanted: dict[str, Any], says: str
) -> None:
    made_for: dict[str, Any] = {"scorer": "local", "quality": "medium", "model": "replay"}
    calibration().require_match(**made_for)
    with pytest.raises(SettingsError) as caught:
        calibration().require_match(**{**made_for, **wanted})
    assert says in str(caught.value)
    assert caught.value.key == "calibration"


def test_scores_of_an_unnamed_scorer_calibrate_no_scorer() -> None:
    with pytest.raises(SettingsError, match="make it again with --scorer"):
        calibration(scorer=None).require_match(scorer="local", quality="medium", model=None)


async def test_the_local_scorer_weighs_and_maps_by_its_calibration(tmp_path: Path) -> None:
    path = saved(tmp_path, weights={"reflection": 0.1, "consistency": 0.9})
    plain = create_scorer(ScorerSettings(), ReplayModel([RECORD])).scorer
    settings = ScorerSettings(calibration=path)
    calibrated = create_scorer(settings, ReplayModel([RECORD]), samples=2).scorer
    assert isinstance(plain, LocalScorer)
    assert isinstance(calibrated, LocalScorer)
    before, after = await asyncio.gather(plain.score(EXCHANGE), calibrated.score(EXCHANGE))
    signals = after.signal_values
    assert set(signals) == {"reflection", "consistency"}
    raw = combine(signals, Weights(0.1, 0.9))
    assert raw is not None
    assert after.score == pytest.approx(Calibration.load(path).apply(raw))
    assert after.score != before.score


async def test_other_scorers_are_wrapped(tmp_path: Path) -> None:
    path = saved(tmp_path, scorer=USERS, model=None)
    scorer = create_scorer(ScorerSettings(scorer=USERS, calibration=path)).scorer
    score = await scorer.score(Exchange("x"))
    assert score.score == pytest.approx(0.2)
    assert dict(score.metadata) == {"kept": True, "uncalibrated_score": 0.5}
    assert (await scorer.score(Exchange("unknown"))).score is None
    with pytest.raises(ModelTimeoutError):
        await scorer.score(Exchange("slow"))
    scorer.check()  # type: ignore[attr-defined]
    await scorer.aclose()  # type: ignore[attr-defined]
    assert BUILT[-1].checked
    assert BUILT[-1].closed


async def test_without_a_calibration_nothing_is_wrapped() -> None:
    scorer = create_scorer(ScorerSettings(scorer=USERS)).scorer
    assert scorer is BUILT[-1]


def test_a_calibration_for_another_model_is_refused_when_the_scorer_is_built(
    tmp_path: Path,
) -> None:
    settings = ScorerSettings(calibration=saved(tmp_path))
    with pytest.raises(SettingsError, match="made for model 'replay', not 'other'"):
        create_scorer(settings, ReplayModel([RECORD], name="other"))


def test_options_of_the_local_scorer_are_refused_elsewhere() -> None:
    with pytest.raises(SettingsError, match="samples: only for the local scorer"):
        create_scorer(ScorerSettings(scorer=USERS), samples=3)


def test_the_users_threshold_wins_over_the_calibrations(tmp_path: Path) -> None:
    path = saved(tmp_path, threshold=0.7)
    unset, own = ScorerSettings(calibration=path), ScorerSettings(calibration=path, threshold=0.6)
    loaded = load_calibration(unset, ReplayModel([RECORD]))
    assert threshold_of(unset, loaded) == 0.7
    assert threshold_of(own, loaded) == 0.6
    assert threshold_of(unset, None) == 0.6
    assert threshold_of(unset, calibration()) == 0.6
    assert load_calibration(ScorerSettings()) is None


def test_recalibrating_makes_the_score_anew_from_its_signals() -> None:
    weighed = calibration(weights={"reflection": 0.5, "consistency": 0.5})
    signals = {"reflection": Signal(0.5), "consistency": Signal(1.0)}
    score = weighed.recalibrate(TrustworthinessScore(0.1, signals))
    assert score.score == pytest.approx(weighed.apply(0.75))
    assert score.metadata["uncalibrated_score"] == 0.1
    with pytest.raises(SettingsError, match="but the scores have none"):
        weighed.recalibrate(TrustworthinessScore(0.1))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"model": "m"}, "--live m"),
        ({"model": "m", "base_url": "http://x/v1"}, "--live m --base-url http://x/v1"),
        ({"model": "m", "quality": "high"}, "--live m --quality high"),
        ({"model": None, "base_url": "", "quality": "high"}, "DATA --quality high"),
    ],
)
def test_the_command_is_told_with_what_is_not_usual(asked: dict[str, Any], told: str) -> None:
    assert calibrating_command(**asked) == f"nemo-trust calibrate {told} --out calibration.json"
