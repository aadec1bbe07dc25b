"""The environment of a newcomer, made once, and the server that every model of a page runs on."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pages.model import model
from tests.pages.newcomer import Newcomer, build_wheel, make_environment
from tests.servers.openai import OpenAIServer, threaded_server
from tests.servers.proxy import Proxy
from tests.tlm.scene import KEY, serving


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make_environment` made, with the wheel in `wheels` beside it; for all workers."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "newcomer"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            build_wheel(shared / "wheels")
            make_environment(shared / "environment")
    return shared / "environment"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving(model) as running:
        yield running


@pytest.fixture
def newcomer(environment: Path, tmp_path: Path, server: OpenAIServer) -> Iterator[Newcomer]:
    """In an empty folder, with a key for a server that the environment alone leads to."""
    folder = tmp_path / "empty"
    folder.mkdir()
    with threaded_server(Proxy(server.url)) as proxy:
        somebody = Newcomer(
            environment,
            folder,
            {
                "OPENAI_API_KEY": KEY,
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PIP_FIND_LINKS": str(environment.parent / "wheels"),
                "PIP_NO_COMPILE": "1",
                "PIP_NO_INDEX": "1",
                "PIP_QUIET": "1",
                **proxy.variables(tmp_path),
            },
        )
        yield somebody
        somebody.close()
