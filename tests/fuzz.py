"""Hostile texts: nothing that reads or compares them raises, or takes much longer than prose does.

`python -m tests.fuzz --seconds 600` looks for such texts for ten minutes.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable

from hypothesis import strategies as st

from nemoguardrails_trust.agreement import Agreement, agreement
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange import read_messages, read_response
from nemoguardrails_trust.exchange.thinking import answer_in
from nemoguardrails_trust.scorers.local.comparing import read_comparison

FRAGMENTS = (
    "#### ", "\n", "- ", "1. ", "\\boxed{", "}", "{", "[", "]", "(", ")", "$", "\\frac{1}{2}", "\\",
    "^", "**", "=", "|", "a", "ab ", "Paris ", "1", "1,", "1.", "1 000 ", ".", "…", " ", "\t", "'",
    '"', ",", ";", ":", "/", "-", "–", "not ", "no ", "and ", "or ", "½", "²", "°", "%", "€", "<",
    "≤", "x", "+", "1e9", "\\text{", "_", "`", "```json\n", "\\\\", "!", "?", "one ", "hundred ",
    "million ", "km ", "3rd ", "May ", "2020", "A) ", "(B)", "True", "\u0301", "\u200b", "二", "가",
    "\u0660", "\ud800", "<think>", "</think>", "[THINK]", "<answer>", "</answer>", "answer is ",
    '{"1": "same", ', '"k": ', "<|channel|>final<|message|>", "<|end|>", "assistantfinal",
    "<|im_start|>user\n", "<|start|>", "[INST]", "[/INST]", "<<SYS>>", "</s>", "\n\nHuman:",
    "<!-- thinking", "analysis\n", "Thinking: ", '[{"role": "user", "content": ', '{"messages": ',
)  # fmt: skip
"""What texts are built of that mean something to one of the readers."""

_LENGTHS = (1, 3, 300, 10_000)  # units in a row
_PROSE = "The capital of France is Paris, which lies on the Seine. It has 2 million people. " * 100
_MOST_TIMES_PROSE = 40.0


def texts() -> st.SearchStrategy[str]:
    """Texts that repeat a few fragments, with others before and behind."""
    few = st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join)
    times = st.sampled_from(_LENGTHS[:3])
    return st.builds(lambda before, unit, n, after: before + unit * n + after, few, few, times, few)


def readers(first: str, second: str) -> dict[str, Callable[[], object]]:
    """All that is done with two texts of a model, by name."""
    return {
        "agreement": lambda: agreement(first, second),
        "agreement with a prompt": lambda: agreement("Paris", second, prompt=first),
        "answer_in": lambda: answer_in(first),
        "read_messages": lambda: _read(read_messages, first),
        "read_response": lambda: _read(read_response, first),
        "read_comparison": lambda: _comparison(first),
    }


def fault_of(name: str, read: Callable[[], object]) -> str | None:
    """What goes wrong in a reader; `None` where nothing does."""
    try:
        found = read()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return f"{name} raised {type(error).__name__}: {error}"
    failure = found.failure if isinstance(found, Agreement) else None
    return f"{name} could not compare: {failure}" if failure else None


def main() -> int:
    """Looks for faults as long as it is told to, and prints each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    dice = random.Random(seed)
    floor = min(_seconds_of(lambda: agreement(_PROSE, f"Not so. {_PROSE}")) for _ in range(5))
    until, tried, faults = time.monotonic() + options.seconds, 0, 0
    while time.monotonic() < until:
        first, second = _pair(dice)
        tried += 1
        for name, read in readers(first, second).items():
            fault = fault_of(name, read)
            if fault is None:
                took = min(_seconds_of(read) for _ in range(2))
                if took > _MOST_TIMES_PROSE * floor:
                    fault = f"{name} took {took / floor:.0f} times as long as prose"
            if fault is not None:
                faults += 1
                print(f"{fault}\n  {_shown(first)}\n  {_shown(second)}", flush=True)
    print(f"{tried:,} pairs, {faults} faults (seed {seed}).")
    return 1 if faults else 0


def _pair(dice: random.Random) -> tuple[str, str]:
    before, unit, after = (
        "".join(dice.choices(FRAGMENTS, k=dice.randint(least, 4))) for least in (0, 1, 0)
    )
    times = dice.choice(_LENGTHS)
    first = before + unit * times + after
    return first, dice.choice((first[:-1], f"{before}{unit * max(0, times - 1)}q{after}"))


def _read(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except DataError:
        return None  # what it raises for what it cannot read


def _comparison(text: str) -> object:
    try:
        return read_comparison(text, 5)
    except ValueError:
        return None  # what it raises for a reply that is none


def _seconds_of(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _shown(text: str) -> str:
    return repr(text) if len(text) < 200 else f"{text[:100]!r} … {text[-80:]!r} ({len(text):,})"


if __name__ == "__main__":
    sys.exit(main())
