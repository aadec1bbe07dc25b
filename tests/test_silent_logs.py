"""Whatever fails at whatever door: no log above DEBUG holds a prompt, an answer or a key.

The records of NeMo Guardrails itself are its own: it logs prompts at INFO.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust import (
    TLM,
    Exchange,
    ScorerSettings,
    Signal,
    TrustworthinessScore,
    score_rows,
)
from nemoguardrails_trust.errors import CredentialsError, ScoringError, SettingsError, TrustError
from nemoguardrails_trust.integrations.langfuse import (
    LangfuseClient,
    ScoringOptions,
    TraceQuery,
    Watch,
    watch_traces,
)
from tests import doors
from tests.guardrail.scripted import bot_v1, bot_v2
from tests.servers.faults import (
    DISCONNECT,
    RESET,
    TRUNCATED,
    Fault,
    status,
    streamed,
)
from tests.servers.langfuse import LangfuseServer
from tests.servers.openai import OpenAIServer, threaded_server

PROMPT = "prompt-7391-mark"
ANSWER = "answer-4402-mark"
KEY = "sk-key-5513-mark"
MARKS = (PROMPT, ANSWER, KEY)
ASKED = [{"role": "user", "content": f"What is {PROMPT}?"}]
SAID = f"It is {ANSWER}."
QUOTING = f"{KEY} asked {PROMPT}, which is {ANSWER}"
ECHO = {
    "error": {"message": QUOTING, "type": QUOTING, "code": QUOTING, "param": QUOTING},
    "message": QUOTING,
    "detail": QUOTING,
}
HEADERS = {"X_Quoting": QUOTING, "Retry_After": KEY, "Location": f"http://x/?key={KEY}"}
SERVER_FAULTS: dict[str, Fault] = {
    **{
        f"status {code}": status(code, ECHO, **HEADERS)
        for code in (200, 302, 400, 401, 408, 429, 500)
    },
    "disconnect": DISCONNECT,
    "reset": RESET,
    "truncated": TRUNCATED,
    "no JSON": streamed(lambda: [QUOTING.encode()]),
    "JSON of another kind": streamed(lambda: [f'["{QUOTING}"]'.encode()]),
    "another type": streamed(lambda: [QUOTING.encode()], Content_Type=f"text/plain; charset={KEY}"),
    "broken packing": streamed(lambda: [QUOTING.encode()], Content_Encoding="gzip"),
}


@pytest.fixture(autouse=True)
def _records(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Looks at all that is logged in a test, once it is over."""
    with caplog.at_level(logging.DEBUG):
        yield
        told = [
            f"{record.name} {record.levelname}: {text}"
            for record in caplog.get_records("call")
            if record.levelno > logging.DEBUG and not record.name.startswith("nemoguardrails.")
            if any(mark in (text := _whole(record)) for mark in MARKS)
        ]
        assert not told, told[0]


def _whole(record: logging.LogRecord) -> str:
    """A record as a handler writes it, with the exception."""
    return logging.Formatter().format(record)


def _quotes(body: dict[str, Any]) -> list[str]:
    """A model that repeats what it is given, and judges nothing."""
    return [QUOTING + str(body["messages"])]


@pytest.fixture(scope="module")
def behind() -> Iterator[OpenAIServer]:
    with threaded_server(OpenAIServer(answer=_quotes)) as server:
        yield server


