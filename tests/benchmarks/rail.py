"""What the rail costs: beside the hosted client it stands on, the built-in rail, and an idle rail.

    python -m tests.benchmarks.rail

The hosted service is a local server, in a process of its own, that takes 100 ms for an answer. A
check is a call of the rail's action, with the exchange read from the turn's context; a turn is a
whole `generate_async`. The 200 checks of the built-in rail alone need most of a minute.
"""

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from unittest import mock

from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.actions.rail_outcome import RailOutcome
from nemoguardrails.testing import FakeLLMModel

from nemoguardrails_trust import Exchange, ScorerSettings, TrustworthinessScore, register
from nemoguardrails_trust.guardrail.action import GUARD_PARAMETER, check_answer
from nemoguardrails_trust.guardrail.guard import Guard
from tests.benchmarks.hosted_scorer import (
    AT_ONCE,
    Check,
    Measured,
    Server,
    built_in,
    checks_of,
    measure,
    median,
    serving,
)
from tests.benchmarks.table import Row, show
from tests.servers.tlm import KEY

PACKAGES = ("cleanlab-studio", "cleanlab-tlm")
SINGLE_CHECKS = 15
ROUNDS = 5
BLOCKS = 60
TURNS = 20
STARTS = 5

RAIL = """
import_paths: [nemoguardrails_trust/rail]
rails: {{output: {{flows: [cleanlab trustworthiness]}}}}
custom_data: {{trust: {{scorer: "{scorer}"}}}}
"""
IDLE_RAIL = "rails: {output: {flows: [idle rail]}}"
IDLE_FLOW = """
define subflow idle rail
  $outcome = execute do_nothing
"""


class InstantScorer:
    """Trusts every answer, at once."""

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        return TrustworthinessScore(0.9, scorer="instant")


def make_instant_scorer(settings: ScorerSettings) -> InstantScorer:
    """The factory that the configuration names."""
    return InstantScorer()


async def do_nothing() -> RailOutcome:
    """The action of the idle rail."""
    return RailOutcome.allow()


def make_bot(scorer: str | None) -> LLMRails:
    """A bot that has the rail with this scorer, or has the idle rail."""
    if scorer is None:
        config = RailsConfig.from_content(colang_content=IDLE_FLOW, yaml_content=IDLE_RAIL)
    else:
        config = RailsConfig.from_content(yaml_content=RAIL.format(scorer=scorer))
    rails = LLMRails(config, llm=FakeLLMModel(responses=["Paris."] * 10_000))
    if scorer is None:
        rails.register_action(do_nothing)
    return rails


def check_of(rails: LLMRails) -> Check:
    """The check of a bot's rail, as its flow calls it."""
    guard = rails.runtime.registered_action_params[GUARD_PARAMETER]
    assert isinstance(guard, Guard)
    numbers = count()

    async def check(prompt: str, response: str) -> object:
        # An equal exchange would be answered from the cache.
        question = f"{prompt} ({next(numbers)})"
        outcome = await check_answer(
            context={"user_message": question, "bot_message": response},
            events=[{"type": "UserMessage", "text": question}],
            config=rails.config,
            trust_guard=guard,
        )
        assert isinstance(outcome, RailOutcome)
        return _scored(outcome.metadata)

    return check


def turn_of(rails: LLMRails) -> Check:
    """A whole turn of a bot."""
    numbers = count()

    async def turn(prompt: str, response: str) -> object:
        question = [{"role": "user", "content": f"{prompt} {response} ({next(numbers)})"}]
        message = await rails.generate_async(messages=question)
        if message["content"] != "Paris.":
            raise RuntimeError(f"the answer was not trusted: {message['content']}")
        return message

    return turn


def _scored(metadata: object) -> object:
    if not isinstance(metadata, dict) or metadata["trustworthiness_score"] is None:
        raise RuntimeError(f"there is no score: {metadata}")
    return metadata


async def hosted(server: Server, package: str, rail_one: Measured, rail_all: Measured) -> list[Row]:
    """Checks with a hosted scorer beside its client alone, in turns."""
    single: dict[str, list[Measured]] = {"alone": [], "ours": []}
    many: dict[str, list[Measured]] = {"alone": [], "ours": []}
    checks = await _alone_and_ours(package)
    for _ in range(SINGLE_CHECKS):
        for name, check in checks.items():
            single[name].append(await measure(server, check, 1))
    for _ in range(ROUNDS):
        # A client allows itself more at once the longer it lives, so each round has new ones.
        for name, check in (await _alone_and_ours(package)).items():
            many[name].append(await measure(server, check, AT_ONCE))
    one = {name: median(item) for name, item in single.items()}
    all_ = {name: median(item) for name, item in many.items()}
    ratio_one = one["ours"].seconds / one["alone"].seconds
    ratio_all = all_["ours"].seconds / all_["alone"].seconds
    return [
        Row(f"{package}: requests of one check", one["ours"].requests, at_most=1, digits=0),
        Row(f"{package}: one check, ms", one["ours"].seconds * 1e3, digits=1),
        Row(f"{package}: one check / client alone", ratio_one, at_most=1.05, digits=3),
        Row(f"{package}: built-in rail / one check", rail_one.seconds / one["ours"].seconds),
        Row(f"{package}: {AT_ONCE} checks, s", all_["ours"].seconds, digits=3),
        Row(f"{package}: {AT_ONCE} checks / client alone", ratio_all, at_most=1.5),
        Row(
            f"{package}: built-in rail / {AT_ONCE} checks",
            rail_all.seconds / all_["ours"].seconds,
            at_least=50,
            digits=0,
        ),
    ]


