"""The same run on Ray Data."""

import functools
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.ray import ray_engine
from nemoguardrails_trust.datasets.row_scorers import ModelRowScorer
from nemoguardrails_trust.datasets.runs import Job, carry_out
from nemoguardrails_trust.datasets.shards import run_folder_path
from nemoguardrails_trust.datasets.writers import Output
from nemoguardrails_trust.errors import DataError
from tests.datasets.samples import make_rows, read, write
from tests.datasets.scorers import TestScorer, expected_score
from tests.test_scorer_faults import Told, check_door, told_by_command

pytestmark = [
    # The defaults of Ray Data set what Ray Data itself has deprecated.
    pytest.mark.filterwarnings("ignore:`use_:DeprecationWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    """Lets Ray's processes find the tests. The first run starts Ray, the others take it over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        yield
        import ray

        ray.shutdown()


async def _score(tmp_path: Path, calibration: Path | None) -> Told:
    return told_by_command("score", tmp_path, calibration, "--engine", "ray", code=1)[0]


@pytest.mark.parametrize("calibrated", [False, True], ids=["plain", "calibrated"])
async def test_every_fault_of_a_scorer_is_told_on_ray_and_costs_only_its_answer(
    calibrated: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await check_door(_score, tmp_path, calibrated, caplog)


def build(call_log: str) -> ModelRowScorer:
    return ModelRowScorer(TestScorer(call_log=call_log))


def test_a_run_begun_here_is_ended_on_ray_with_the_same_shards(tmp_path: Path) -> None:
    from nemoguardrails_trust.datasets.local import local_engine
    from tests.datasets.test_runs import KilledError, dying_after

    rows = [*make_rows(94), {"id": 94, "prompt": "p", "response": "bad"}, *make_rows(5)]
    data = write(tmp_path / "data.csv", rows)
    job = Job(
        source=open_source(data),
        columns=Columns(context=None),
        out=tmp_path / "out.parquet",
        output=Output("parquet"),
        settings={},
        threshold=0.6,
        concurrency=4,
        shard_size=20,
    )
    with pytest.raises(KilledError):
        carry_out(job, local_engine(ModelRowScorer(dying_after(30))))
    calls = tmp_path / "calls"
    outcome = carry_out(job, ray_engine(functools.partial(build, str(calls))))
    assert outcome.complete
    assert 26 <= outcome.resumed <= 30
    assert (outcome.tally.rows, outcome.tally.errors) == (100, 1)
    assert len(calls.read_text().splitlines()) == 100 - outcome.resumed
    scored = read(job.out)
    assert [row["id"] for row in scored] == [str(row["id"]) for row in rows]
    assert scored[50]["trustworthiness_score"] == expected_score("answer 50")
    assert scored[94]["error"] == "no score for this one"
    assert run_folder_path(job.out).exists()  # kept for the failed row

    write(data, [*rows[:60], *reversed(rows[60:])])
    with pytest.raises(DataError, match="row 61 is not the one that was scored"):
        carry_out(job, ray_engine(functools.partial(build, str(calls))))


def _take_turn(most: int) -> bool:
    """Whether a process that Ray has started may send a request."""
    import asyncio

    from nemoguardrails_trust.models.limits import rates_shared
    from nemoguardrails_trust.models.pacing import Wait
    from nemoguardrails_trust.models.ray_rates import share_rates_over_ray

    share_rates_over_ray()
    rates = rates_shared("one model")
    assert rates is not None
    return not isinstance(asyncio.run(rates.take_turn((most, None), 0)), Wait)


def test_rates_hold_for_all_processes_of_the_cluster_together() -> None:
    import ray

    if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    taking = ray.remote(max_calls=1)(_take_turn)  # each in a process of its own
    assert sorted(ray.get([taking.remote(1) for _ in range(2)])) == [False, True]