@pytest.fixture(scope="module")
def opened(behind: OpenAIServer) -> Iterator[Mapping[str, doors.Door]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(doors, "KEY", KEY)
        with doors.opened(f"{behind.base_url}?key={KEY}", timeout=2.0) as opening:
            yield opening


@pytest.mark.parametrize("fault", ["none", *SERVER_FAULTS])
@pytest.mark.parametrize("name", [name for name in doors.DOORS if name != "evaluate"])
async def test_no_fault_of_a_models_server_brings_what_was_said_into_a_log(
    opened: Mapping[str, doors.Door], behind: OpenAIServer, name: str, fault: str
) -> None:
    behind.faults.clear()
    if fault != "none":
        behind.faults.always(SERVER_FAULTS[fault])
    try:
        told = str(await opened[name](ASKED, SAID))
    except TrustError as error:
        told = str(error)
    assert KEY not in told


# A scorer of the user's own, whose errors quote all that it was given.


class _Quoting:
    """Fails in the way that is set, with the prompt, the answer and a key in every text."""

    name = "tests.test_silent_logs:make"

    def __init__(self) -> None:
        self.way = ""

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        told = f"{exchange.prompt} {exchange.response} {KEY}"
        if self.way == "lingers":
            for _ in range(2):
                try:
                    await asyncio.sleep(0.4)
                except asyncio.CancelledError:
                    continue
        if self.way == "returns no score":
            signals = {"reflection": Signal(None, error=told)}
            return TrustworthinessScore(None, signals, error=told, explanation=told)
        if self.way == "returns no signal":
            return TrustworthinessScore(0.9, {"reflection": Signal(None, error=told)}, error=told)
        if self.way == "returns a text":
            return told  # type: ignore[return-value]
        if self.way == "fails in an evaluation":
            found = {"evaluations": {"own": {"threshold": 0.5, "error": told}}}
            return TrustworthinessScore(0.9, metadata=found)
        raise WAYS.get(self.way, ValueError)(told) from KeyError(told)


WAYS: dict[str, type[BaseException]] = {
    "raises anything": ValueError,
    "raises what ends programs": SystemExit,
    "raises an error of ours": ScoringError,
    "raises a refused key": CredentialsError,
    "raises a wrong setting": SettingsError,
}
OTHERS = (
    "lingers",
    "returns no score",
    "returns no signal",
    "returns a text",
    "fails in an evaluation",
)
QUOTING_SCORER = _Quoting()


def make(_: ScorerSettings) -> _Quoting:
    """The factory that the configurations name."""
    return QUOTING_SCORER


def _settings(more: str = "") -> str:
    return f"timeout: 0.2, cache: 0{more}"


async def _rail_v1(_: Path) -> None:
    for more in ("", ", on_untrustworthy: regenerate", ", require: [reflection]"):
        rails = bot_v1(*[SAID] * 3, settings=_settings(more), scorer=_Quoting.name)
        await rails.generate_async(messages=ASKED)


async def _rail_v1_own_message(_: Path) -> None:
    for text in (
        "{{ {}[bot_message] }}",
        "{{ bot_message | int(base=99) }}",
        "{{ bot_message() }}",
    ):
        colang = f'define bot response untrustworthy\n  "{text}"\n'
        rails = bot_v1(SAID, settings=_settings(), scorer=_Quoting.name, colang=colang)
        await rails.generate_async(messages=ASKED)


async def _rail_v2(_: Path) -> None:
    rails = bot_v2(SAID, settings=_settings(), scorer=_Quoting.name)
    await rails.generate_async(messages=ASKED)


async def _tlm(_: Path) -> None:
    async with TLM(scorer=_Quoting.name, timeout=0.2) as tlm:
        try:
            await tlm.get_trustworthiness_score_async(ASKED, SAID)
        except TrustError:
            return


async def _score(_: Path) -> None:
    try:
        rows = score_rows([{"prompt": ASKED, "response": SAID}], scorer=QUOTING_SCORER)
        assert [row async for row in rows]
    except TrustError:
        return


async def _watch(tmp_path: Path) -> None:
    stop = asyncio.Event()
    async with LangfuseServer() as server:
        for _ in range(60):  # enough of them for the run to give up
            server.add_trace(ASKED, SAID)
        client = LangfuseClient(server.connection())
        watch = Watch(timedelta(milliseconds=50), tmp_path / "position.json")
        try:
            await watch_traces(
                client,
                QUOTING_SCORER,
                TraceQuery(),
                ScoringOptions(timeout=0.2),
                watch,
                stop=stop,
                on_report=lambda _: stop.set(),
            )
        except TrustError:
            return
        finally:
            await client.aclose()


SCORER_DOORS = {
    "rail 1.0": _rail_v1,
    "rail 1.0 with a message of its own": _rail_v1_own_message,
    "rail 2.x": _rail_v2,
    "TLM": _tlm,
    "score": _score,
    "langfuse": _watch,
}


@pytest.mark.parametrize("way", [*WAYS, *OTHERS])
@pytest.mark.parametrize("door", SCORER_DOORS)
async def test_no_fault_of_a_users_scorer_brings_what_was_said_into_a_log(
    tmp_path: Path, door: str, way: str
) -> None:
    QUOTING_SCORER.way = way
    await SCORER_DOORS[door](tmp_path)
    await asyncio.sleep(0.6 if way == "lingers" else 0)
