"""A server whose model answers and judges as a test says, and the `TLM`s that talk to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nemoguardrails_trust import TLM
from tests.servers.openai import Answer, OpenAIServer, threaded_server

Body = dict[str, Any]

KEY = "sk-test-never-shown"


def text_of(body: Body) -> str:
    """All that a request says."""
    return "\n".join(entry["content"] for entry in body["messages"])


def is_judging(body: Body) -> bool:
    """Whether a request asks about a response."""
    return "Judge an assistant's response" in text_of(body)


def is_sampling(body: Body) -> bool:
    """Whether a request draws samples."""
    return not is_judging(body) and body.get("temperature") == 1.0


def is_answering(body: Body) -> bool:
    """Whether a request asks for the answer itself."""
    return "temperature" not in body


def is_comparing(body: Body) -> bool:
    """Whether a request asks which answers say the same."""
    return not (is_judging(body) or is_sampling(body) or is_answering(body))


def echo(body: Body) -> Answer:
    """Answers with the last word of the question, and judges everything true."""
    return "True 90" if is_judging(body) else body["messages"][-1]["content"].split()[-1]


@contextmanager
def serving(
    answer: Answer | Callable[[Body], Answer] = echo, **options: Any
) -> Iterator[OpenAIServer]:
    """A server in a thread of its own, which must have no request open at the end."""
    with threaded_server(OpenAIServer(answer=answer, api_key=KEY, **options)) as server:
        yield server


@contextmanager
def tlm_and_server(
    answer: Answer | Callable[[Body], Answer] = echo,
    *,
    server: dict[str, Any] | None = None,
    **arguments: Any,
) -> Iterator[tuple[TLM, OpenAIServer]]:
    """A `TLM` whose model runs on a server."""
    with (
        serving(answer, **(server or {})) as running,
        TLM(
            **{"model": "gpt-test", "base_url": running.base_url, "api_key": KEY} | arguments
        ) as tlm,
    ):
        yield tlm, running


def kinds(server: OpenAIServer) -> list[str]:
    """What each request was for, sorted."""
    by_kind = {
        "answer": is_answering,
        "comparison": is_comparing,
        "reflection": is_judging,
        "sample": is_sampling,
    }
    return sorted(kind for body in server.bodies for kind, fits in by_kind.items() if fits(body))
