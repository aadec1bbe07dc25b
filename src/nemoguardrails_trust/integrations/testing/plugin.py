"""The pytest plugin: `assert_trustworthy`, the fixture `trust`, and the reports of the tests.

Tests that may score answers run as usual, but their reports are held back until the answers of all
tests are scored. Other tests are not affected.
"""

import ast
import inspect
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from nemoguardrails_trust.integrations.testing.answers import Answer, Place, Verdict
    from nemoguardrails_trust.tlm import TLM

_ANSWERS = "nemoguardrails_trust.integrations.testing.answers"
_SCORE = "trustworthiness_score"
_THRESHOLD = "trustworthiness_threshold"
_UNCHECKED = "unchecked"

_OPTIONS = {
    "model": "The model that judges and samples: a model name on an OpenAI-compatible server "
    "(key in OPENAI_API_KEY).",
    "base_url": "The OpenAI-compatible server. Default: OPENAI_BASE_URL, or OpenAI.",
    "quality": "How many model calls a score may take: base, low, medium (the default), high or "
    "best.",
    "scorer": "'local' (the default), 'cleanlab-studio', 'cleanlab-tlm' or "
    "'package.module:factory'.",
    "calibration": "A file made by 'nemo-trust calibrate'.",
    "threshold": "Answers that score below it fail, unless the test sets its own threshold. "
    "Default: the calibration's threshold, or 0.6.",
}


class Hooks:
    """Hooks for a conftest.py."""

    @pytest.hookspec(firstresult=True)
    def pytest_trust_tlm(self, config: pytest.Config) -> "TLM | None":
        """Gives the `TLM` that scores, instead of the one that the options describe."""
        raise NotImplementedError  # pytest calls those of a conftest.py, never this one


@dataclass(slots=True)
class Held:
    """A test whose reports wait for the scores of its answers."""

    item: pytest.Item
    answers: "list[Answer]"
    reports: list[pytest.TestReport]


@dataclass(slots=True)
class Batch:
    """What a run of pytest has collected."""

    config: pytest.Config
    held: list[Held] = field(default_factory=list)
    built: "TLM | None" = None

    def tlm(self) -> "TLM":
        """What scores, built when it is first needed.

        Raises:
            TrustError: It cannot be built as the options say.
        """
        if self.built is None:
            self.built = self.config.hook.pytest_trust_tlm(config=self.config) or self._build()
        return self.built

    def threshold(self) -> float | None:
        """The run's own threshold, where one is given.

        Raises:
            pytest.UsageError: It is no number from 0 to 1.
        """
        from nemoguardrails_trust.scores import number_of

        given = self._option("threshold")
        if given is None:
            return None
        threshold = number_of(given)
        if not 0.0 <= threshold <= 1.0:
            raise pytest.UsageError(
                f"trust_threshold is {given!r}; it must be a number from 0 to 1"
            )
        return threshold

    def require_usable(self) -> None:
        """Finds out what is wrong with the options, as far as can be told before a test runs.

        Raises:
            pytest.UsageError: Something is; the message names the option.
        """
        self.threshold()
        given = {name: value for name in _OPTIONS if (value := self._option(name)) is not None}
        if not given.keys() - {"model", "threshold"}:
            return
        from nemoguardrails_trust.errors import TrustError
        from nemoguardrails_trust.integrations.testing.usable import require_usable

        try:
            require_usable(given)
        except TrustError as error:
            told = str(error)
            named = told if told.startswith(tuple(_OPTIONS)) else f"calibration: {told}"
            raise pytest.UsageError(f"trust_{named}") from None

    def _option(self, name: str) -> str | None:
        given = self.config.getoption(f"trust_{name}") or self.config.getini(f"trust_{name}")
        return str(given) if given else None

    def _build(self) -> "TLM":
        from nemoguardrails_trust.errors import SettingsError
        from nemoguardrails_trust.tlm import TLM

        if self._option("model") == "replay":
            raise SettingsError(
                "trust_model 'replay' needs recorded answers: have pytest_trust_tlm in conftest.py "
                "return TLM(model=ReplayModel.from_file(…))"
            )
        quality: Any = self._option("quality") or "medium"
        return TLM(
            quality,
            model=self._option("model"),
            base_url=self._option("base_url"),
            scorer=self._option("scorer"),
            calibration=self._option("calibration"),
            verbose=False,
        )


