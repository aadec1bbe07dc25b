"""A program that uses a `TLM` ends cleanly: by itself, by Ctrl-C, and without `close`."""

import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from tests.servers.faults import HANG
from tests.servers.openai import OpenAIServer
from tests.tlm.scene import KEY, serving, tlm_and_server

ROOT = Path(__file__).parents[2]
SLOW_STEP = re.compile(
    r"Executing <.* took [0-9.]+ seconds|the model keeps running although it was cancelled"
)


def start(code: str, server: OpenAIServer) -> "subprocess.Popen[str]":
    """Starts a program that takes every warning for an error."""
    return subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code)],
        env=os.environ | {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(program: "subprocess.Popen[str]") -> tuple[str, str]:
    out, err = program.communicate(timeout=60)
    # A busy machine is slow enough for what development mode tells of every step above 0.1 s, and
    # for requests that take more than a moment to end.
    told = [line for line in err.splitlines() if not SLOW_STEP.fullmatch(line)]
    return out.strip(), "\n".join(told).strip()


def wait_for_requests(server: OpenAIServer, count: int) -> None:
    until = time.monotonic() + 60
    while server.open_requests < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_program_needs_no_closing() -> None:
    with serving() as server:
        program = start(
            """
            import asyncio
            from nemoguardrails_trust import TLM
            tlm = TLM("base")
            print(tlm.prompt("Say a")["response"])
            print(asyncio.run(tlm.prompt_async("Say b"))["response"])
            """,
            server,
        )
        assert ended(program) == ("a\nb", "")
    assert program.returncode == 0


def test_a_dropped_object_takes_its_thread_along() -> None:
    with serving() as server:
        program = start(
            """
            import gc, threading
            from nemoguardrails_trust import TLM
            tlm = TLM("base")
            tlm.prompt("Say a")
            print([thread.name for thread in threading.enumerate()])
            del tlm
            gc.collect()
            print([thread.name for thread in threading.enumerate()])
            """,
            server,
        )
        out, err = ended(program)
    assert err == ""
    assert out.splitlines() == ["['MainThread', 'nemo-trust']", "['MainThread']"]


def test_ctrl_c_ends_a_list_and_all_its_requests() -> None:
    with serving() as server:
        server.faults.always(HANG)
        program = start(
            """
            import threading
            from nemoguardrails_trust import TLM
            tlm = TLM("base")
            try:
                tlm.prompt([f"Say {i}" for i in range(50)])
            except KeyboardInterrupt:
                print("interrupted")
            """,
            server,
        )
        wait_for_requests(server, 2)
        program.send_signal(signal.SIGINT)
        assert ended(program) == ("interrupted", "")
        assert server.cancelled_requests > 0


def test_what_was_interrupted_can_be_used_on() -> None:
    with serving() as server:
        server.faults.next(HANG)
        program = start(
            """
            from nemoguardrails_trust import TLM
            tlm = TLM("base")
            try:
                tlm.prompt("Say first")
            except KeyboardInterrupt:
                print(tlm.prompt("Say second")["response"])
            """,
            server,
        )
        wait_for_requests(server, 1)
        program.send_signal(signal.SIGINT)
        assert ended(program) == ("second", "")
        assert server.open_requests == 0


def test_a_forked_process_starts_a_thread_of_its_own() -> None:
    with serving() as server:
        program = start(
            """
            import os
            from nemoguardrails_trust import TLM
            tlm = TLM("base")
            tlm.prompt("Say a")
            child = os.fork()
            if not child:
                answer = tlm.prompt("Say b")["response"]
                os._exit(0 if answer == "b" else 1)
            print(os.waitpid(child, 0)[1], tlm.prompt("Say c")["response"])
            """,
            server,
        )
        assert ended(program) == ("0 c", "")


def test_a_pickled_one_answers_alike() -> None:
    with tlm_and_server() as (tlm, _):
        tlm.prompt("Say first")
        with pickle.loads(pickle.dumps(tlm)) as again:
            assert again.prompt("Say hello")["response"] == tlm.prompt("Say hello")["response"]
