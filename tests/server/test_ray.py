"""The server on Ray Serve: two replicas, one of which is killed while it works."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
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
        patch.setenv("RAY_raylet_start_wait_time_s", "120")  # a busy machine needs more than 30
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
        from cleanlab_tlm import TLM

        prompts = [f"Say {place}" for place in range(60)]
        asking = TLM("low", api_key=KEY)

        killed = threading.Event()

        def kill() -> None:
            while len(model.bodies) < 5:
                time.sleep(0.01)
            ray.kill(replicas()[0])
            killed.set()

        assert len(replicas()) == 2
        killing = threading.Thread(target=kill)
        killing.start()
        results = asking.get_trustworthiness_score(prompts, [p.split()[-1] for p in prompts])
        killing.join()
        assert killed.is_set()
    assert all(0 <= result["trustworthiness_score"] <= 1 for result in results)
