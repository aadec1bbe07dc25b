"""However a backend fails, every endpoint answers in time, with the status that clients go by."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from tests.server.running import Running, serving
from tests.servers.faults import (
    HANG,
    HTML,
    MISSING,
    NAN,
    RESET,
    TRUNCATED,
    Fault,
    rate_limited,
    status,
    streamed,
)

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "Say echo"}]
COMPLETION = {"choices": [{"message": {"role": "assistant", "content": "echo"}}]}
RAG = {"query": "Say echo", "context": "They say echo."}
LONG, SHORT = 60.0, 2.0  # seconds for a request: of the latter, a backend that hangs takes all
SLACK = 20.0  # seconds that a busy machine may add

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "prompt": ("/api/v0/trustworthy_llm/prompt", {"prompt": "Say echo"}),
    "score": (
        "/api/v0/trustworthy_llm/get_confidence_score",
        {"prompt": "Say echo", "response": "echo"},
    ),
    "rag score": ("/api/v1/rag_trustworthy_llm/score", RAG | {"response": "echo"}),
    "rag generate": ("/api/v1/rag_trustworthy_llm/generate", RAG),
    "structured": (
        "/api/v1/openai_trustworthy_llm/score",
        {"messages": MESSAGES, "response": COMPLETION},
    ),
    "explanation": (
        "/api/v1/tlm_explanation/get_explanation",
        {"prompt": "Say echo", "response": {"response": "echo", "trustworthiness_score": 0.5}},
    ),
    "given": ("/api/chat/score", {"messages": MESSAGES, "completion": COMPLETION}),
    "chat": (CHAT, {"messages": MESSAGES}),
    "stream": (CHAT, {"messages": MESSAGES, "stream": True}),
}
IN_CHAT = ("chat", "stream")
OF_WHOLE_ANSWERS = ("missing", "reset", "truncated")  # the backend's faults that no stream has


def is_of_a_judge(body: Any) -> bool:
    return "Judge" in json.dumps(body["messages"])


def says(body: Any) -> str:
    return "True 90" if is_of_a_judge(body) else "echo"


def is_for_a_score(body: Any) -> bool:
    return is_of_a_judge(body) or body.get("temperature") == 1.0 or "Explain" in json.dumps(body)


def drip() -> Iterable[bytes]:
    return [b"{"] * 10_000


async def answers_of(
    server: Running, names: Iterable[str], seconds: float = LONG
) -> dict[str, httpx.Response]:
    """The answers of endpoints that are asked all at once; none may take too long."""
    options = {"max_timeout": seconds}

    async def asked(client: httpx.AsyncClient, name: str) -> httpx.Response:
        path, body = ASKED[name]
        # Of a structured output, the options stand beside the messages.
        more = options if name == "structured" else {"options": options}
        return await client.post(f"{server.url}{path}", json=body | more)

    async with httpx.AsyncClient(timeout=seconds + SLACK) as client:
        found = await asyncio.gather(*(asked(client, name) for name in names))
    return dict(zip(names, found, strict=True))


def error_in(answer: httpx.Response, name: str) -> str:
    error = answer.json()["error"]
    message: str = error["message"] if name in IN_CHAT else error
    return message


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (rate_limited(90), 429),
        (rate_limited(3600), 429),
        (status(400), 422),
        (status(403), 422),
        (status(401), 503),
        (status(500), 503),
        (status(302), 503),
        (status(204, {}), 503),
        (HTML, 503),
        (TRUNCATED, 503),
        (RESET, 503),
        (MISSING, 503),
        (HANG, 504),
        (streamed(drip, pause=0.05), 504),
    ],
    ids=lambda fault: f"{fault.kind} {fault.code}" if isinstance(fault, Fault) else str(fault),
)
async def test_a_backend_that_fails_is_told_as_what_it_is(fault: Fault, code: int) -> None:
    passed_on = {400, 403, 500}  # where it refuses the client's own request
    with serving(says) as server:
        server.model.faults.always(fault)
        names = [name for name in ASKED if name != "stream" or fault.kind not in OF_WHOLE_ANSWERS]
        found = await answers_of(server, names, SHORT if code == 504 else LONG)
    for name, answer in found.items():
        passes = name in IN_CHAT and fault.code in passed_on
        assert answer.status_code == (fault.code if passes else code), (name, answer.text)
        assert error_in(answer, name), name
        assert "127.0.0.1" not in answer.text
        if answer.status_code == 429 and name not in IN_CHAT:
            assert int(answer.headers["Retry-After"]) >= 1


async def test_requests_that_a_busy_backend_keeps_waiting_are_told_to_come_again() -> None:
    """It does not say how long it is busy, and all wait until they have no time left."""
    names = [name for name in ASKED if name not in IN_CHAT]
    with serving(says) as server:
        server.model.faults.always(status(429))
        found = await asyncio.gather(*(answers_of(server, names, 12.0) for _ in range(8)))
    told = [answer for answers in found for answer in answers.values()]
    assert {answer.status_code for answer in told} == {429}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in told)


@pytest.mark.parametrize("fault", [status(500), HTML, HANG, rate_limited(3600)], ids=str)
async def test_a_judge_that_fails_leaves_an_answer_without_a_score(fault: Fault) -> None:
    with serving(says, backend={"timeout": SHORT}) as server:
        server.model.faults.always(fault, when=is_for_a_score)
        found = await answers_of(server, IN_CHAT)
    assert all(answer.status_code == 200 for answer in found.values())
    assert all('"trustworthiness_score":null' in answer.text for answer in found.values())
    assert all("echo" in answer.text for answer in found.values())


async def test_numbers_that_are_none_never_reach_a_client() -> None:
    with serving(says) as server:
        server.model.faults.always(NAN)
        found = await answers_of(server, ASKED)
    assert all(answer.status_code == 200 for answer in found.values())
    assert not any("NaN" in answer.text for answer in found.values())
