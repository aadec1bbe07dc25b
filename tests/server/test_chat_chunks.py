"""Streams are passed on as they come, whatever their pieces, with the score on the last chunk."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import ModelConnectionError
from nemoguardrails_trust.models.chat_chunks import Gathering
from nemoguardrails_trust.models.events import data_of
from nemoguardrails_trust.server.chat_chunks import (
    DONE,
    event_of,
    events_of,
    parsed,
    read_events,
)
from nemoguardrails_trust.server.chat_stream import scored_events

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


async def pieces_of(items: Iterable[bytes], error: Exception | None = None) -> AsyncIterator[bytes]:
    for item in items:
        yield item
    if error is not None:
        raise error


def chunk(content: str | None = None, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}


USAGE = {"id": "c", "choices": [], "usage": {"total_tokens": 3}}


async def passed(
    chunks: Iterable[dict[str, Any] | bytes],
    *,
    done: bool = True,
    error: Exception | None = None,
    score: float | None = 0.9,
    fallback: str | None = None,
) -> tuple[list[Any], list[dict[str, Any]]]:
    """What comes out of a stream, and the completions that a score was asked of."""
    scored: list[dict[str, Any]] = []

    async def metadata(completion: dict[str, Any]) -> dict[str, Any]:
        scored.append(completion)
        status = "trusted" if score is not None and score >= 0.6 else "untrustworthy"
        return {"trustworthiness_score": score, "status": status}

    events = [item if isinstance(item, bytes) else event_of(item) for item in chunks]
    source = pieces_of([*events, DONE] if done else events, error)
    out = [event async for event in scored_events(source, metadata, fallback=fallback)]
    return [parsed(data_of(event)) or event for event in out], scored


@settings(max_examples=40)
@given(st.data())
async def test_events_are_the_same_however_the_bytes_arrive(data: Any) -> None:
    end = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r"])
    texts = data.draw(st.lists(st.text(st.characters(exclude_characters="\r\n")), max_size=5))
    events = [b"data: " + json.dumps(text).encode() + data.draw(end) for text in texts]
    whole = b"".join(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    read = [event async for event in read_events(pieces_of(pieces))]
    assert [data_of(event) for event in read] == [data_of(event) for event in events]
    assert b"".join(read) == whole


async def test_a_last_event_without_an_end_is_read_too() -> None:
    assert [event async for event in read_events(pieces_of([b"data: a"]))] == [b"data: a\n\n"]


def test_the_lines_of_an_event_are_one_text_and_comments_are_none() -> None:
    assert data_of(b"event: x\r\ndata:a\r\ndata: b\r\n\r\n") == b"a\nb"
    assert data_of(b": keep-alive\n\n") == b""


@settings(max_examples=40)
@given(st.lists(st.text(), max_size=6), st.integers(0, 3), st.booleans())
async def test_all_is_passed_on_and_the_last_chunk_has_the_score(
    words: list[str], comments: int, has_usage: bool
) -> None:
    chunks = [chunk(word) for word in words] + [chunk(finish="stop")]
    chunks += [USAGE] if has_usage else []
    pings = [b": ping\n\n"] * comments
    out, scored = await passed([*pings, *chunks])
    assert out[:comments] == pings
    *rest, end = out[comments:]
    assert end == DONE
    metadata = [item.pop("tlm_metadata", None) for item in rest]
    assert rest == chunks
    assert [place for place, told in enumerate(metadata) if told] == [len(words)]
    (completion,) = scored
    said = completion["choices"][0]["message"]["content"]
    assert said == ("".join(words) if words else None)


async def test_only_the_last_chunk_is_held_back() -> None:
    seen: list[bytes] = []

    async def source() -> AsyncIterator[bytes]:
        for place, item in enumerate([chunk("a"), chunk("b"), chunk(finish="stop")]):
            assert len(seen) == place
            yield event_of(item)
        assert len(seen) == 2
        yield DONE

    async def metadata(_: Any) -> dict[str, Any]:
        return {"trustworthiness_score": 0.5}

    stream = scored_events(source(), metadata)
    async for event in stream:
        seen += [event]
    assert len(seen) == 4


async def test_of_several_choices_the_first_is_scored_and_the_last_chunk_tells_it() -> None:
    chunks = [chunk("a"), chunk(finish="stop"), chunk("b", index=1), chunk(None, "stop", 1)]
    out, scored = await passed(chunks)
    assert [("tlm_metadata" in item) for item in out[:-1]] == [False, False, False, True]
    assert [completion["choices"][0]["message"]["content"] for completion in scored] == ["a"]


async def test_a_score_comes_also_where_no_chunk_says_that_it_is_the_last() -> None:
    """The stream's end does: without either it was broken off."""
    out, _ = await passed([chunk("a")], done=False)
    assert "error" in out[-1]
    assert not any("tlm_metadata" in item for item in out)


