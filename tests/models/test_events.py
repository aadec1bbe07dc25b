"""A stream of events is split where its events end, wherever its pieces are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.models.events import data_of, split_events

lines = st.binary(max_size=20).filter(lambda line: not {10, 13} & set(line))
endings = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.lists(lines, min_size=1, max_size=3), max_size=4), endings, st.data())
def test_events_are_whole_wherever_the_stream_is_cut(
    events: list[list[bytes]], ending: bytes, data: st.DataObject
) -> None:
    written = [b"".join(b"data: " + line + ending for line in lines) for lines in events]
    stream = b"".join(event + ending for event in written)
    cut = data.draw(st.integers(0, len(stream)))
    first, rest = split_events(stream[:cut])
    then, left = split_events(rest + stream[cut:])
    assert left == b""
    assert [data_of(event) for event in first + then] == [b"\n".join(lines) for lines in events]


@pytest.mark.parametrize(
    ("event", "carried"),
    [
        (b"event: ping\ndata: {}\n\n", b"{}"),
        (b"data:{}\n\n", b"{}"),
        (b": a comment\n\n", b""),
        (b"database: x\n\n", b""),
    ],
)
def test_what_an_event_carries_stands_after_data(event: bytes, carried: bytes) -> None:
    assert data_of(event) == carried