class Trust:
    """The fixture `trust`, with which a test scores answers."""

    def __init__(self, batch: Batch) -> None:
        """Takes what the run has collected."""
        self._batch = batch

    @property
    def tlm(self) -> "TLM":
        """What scores.

        Raises:
            TrustError: It cannot be built as the options say.
        """
        return self._batch.tlm()

    def assert_trustworthy(
        self, prompt: Any, response: Any, *, threshold: float | None = None, context: Any = None
    ) -> None:
        """Fails the test if an answer is not trustworthy enough; see `assert_trustworthy`."""
        from nemoguardrails_trust.integrations.testing.answers import ask_about

        __tracebackhide__ = True
        frame = inspect.currentframe()
        ask_about(prompt, response, threshold, context, frame and frame.f_back)

    def score(self, prompt: Any, response: Any, *, context: Any = None) -> float:
        """Scores an answer immediately, for a test that uses the score.

        Raises:
            TrustError: The answer cannot be scored.
        """
        result = self.tlm.get_trustworthiness_score(prompt, response, context=context)
        return float(result[_SCORE])


_BATCH = pytest.StashKey[Batch]()
_CLEAN = pytest.StashKey[bool]()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Adds the hook of a conftest.py."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options, each for the command line and the configuration file."""
    group = parser.getgroup("nemo-trust", "trustworthiness of answers")
    for name, told in _OPTIONS.items():
        option = f"--trust-{name.replace('_', '-')}"
        group.addoption(option, dest=f"trust_{name}", metavar=name.upper(), help=told)
        parser.addini(f"trust_{name}", told)


def pytest_configure(config: pytest.Config) -> None:
    """Begins with nothing collected.

    Raises:
        pytest.UsageError: An option has a value that it cannot have.
    """
    batch = config.stash[_BATCH] = Batch(config)
    batch.require_usable()


@pytest.fixture
def trust(pytestconfig: pytest.Config) -> Trust:
    """Scores answers: `trust.assert_trustworthy(prompt, response)` and `trust.score(…)`."""
    return Trust(pytestconfig.stash[_BATCH])


