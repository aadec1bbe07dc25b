import pytest

from tests.scorers.cleanlab.scene import Scene


@pytest.fixture
def scene(name: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(name, monkeypatch)
