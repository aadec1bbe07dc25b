"""The same run on Ray Data."""

import functools
import logging
import os
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

pytestmark = [
    # The defaults of Ray Data set what Ray Data itself has deprecated.
    pytest.mark.filterwarnings("ignore:`use_:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    import ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[2])}},
    )
    yield
    ray.shutdown()


def build(call_log: str) -> ModelRowScorer:
    return ModelRowScorer(TestScorer(call_log=call_log))


@pytest.mark.usefixtures("_cluster")
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
