"""A streamed answer is put together whatever its chunks leave out."""

import pytest

from nemoguardrails_trust.models.chat_chunks import Gathering


@pytest.mark.parametrize("place", [{}, {"index": None}, {"index": 0}])
def test_a_choice_without_an_index_is_the_first(place: dict[str, int | None]) -> None:
    gathering = Gathering()
    for word in ("Par", "is"):
        gathering.add({"choices": [{**place, "delta": {"content": word}}]})
    gathering.add({"choices": [{**place, "delta": {}, "finish_reason": "stop"}]})
    assert gathering.message["content"] == "Paris"
    assert gathering.is_whole
    assert not gathering.has_others
