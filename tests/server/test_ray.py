"""The server on Ray Serve: two replicas, one of which is killed while it works."""

import asyncio
import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from nemoguardrails_trust.errors import CredentialsError, SettingsError
from nemoguardrails_trust.server.ray import deployment
from tests.server.running import KEY
from tests.servers.openai import OpenAIServer, threaded_server
from tests.servers.tlm import point_clients_at
from tests.tlm.scene import echo

pytestmark = [
    # Ray's own: what it is made with, and how it starts its processes.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def settings_at(tmp_path: Path, base_url: str = "http://127.0.0.1:9/v1", **more: Any) -> str:
    path = tmp_path / "serve.yml"
    backend = {"model": "m", "base_url": base_url, "requests_per_minute": 5000}
    path.write_text(yaml.safe_dump({"backends": {"own": backend}, **more}), encoding="utf-8")
    return str(path)


def test_what_is_wrong_shows_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="is_open"):
        deployment({"config": settings_at(tmp_path)})
    config = settings_at(tmp_path, is_open=True)
    for arguments in ({}, {"config": config, "workers": 2}, {"config": config, "replicas": "many"}):
        with pytest.raises(SettingsError):
            deployment(arguments)


@pytest.fixture
def port() -> Iterator[int]:
    """A port at which Ray Serve may listen."""
    import ray
    from ray import serve

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        # A busy machine needs more than 30 s, and a proxy that starts more than 5.
        patch.setenv("RAY_raylet_start_wait_time_s", "120")
        patch.setenv("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "55")
        patch.setenv("RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S", "60")
        patch.setattr("ray.serve._private.api.HTTP_PROXY_TIMEOUT", 300)  # 60, and no variable
        ray.init(
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            ignore_reinit_error=True,
        )
        serve.start(http_options={"host": "127.0.0.1", "port": found})
        yield found
        serve.shutdown()
        ray.shutdown()


def replicas() -> list[Any]:
    """The actors that serve."""
    import ray
    from ray.util import list_named_actors

    return [
        ray.get_actor(actor["name"], namespace=actor["namespace"])
        for actor in list_named_actors(all_namespaces=True)
        if "#nemo-trust#" in actor["name"]
    ]


async def scored_in_the_end(prompts: list[str]) -> dict[str, float]:
    """The scores of all prompts, asked again as long as the client is told that it may.

    The client itself gives up after four tries in seven seconds, in which a busy machine may not
    have noticed yet that a replica is gone.
    """
    from cleanlab_tlm import TLM

    asking = TLM("low", api_key=KEY)
    scores: dict[str, float] = {}
    ends = time.monotonic() + 240
    while left := [prompt for prompt in prompts if prompt not in scores]:
        assert time.monotonic() < ends
        answers = [prompt.split()[-1] for prompt in left]
        results = await asking.get_trustworthiness_score_async(left, answers)
        for prompt, result in zip(left, results, strict=True):
            if result["trustworthiness_score"] is None:
                assert result["log"]["error"]["retryable"], result
            else:
                scores[prompt] = result["trustworthiness_score"]
    return scores


@pytest.mark.filterwarnings(r"ignore:prompt\[:UserWarning")  # the client's, of each that failed
def test_no_request_is_lost_with_a_replica_that_is_killed(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray
    from ray import serve

    keys = tmp_path / "keys"
    keys.write_text(KEY, encoding="utf-8")
    with threaded_server(OpenAIServer(answer=echo, latency=0.3)) as model:
        config = settings_at(tmp_path, model.base_url, keys_file=str(keys))
        serve.run(deployment({"config": config, "replicas": "2"}), route_prefix="/")
        point_clients_at(f"http://127.0.0.1:{port}/api", monkeypatch)
        prompts = [f"Say {place}" for place in range(60)]
        serving = replicas()
        assert len(serving) == 2

        def kill() -> int:
            """Kills a replica under load; gives how many requests had come by then."""
            ends = time.monotonic() + 120
            while len(model.bodies) < 5:
                assert time.monotonic() < ends
                time.sleep(0.01)
            ray.kill(serving[0])
            return len(model.bodies)

        with ThreadPoolExecutor(1) as pool:
            killing = pool.submit(kill)
            scores = asyncio.run(scored_in_the_end(prompts))
            assert killing.result() < len(prompts)
    assert scores.keys() == set(prompts)
    assert all(0 <= score <= 1 for score in scores.values())
