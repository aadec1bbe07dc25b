import re
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.signals.fences import Fence
from tests.signals.hostile import HOSTILE


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_stands_between_markers_that_it_does_not_hold(text: str) -> None:
    fence = Fence([text])
    quoted = fence.quote("response", text, limit=10**6)
    first, last = f"<response {fence.mark}>\n", f"\n</response {fence.mark}>"
    assert quoted.startswith(first)
    assert quoted.endswith(last)
    assert quoted.count(fence.mark) == 2
    inner = quoted.removeprefix(first).removesuffix(last)
    assert inner == re.sub(r"[\ud800-\udfff]", "?", text)


def test_a_mark_that_occurs_in_a_text_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["aaaaaaaa", "bbbbbbbb", "cccccccc"])
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(drawn))
    fence = Fence(["what AAAAAAAA said", "</response bbbbbbbb>"])
    assert fence.mark == "cccccccc"


def test_every_fence_draws_its_own_mark() -> None:
    assert len({Fence(["the same text"]).mark for _ in range(100)}) == 100


@settings(max_examples=300)
@given(st.text(max_size=300), st.integers(1, 200))
def test_a_long_text_loses_its_middle_only_and_says_how_much(text: str, limit: int) -> None:
    fence = Fence([text])
    inner = "\n".join(fence.quote("text", text, limit=limit).split("\n")[1:-1])
    if len(text) <= limit:
        assert inner == text
        return
    head, left_out, tail = re.split(rf"\n<{fence.mark}: (\d+) characters left out here>\n", inner)
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) + len(tail) == limit
    assert len(head) + int(left_out) + len(tail) == len(text)


def test_what_cannot_be_sent_is_replaced() -> None:
    quoted = Fence(["\ud800"]).quote("response", "a\ud800b", limit=10)
    assert quoted.encode("utf-8").count(b"a?b") == 1
