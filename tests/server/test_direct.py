"""What is unusual about a request is told the same, whichever way it takes through the server."""

import json
from typing import Any

import httpx
import pytest

from tests.server.running import KEY, Running

BASE = "/api/v0/trustworthy_llm"
ASKED = {"prompt": "Say echo", "response": "echo", "quality": "low"}
ODD = {
    "nothing": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "null": b"null",
    "no text": b"\xff\xfe\xff",
    "no prompt": b'{"response": "echo"}',
    "a prompt of messages": json.dumps(ASKED | {"prompt": [{"role": "user"}]}).encode(),
    "half a pair of surrogates": b'{"prompt": "\\ud800", "response": "echo", "quality": "low"}',
    "no number": b'{"prompt": "q", "response": {"response": "r", "perplexity": NaN}}',
    "a number that is too long": b'{"prompt": "q", "response": "r", "foo": %b}' % (b"1" * 5000),
    "too deep": b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a task there is not": json.dumps(ASKED | {"task": "none"}).encode(),
    "an option out of range": json.dumps(ASKED | {"options": {"max_tokens": -1}}).encode(),
    "a good request": json.dumps(ASKED).encode(),
}


def posted(server: Running, path: str, content: bytes, kind: str) -> tuple[int, Any]:
    headers = {"Authorization": f"bearer {KEY}", "Content-Type": kind}
    answer = httpx.post(f"{server.url}{path}", content=content, headers=headers, timeout=60)
    return answer.status_code, answer.json()


@pytest.mark.parametrize("path", [f"{BASE}/get_confidence_score", f"{BASE}/prompt"])
@pytest.mark.parametrize("odd", ODD)
def test_both_ways_tell_the_same(server: Running, path: str, odd: str) -> None:
    short = posted(server, path, ODD[odd], "application/json")
    assert short == posted(server, path, ODD[odd], "application/json; charset=utf-8")
    assert short[0] < 500


def test_a_body_is_read_though_its_last_part_is_late(server: Running) -> None:
    content = json.dumps(ASKED).encode()
    headers = {"Authorization": f"bearer {KEY}", "Content-Type": "application/json"}
    pieces = iter([content[:9], content[9:30], content[30:]])
    answer = httpx.post(
        f"{server.url}{BASE}/get_confidence_score", content=pieces, headers=headers, timeout=60
    )
    assert 0.0 <= answer.json()["confidence_score"] <= 1.0


def test_another_method_is_refused(server: Running) -> None:
    headers = {"Authorization": f"bearer {KEY}", "Content-Type": "application/json"}
    answer = httpx.get(f"{server.url}{BASE}/prompt", headers=headers, timeout=60)
    assert (answer.status_code, answer.json()) == (405, {"error": "Method Not Allowed"})