async def _alone_and_ours(package: str) -> dict[str, Check]:
    """A new client alone, and a new bot's rail, both warm."""
    alone = (await checks_of(package))[f"{package}, its client alone"]
    ours = check_of(make_bot(package))
    await ours("Is it warm?", "Yes.")
    return {"alone": alone, "ours": ours}


async def blocking() -> list[Row]:
    """How long whole turns keep the event loop, beside those with a scorer that is at once done.

    What is measured is the longest single step that the loop runs, during which nothing else can.
    The time between two looks at the clock would say how many turns of NeMo Guardrails happen to
    be ready at once instead. Python's garbage collector, which goes through all that NeMo
    Guardrails keeps, falls into one step or another, and is measured by itself.
    """
    turns = {
        "at once": turn_of(make_bot("tests.benchmarks.rail:make_instant_scorer")),
        **{package: turn_of(make_bot(package)) for package in PACKAGES},
    }
    steps: dict[str, list[float]] = {name: [] for name in turns}
    for turn in turns.values():
        await turn("Is it", "warm?")
    for number in range(ROUNDS):
        for name, turn in turns.items():
            with longest_step() as longest:
                await asyncio.gather(
                    *(turn(f"{name}, round {number}", f"turn {i}") for i in range(AT_ONCE))
                )
            steps[name].append(longest[0] * 1e3)
    blocked = {name: statistics.median(item) for name, item in steps.items()}
    label = f"{AT_ONCE} turns"
    rows = [Row(f"{label}, scorer at once: longest step, ms", blocked["at once"], digits=1)]
    for package in PACKAGES:
        more = blocked[package] - blocked["at once"]
        rows.append(Row(f"{label}, {package}: longer by, ms", more, at_most=20, digits=1))
    started = time.perf_counter()
    gc.collect()
    collecting = (time.perf_counter() - started) * 1e3
    rows.append(Row("one full garbage collection of this bot, ms", collecting, digits=1))
    return rows


@contextmanager
def longest_step() -> Iterator[list[float]]:
    """Times every step of the running loop; the list holds the longest, in seconds.

    No garbage is collected meanwhile.
    """
    longest = [0.0]
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        started = time.perf_counter()
        run(handle)
        longest[0] = max(longest[0], time.perf_counter() - started)

    gc.collect()
    gc.disable()
    try:
        with mock.patch.object(asyncio.Handle, "_run", timed):
            yield longest
    finally:
        gc.enable()


async def own_cost() -> list[Row]:
    """Processor time of a turn with the rail, beside one with a rail whose action does nothing."""
    turns = {
        "idle": turn_of(make_bot(None)),
        "ours": turn_of(make_bot("tests.benchmarks.rail:make_instant_scorer")),
    }
    spent: dict[str, list[float]] = {name: [] for name in turns}
    # Short blocks in turns, so that whatever else the machine does meets both alike.
    for block in range(BLOCKS + 1):
        for name, turn in turns.items():
            started = time.process_time()
            for i in range(TURNS):
                await turn("Which capital?", str(i))
            if block:
                spent[name].append((time.process_time() - started) / TURNS * 1e3)
    more = [ours - idle for ours, idle in zip(spent["ours"], spent["idle"], strict=True)]
    return [
        Row("CPU of a turn with an idle rail, ms", statistics.median(spent["idle"])),
        Row("the rail's own CPU beyond it, ms a turn", statistics.median(more), at_most=1),
    ]


def starting() -> list[Row]:
    """What importing the package takes, and showing the command's help."""
    program = (
        "import time; t = time.perf_counter(); import nemoguardrails_trust; "
        "print(time.perf_counter() - t)"
    )
    imports = [
        float(
            subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
        )
        for _ in range(STARTS)
    ]
    helps = []
    for _ in range(STARTS):
        started = time.perf_counter()
        command = [sys.executable, "-m", "nemoguardrails_trust.cli", "--help"]
        subprocess.run(command, check=True, capture_output=True)
        helps.append(time.perf_counter() - started)
    return [
        Row("import nemoguardrails_trust, ms", min(imports) * 1e3, at_most=20, digits=1),
        Row("nemo-trust --help, s", min(helps), at_most=0.3),
    ]


async def run(server: Server) -> list[Row]:
    """Measures all that needs an event loop."""
    await built_in("Is it warm?", "Yes.")
    rail_one = median([await measure(server, built_in, 1) for _ in range(3)])
    rail_all = await measure(server, built_in, AT_ONCE)
    rows = [
        Row("built-in rail: requests of one check", rail_one.requests, digits=0),
        Row("built-in rail: one check, ms", rail_one.seconds * 1e3, digits=1),
        Row(f"built-in rail: {AT_ONCE} checks, s", rail_all.seconds),
        Row(f"built-in rail: {AT_ONCE} checks, loop blocked, s", rail_all.blocked),
    ]
    for package in PACKAGES:
        rows += await hosted(server, package, rail_one, rail_all)
    return rows + await blocking() + await own_cost()


def main() -> int:
    """Measures and prints; 1 where a bound is missed."""
    # `Studio.TLM`, as the built-in rail calls it, announces its end each time.
    warnings.simplefilter("ignore", FutureWarning)
    register()
    rows = starting()
    with serving() as server:
        os.environ |= {
            "CLEANLAB_API_BASE_URL": server.url,
            "CLEANLAB_API_KEY": KEY,
            "CLEANLAB_TLM_API_KEY": KEY,
        }
        rows += asyncio.run(run(server))
    return 0 if show("The rail", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
