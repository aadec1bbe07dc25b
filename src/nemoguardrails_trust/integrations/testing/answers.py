"""Answers under test: collected while the tests run, then scored in one batch."""

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from nemoguardrails_trust.errors import SettingsError, TrustError
from nemoguardrails_trust.exchange.values import shortened
from nemoguardrails_trust.integrations.verdicts import reason_of

if TYPE_CHECKING:
    from nemoguardrails_trust.tlm import TLM

_SHOWN = 200  # characters of a prompt or a response in a message


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test asks about an answer.

    Attributes:
        span: Where it asks: the first and the last line, and the first and the last column.
    """

    path: str = "<unknown>"
    function: str = "unknown"
    first_line: int = 1  # of the function
    span: tuple[int, int, int, int] = (1, 1, 0, 0)

    @classmethod
    def of(cls, frame: FrameType | None) -> "Place":
        """The place that a frame has come to."""
        if frame is None:
            return cls()
        code, line = frame.f_code, frame.f_lineno
        name = code.co_name if code.co_name.isidentifier() else "unknown"
        at = inspect.getframeinfo(frame, context=0).positions
        if at is None or None in at:
            return cls(code.co_filename, name, code.co_firstlineno, (line, line, 0, 0))
        span = (at.lineno, at.end_lineno, at.col_offset, at.end_col_offset)
        return cls(code.co_filename, name, code.co_firstlineno, cast("Any", span))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that a test asks about."""

    prompt: Any
    response: Any
    context: Any
    threshold: float | None  # `None` takes the run's
    place: Place


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has become of an answer."""

    answer: Answer
    threshold: float
    score: float | None
    told: str | None = None  # why there is none, or why it is what it is

    @property
    def holds(self) -> bool:
        """Whether the answer was scored, and well enough."""
        return self.score is not None and self.score >= self.threshold

    def __str__(self) -> str:
        if self.score is None:
            first = f"the trustworthiness could not be checked: {self.told}"
        else:
            first = f"trustworthiness {self.score:.2f} is below {self.threshold:g}"
        lines = [first, f"  prompt: {_shown(self.answer.prompt)}"]
        lines.append(f"  response: {_shown(self.answer.response)}")
        if self.score is not None and self.told:
            lines.append(f"  explanation: {self.told}")
        return "\n".join(lines)


_running: list[list[Answer]] = []


@contextmanager
def collecting() -> Iterator[list[Answer]]:
    """Collects what the test that runs meanwhile asks about."""
    answers: list[Answer] = []
    _running.append(answers)
    try:
        yield answers
    finally:
        _running.pop()


def ask_about(
    prompt: Any, response: Any, threshold: float | None, context: Any, frame: FrameType | None
) -> None:
    """Adds an answer as it is now, whatever the test does to it later, to those of the test.

    Args:
        prompt: What was asked.
        response: The answer.
        threshold: The lowest score that passes; `None` takes the run's.
        context: Retrieved passages.
        frame: Where the test asks.

    Raises:
        SettingsError: No test is running whose answers are collected, or the threshold is no
            number from 0 to 1.
    """
    __tracebackhide__ = True
    if not _running:
        raise SettingsError(
            "assert_trustworthy works in tests that pytest runs with this package's plugin; "
            "import it at the top of the test's module, or take the fixture 'trust'"
        )
    is_share = isinstance(threshold, int | float) and 0.0 <= threshold <= 1.0
    if threshold is not None and not is_share:
        raise SettingsError(
            f"threshold is {threshold!r}; it must be a number from 0 to 1", key="threshold"
        )
    kept = copy.deepcopy((prompt, response, context))
    _running[-1].append(Answer(*kept, threshold, Place.of(frame)))


def assert_trustworthy(
    prompt: Any, response: Any, *, threshold: float | None = None, context: Any = None
) -> None:
    """Fails the running test if an answer is not trustworthy enough or cannot be scored.

    The answers of all tests are scored in one batch after the last test, so the test continues
    past this call. Its outcome is reported once the answers are scored.

    Args:
        prompt: What was asked: text or chat messages.
        response: The answer: text, or a `ChatCompletion` or `Response` from OpenAI's client.
        threshold: The lowest score that passes, 0 to 1. By default `--trust-threshold`, otherwise
            the calibration's threshold, otherwise 0.6.
        context: Retrieved passages that the answer was made from: one or a list of them.

    Raises:
        SettingsError: It is called outside a test, or the threshold is out of range.
    """
    __tracebackhide__ = True
    frame = inspect.currentframe()
    ask_about(prompt, response, threshold, context, frame and frame.f_back)


def score_answers(tlm: "TLM", answers: Sequence[Answer], threshold: float | None) -> list[Verdict]:
    """Scores answers in one batch; what fails is part of the verdicts.

    Args:
        tlm: Scores.
        answers: The answers.
        threshold: The run's; `None` takes the one of `tlm`.
    """
    results: list[dict[str, Any]]
    try:
        results = tlm.try_get_trustworthiness_score(
            iter([answer.prompt for answer in answers]),
            [answer.response for answer in answers],
            context=[answer.context for answer in answers],
        )
    except TrustError as error:
        failed = {"trustworthiness_score": None, "log": {"error": {"message": str(error)}}}
        results = [failed] * len(answers)
    otherwise = tlm.threshold if threshold is None else threshold
    return [
        Verdict(
            answer,
            otherwise if answer.threshold is None else answer.threshold,
            result["trustworthiness_score"],
            reason_of(result),
        )
        for answer, result in zip(answers, results, strict=True)
    ]


def _shown(given: Any) -> str:
    return shortened(given if isinstance(given, str) else repr(given), _SHOWN)