async def test_done_without_a_finish_reason_is_an_end() -> None:
    out, scored = await passed([chunk("a")])
    assert out[-1] == DONE
    assert out[-2]["tlm_metadata"]["trustworthiness_score"] == 0.9
    assert out[-2]["choices"][0]["delta"] == {}
    assert len(scored) == 1


@pytest.mark.parametrize("fallback", [None, "No."])
async def test_a_stream_that_breaks_ends_with_an_error(fallback: str | None) -> None:
    broken = ModelConnectionError("gone")
    out, scored = await passed([chunk("a")], done=False, error=broken, fallback=fallback)
    assert out[-1]["error"]["message"] == "gone"
    assert out[-1]["error"]["type"] == "server_error"
    assert len(out) == (2 if fallback is None else 1)
    assert not scored


async def test_what_breaks_after_the_last_chunk_does_not_matter() -> None:
    broken = ModelConnectionError("gone")
    out, _ = await passed([chunk("a"), chunk(finish="stop")], done=False, error=broken)
    assert out[-1]["tlm_metadata"]["trustworthiness_score"] == 0.9


async def test_an_error_of_the_backend_in_a_stream_is_passed_on() -> None:
    error = {"error": {"message": "overloaded", "code": 529}}
    out, scored = await passed([chunk("a"), error])
    assert out == [chunk("a"), error]
    assert not scored


async def test_a_fallback_takes_the_place_of_the_whole_stream() -> None:
    chunks = [chunk("bad"), chunk(finish="stop")]
    out, _ = await passed(chunks, score=0.1, fallback="No.")
    texts = [item["choices"][0]["delta"].get("content") for item in out[:-1]]
    assert texts == ["No.", None]
    metadata = out[-2]["tlm_metadata"]
    assert metadata["original_message"] == {"role": "assistant", "content": "bad"}
    assert out[-1] == DONE


async def test_a_trusted_answer_comes_whole_though_there_is_a_fallback() -> None:
    chunks = [chunk("good"), chunk(finish="stop"), USAGE]
    out, _ = await passed(chunks, fallback="No.")
    out[1].pop("tlm_metadata")
    assert out == [*chunks, DONE]


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(["a", "", " b", "ü"]), max_size=4),
    st.booleans(),
    st.sampled_from(["stop", "length"]),
)
def test_a_completion_is_the_same_after_it_was_taken_apart(
    words: list[str], calls: bool, finish: str
) -> None:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(words) or None}
    if calls:
        message["tool_calls"] = [CALL, CALL | {"id": "2"}]
    tokens = [{"token": word, "logprob": -0.5} for word in words]
    logprobs = {"content": tokens} if words else None
    choice = {"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish}
    completion = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}
    gathering = Gathering()
    for event in list(events_of(completion))[:-1]:
        gathering.add(parsed(data_of(event)) or {})
    assert gathering.is_finished
    assert gathering.completion == completion


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {"choices": [3]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"tool_calls": [None, {"function": None}]}}]},
        {"choices": [{"delta": {"content": 3, "tool_calls": {}}, "logprobs": {"content": 1}}]},
    ],
    ids=str,
)
async def test_chunks_of_odd_forms_are_passed_on_all_the_same(odd: dict[str, Any]) -> None:
    out, scored = await passed([chunk("a"), odd, chunk(finish="stop")])
    assert out[1] == odd
    assert scored[0]["choices"][0]["message"]["content"] == "a"