@pytest.hookimpl
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Runs a test that may ask about answers, and holds its reports back where it does."""
    if _ANSWERS not in sys.modules and "trust" not in getattr(item, "fixturenames", ()):
        return None
    from nemoguardrails_trust.integrations.testing.answers import collecting

    batch = item.config.stash[_BATCH]
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    with collecting() as answers:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if answers:
        batch.held.append(Held(item, answers, reports))
        if hasattr(item.config, "workerinput"):  # xdist takes no report of a test but the last
            _settle(batch)
    else:
        _log(item, reports)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes whether the test itself raised anything."""
    if call.when == "call":
        item.stash[_CLEAN] = call.excinfo is None
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Scores what was collected once the last test has run, and reports the tests held back."""
    try:
        result = yield
    except (session.Failed, session.Interrupted):  # as by --exitfirst: what has run is reported
        _settle(session.config.stash[_BATCH])
        raise
    _settle(session.config.stash[_BATCH])
    return result


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    """Shows what the answers came to."""
    from nemoguardrails_trust.errors import counted

    lines: list[tuple[float, str]] = []
    scores: list[float] = []
    unchecked = below = 0
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for score, threshold in _properties_of(report):
                if score is None:
                    unchecked += 1
                    lines.append((-1.0, f"unchecked    {report.nodeid}"))
                    continue
                scores.append(score)
                if score < threshold:
                    below += 1
                    lines.append((score, f"{score:.2f} < {threshold:<4g}  {report.nodeid}"))
    count = len(scores) + unchecked
    if not count:
        return
    terminalreporter.section("trustworthiness")
    told = [f"{counted(count, 'answer')}", f"{below} below the threshold"]
    told.append(f"{unchecked} unchecked")
    if scores:
        told.append(f"lowest {min(scores):.2f}, mean {sum(scores) / len(scores):.2f}")
    terminalreporter.write_line(", ".join(told))
    for _, line in sorted(lines):
        terminalreporter.write_line(line)


def _settle(batch: Batch) -> None:
    held, batch.held = batch.held, []
    if not held:
        return
    from nemoguardrails_trust.errors import TrustError
    from nemoguardrails_trust.integrations.testing.answers import Verdict, score_answers

    answers = [answer for test in held for answer in test.answers]
    try:
        tlm = batch.tlm()
        verdicts = iter(score_answers(tlm, answers, batch.threshold()))
        tlm.close()
    except TrustError as error:  # the options are wrong: nothing is checked, and nothing passes
        verdicts = iter([Verdict(answer, 1.0, None, str(error)) for answer in answers])
    for test in held:
        _report(test, [next(verdicts) for _ in test.answers])


def _report(test: Held, verdicts: "Sequence[Verdict]") -> None:
    item, reports = test.item, test.reports
    failed = [verdict for verdict in verdicts if not verdict.holds]
    for verdict in verdicts:
        score = _UNCHECKED if verdict.score is None else round(verdict.score, 4)
        item.user_properties += [(_SCORE, score), (_THRESHOLD, verdict.threshold)]
    if failed:
        reports = [
            _with_failure(item, report, failed) if report.when == "call" else report
            for report in reports
        ]
    for report in reports:
        report.user_properties = list(item.user_properties)
    _log(item, reports)


def _with_failure(
    item: pytest.Item, report: pytest.TestReport, failed: "Sequence[Verdict]"
) -> pytest.TestReport:
    """The report of a test that also fails by its answers."""
    told = "\n".join(str(verdict) for verdict in failed)
    if not item.stash.get(_CLEAN, False):  # it has failed, or was skipped, by itself
        report.sections.append(("trustworthiness", told))
        return report
    error = _raised_at(failed[0].answer.place, AssertionError(told))
    call = pytest.CallInfo.from_call(lambda: None, when="call")
    call.excinfo = pytest.ExceptionInfo.from_exception(error)
    call.start, call.stop, call.duration = report.start, report.stop, report.duration
    made: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return made


def _raised_at(place: "Place", error: AssertionError) -> AssertionError:
    """The error as if it had been raised where the test asks about the answer."""
    # The frame itself would keep alive what the test held.
    tree = ast.parse(f"def {place.function}(): raise error")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.lineno = node.end_lineno = place.first_line
        elif isinstance(node, ast.Raise | ast.Name):
            node.lineno, node.end_lineno, node.col_offset, node.end_col_offset = place.span
    functions: dict[str, Any] = {"error": error}
    exec(compile(tree, place.path, "exec"), functions)  # noqa: S102 - it is the text above
    try:
        functions[place.function]()
    except AssertionError as raised:
        trace = raised.__traceback__
        return raised.with_traceback(trace and trace.tb_next)
    return error


def _log(item: pytest.Item, reports: Sequence[pytest.TestReport]) -> None:
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)


def _properties_of(report: Any) -> list[tuple[float | None, float]]:
    """The scores and thresholds of a test's answers; of other tests none."""
    given = list(getattr(report, "user_properties", ()))
    scores = [value for name, value in given if name == _SCORE]
    thresholds = [float(value) for name, value in given if name == _THRESHOLD]
    return [
        (None if score == _UNCHECKED else float(score), threshold)
        for score, threshold in zip(scores, thresholds, strict=False)
    ]
