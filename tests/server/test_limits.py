"""Clients that ask too much, too slowly or without end do no harm; others are not kept waiting."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.running import Running, serving
from tests.servers.openai import OpenAIServer, threaded_server
from tests.tlm.scene import is_judging

CHAT = "/v1/chat/completions"
SCORE = "/api/v0/trustworthy_llm/get_confidence_score"
GOOD: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Say echo"}],
    "quality_preset": "low",
}


def post(server: Running, path: str = CHAT, key: str = "", **body: Any) -> httpx.Response:
    headers = {"api-key": key} if key else {}
    return httpx.post(f"{server.url}{path}", json=GOOD | body, headers=headers, timeout=60)


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Running]:
    keys = tmp_path / "keys"
    keys.write_text("first\nsecond\n", encoding="utf-8")
    limits = {"requests_per_minute_per_key": 2}
    origins = ["https://app.example"]
    with serving(keys_file=str(keys), limits=limits, cors_origins=origins) as server:
        yield server


def test_a_key_has_so_many_requests_a_minute_and_others_their_own(keyed: Running) -> None:
    asked = [post(keyed, key="first") for _ in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 429]
    assert 1 <= int(asked[2].headers["Retry-After"]) <= 60
    assert asked[2].json()["error"]["type"] == "rate_limit_error"
    told = post(keyed, SCORE, key="first")
    assert (told.status_code, type(told.json()["error"])) == (429, str)
    assert post(keyed, key="second").status_code == 200
    assert httpx.get(f"{keyed.url}/health", timeout=60).status_code == 200


def test_scripts_of_listed_pages_may_ask_and_may_read_refusals(keyed: Running) -> None:
    asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    allowed = httpx.options(f"{keyed.url}{CHAT}", headers=asking, timeout=60)
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    refused = httpx.post(f"{keyed.url}{CHAT}", json=GOOD, headers=asking, timeout=60)
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example"
    other = asking | {"Origin": "https://other.example"}
    assert (
        "Access-Control-Allow-Origin"
        not in httpx.options(keyed.url, headers=other, timeout=60).headers
    )


def connected(server: Running) -> socket.socket:
    port = httpx.URL(server.url).port
    return socket.create_connection(("127.0.0.1", port or 0), timeout=30)


def head(length: int) -> bytes:
    lines = [f"POST {SCORE} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


def answered(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data
    return received


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nX-Slow: "], ids=["nothing", "half"])
def test_a_head_that_does_not_come_closes_its_connection(sent: bytes) -> None:
    with serving(limits={"head_seconds": 0.2}) as server, connected(server) as slow:
        slow.sendall(sent)
        assert answered(slow) == b""
        assert post(server).status_code == 200


def test_a_second_head_on_a_connection_is_bounded_as_the_first() -> None:
    with serving(limits={"head_seconds": 0.3}) as server, connected(server) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
        slow.sendall(b"GET /health HT")
        assert b"HTTP/1.1" not in answered(slow)  # what is left of the first answer at most


@pytest.mark.parametrize("ending", [b"", b": x\r\n"], ids=["one", "many"])
def test_a_head_without_end_is_refused(ending: bytes) -> None:
    with serving(limits={"head_bytes": 2000}) as server, connected(server) as endless:
        endless.sendall(b"GET /health HTTP/1.1\r\n")
        for i in range(40):
            with contextlib.suppress(ConnectionError):
                endless.sendall(f"X{i}".encode() + b"a" * 100 + ending)
        # Where more was on its way when the connection was closed, the answer may be lost.
        assert answered(endless)[:12] in (b"", b"HTTP/1.1 400")
        assert post(server).status_code == 200


def test_a_body_that_comes_too_slowly_is_a_408() -> None:
    with serving(limits={"body_seconds": 0.2}) as server, connected(server) as slow:
        slow.sendall(head(100) + b'{"prompt"')
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")
        assert post(server).status_code == 200


def test_what_goes_on_after_a_refusal_closes_its_connection() -> None:
    limits = {"body_seconds": 0.3, "body_bytes": 1000}
    with serving(limits=limits) as server, connected(server) as endless:
        endless.sendall(head(10**9) + b"x")
        assert endless.recv(65536).startswith(b"HTTP/1.1 413")
        endless.sendall(b"x" * 1000)
        assert b"HTTP/1.1" not in answered(endless)


def test_a_body_of_200_megabytes_is_refused_unread() -> None:
    part = b"x" * 1024**2

    def body() -> Iterator[bytes]:
        for _ in range(200):
            yield part

    with serving() as server:
        headers = {"Content-Type": "application/json", "Content-Length": str(200 * 1024**2)}
        with contextlib.suppress(httpx.WriteError):
            refused = httpx.post(
                f"{server.url}{SCORE}", content=body(), headers=headers, timeout=60
            )
            assert refused.status_code == 413
        assert post(server).status_code == 200


@contextlib.contextmanager
def command(base_url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    words = ["serve", "--model", "gpt-test", "--port", str(port)]
    environment = os.environ | {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "x"}
    process = subprocess.Popen(
        [sys.executable, "-m", "nemoguardrails_trust.cli", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_what_is_under_way_ends_well_when_the_server_is_told_to_stop() -> None:
    def words(body: dict[str, Any]) -> str:
        return "True 90" if is_judging(body) else "one two three four"

    port = free_port()
    with (
        threaded_server(OpenAIServer(answer=words, word_delay=0.3)) as model,
        command(model.base_url, port) as process,
    ):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            async with asyncio.timeout(60):
                while True:
                    with contextlib.suppress(httpx.ConnectError):
                        await client.get("/health")
                        break
                    await asyncio.sleep(0.05)
            async with client.stream("POST", CHAT, json=GOOD | {"stream": True}) as response:
                text = ""
                async for part in response.aiter_text():
                    if not text:
                        process.send_signal(signal.SIGTERM)
                    text += part
        assert await asyncio.to_thread(process.wait, 60) in (0, -signal.SIGTERM)
    assert "four" in text
    assert "tlm_metadata" in text
    assert text.endswith("data: [DONE]\n\n")
