"""What reads or compares texts takes steps in proportion to their length, whatever they hold.

Steps are counted, as lines of Python that run. Those of regular expressions nobody counts: there,
the processor's time for a text is held against that for a tenth of it.
"""

import contextlib
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from nemoguardrails_trust.agreement import latex, polarity, structures, text
from nemoguardrails_trust.agreement.latex import NotMathematicsError
from nemoguardrails_trust.exchange import read_response
from tests.fuzz import readers

FEW, MANY = 400, 1_600  # units in a text
UNITS = (
    "#### ", "\n", "- a\n", "1. b\n", "\\boxed{", "{", "(", "[", "$1", "\\frac{1}{2}", "\\a\t", "^",
    "ab ", "Paris ", "1", "1,", "1 000 ", ".", "\t", "x  ", '"', "not a. ", "and ", "½", "²", "%",
    "3 km ", "May 2020 ", "A) ", "<think>", "</think>", "0.\\overline{3}", '{"1": "same", ', "=",
)  # fmt: skip
READERS = tuple(readers("", ""))


def steps_of(work: Callable[[], object]) -> int:
    """How many lines of Python run in some work."""
    count = 0

    def tracer(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", READERS)
def test_steps_grow_no_faster_than_the_text(name: str) -> None:
    for unit in UNITS:
        few, many = (
            steps_of(readers(unit * count, f"{unit * (count - 1)}q")[name]) for count in (FEW, MANY)
        )
        # Four times the text takes sixteen times the steps where they are quadratic.
        assert many <= 6 * few + 20_000, f"{unit!r}: {few} and {many} steps"


MATCHING: dict[str, tuple[Callable[[str], object], str]] = {
    "space before messages": (read_response, "\t"),
    "marks of items": (structures.list_items, "\n    "),
    "numbered items": (structures.list_items, "\n1. "),
    "gaps of LaTeX": (latex.spaces_as_commas, "x "),
    "wide gaps of LaTeX": (latex.spaces_as_commas, " "),
    "words in gaps": (latex.spaces_as_commas, "a.b"),
    "commands": (latex.spaces_as_commas, "\\a "),
    "repeating decimals": (latex.lexemes, "0.3"),
    "digits": (latex.lexemes, "3"),
    "sentences": (polarity.sentences, "...! "),
    "clauses": (polarity.clauses, ", but "),
    "gaps": (text.window, "       "),
    "marks on letters": (text.fold, "é\u0301"),
}


@pytest.mark.parametrize("name", MATCHING)
def test_regular_expressions_take_time_as_the_text_grows(name: str) -> None:
    read, unit = MATCHING[name]

    def seconds(count: int) -> float:
        started = time.process_time()
        with contextlib.suppress(NotMathematicsError):
            read(unit * count)
        return time.process_time() - started

    # Ten times the text takes a hundred times as long where the time is quadratic.
    few = max(0.002, min(seconds(2_000) for _ in range(3)))
    assert min(seconds(20_000) for _ in range(3)) < 50 * few
