"""One server for all tests that do not change how its model behaves."""

from collections.abc import Iterator

import pytest

from tests.server.running import KEY, Running, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"another\n{KEY}\n", encoding="utf-8")
    with serving(keys_file=str(keys)) as running:
        yield running
