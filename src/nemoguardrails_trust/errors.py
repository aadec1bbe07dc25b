"""Every error this library raises.

    TrustError
    ├── SetupError               a mistake that would affect every score
    │   ├── SettingsError            a setting is unknown, out of range or contradicts another
    │   ├── CredentialsError         a key is missing or was refused
    │   └── MissingDependencyError   an extra is not installed
    ├── DataError                a file, or a row in it, cannot be used
    ├── ScoringError             an answer could not be scored
    │   ├── BatchError               some items of a list could not be answered or scored
    │   └── TooManyFailuresError     too many failed in a row, so the rest were not tried
    └── ModelError               a call to a model or a hosted service failed
        ├── ModelTimeoutError        it took longer than allowed
        ├── ModelConnectionError     refused, reset, or no such host
        ├── RateLimitError           429
        ├── ModelRequestError        the server refused the request (4xx)
        ├── ModelServerError         the server failed (5xx)
        └── ModelResponseError       the answer could not be read, or has nothing usable

No message ever contains a key, a prompt or an answer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


def known_instead(name: str, known: Iterable[str]) -> str:
    """What to say if a name is unknown: the nearest known name, otherwise all of them."""
    listed = list(known)
    near = nearest_name(name.casefold(), listed)
    return f"did you mean {near}?" if near else f"there are {', '.join(listed)}"


def nearest_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that is most like another one; `None` where none is like it.

    Args:
        name: The other one.
        known: The known names.
        cutoff: How much alike they must be, 0 to 1.
    """
    from difflib import get_close_matches  # only needed if something is wrong

    return next(iter(get_close_matches(name, list(known), n=1, cutoff=cutoff)), None)


def counted(number: int, noun: str) -> str:
    """How many there are of something."""
    several = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else several}"


MUST_BE = {
    "string_type": "text",
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "a mapping"),
}
"""What a value must be, by the types of pydantic's errors."""


def why_invalid(*problems: Mapping[str, Any]) -> str:
    """What pydantic finds wrong with one value, as in `it must be at least 0`.

    Args:
        problems: Its errors; several where the value may have one of several forms.
    """
    words = [MUST_BE.get(problem["type"]) or _must_be(problem["msg"]) for problem in problems]
    must = [word for word in words if word is not None]
    if must:
        return f"it must be {' or '.join(dict.fromkeys(must))}"
    if problems[0]["type"] == "missing":
        return "it is missing"
    told = str(problems[0]["msg"]).removeprefix("Value error, ")
    return told.replace("String should", "it must")


def wrong_value(*problems: Mapping[str, Any], show: Callable[[Any], str] = repr) -> str:
    """What follows the name of a setting whose value is wrong, with the value once.

    Args:
        problems: Pydantic's errors of the value, as for `why_invalid`.
        show: Writes the value as people are to see it.
    """
    shown, why = show(problems[0]["input"]), why_invalid(*problems)
    quoted = shown in why and not why.startswith("it must be")  # which names a limit
    return f": {why}" if quoted else f" is {shown}; {why}"


def _must_be(message: str) -> str | None:
    start, _, told = message.partition("Input should be ")
    if start or not told:
        return None
    told = told.partition(", unable to parse")[0]
    told = told.replace("a valid integer", "a whole number").replace("a valid ", "a ")
    told = told.replace("greater than or equal to", "at least").replace("greater than", "above")
    return told.replace("less than or equal to", "at most").replace("less than", "below")


class TrustError(Exception):
    """The root of this library's errors.

    Attributes:
        is_retryable: Whether the same call may succeed later without any change.
    """

    is_retryable: bool = False


class SetupError(TrustError):
    """Something is set up incorrectly, so every score would fail in the same way."""


class SettingsError(SetupError, ValueError):
    """A setting is unknown, out of range or contradicts another.

    Attributes:
        key: The setting at fault, as the user wrote it; `None` if it is not a single setting.
    """

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class CredentialsError(SetupError):
    """A key is missing or was refused.

    Attributes:
        status: The HTTP status with which a server refused it; `None` if no server was asked.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class MissingDependencyError(SetupError, ImportError):
    """An optional dependency is not installed, or too old.

    Attributes:
        extra: The extra of this package that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed, or is too old; install it with "
            f"`pip install 'nemoguardrails-trust[{extra}]'`"
        )
        self.extra = extra


@contextmanager
def needing(package: str | None, extra: str) -> Iterator[None]:
    """Turns an import that fails within into the error that names the extra to install.

    Args:
        package: What is missing then; `None` for the module that could not be imported.
        extra: The extra of this package that installs it.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingDependencyError(package or error.name or extra, extra) from None


class DataError(TrustError):
    """A file, or a row in it, cannot be used.

    Attributes:
        path: The file.
        line: The line or row, counted from 1.
    """

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        where = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(f"{where}: {message}" if where else message)
        self.path = path
        self.line = line


class ScoringError(TrustError):
    """An answer could not be scored."""


class BatchError(ScoringError):
    """Some items of a list could not be answered or scored.

    Attributes:
        results: One result per item, in the order of the list, as the `try_…` methods return them.
        failed: How many of them failed.
    """

    def __init__(self, message: str, *, results: list[dict[str, Any]], failed: int) -> None:
        super().__init__(message)
        self.results = results
        self.failed = failed


class TooManyFailuresError(ScoringError):
    """Too many failed in a row, so the rest were not tried.

    Attributes:
        reasons: Why they failed, with a count for each reason.
    """

    def __init__(self, message: str, *, reasons: Mapping[str, int]) -> None:
        super().__init__(message)
        self.reasons = dict(reasons)


class ModelError(TrustError):
    """A call to a model or a hosted service failed.

    Attributes:
        status: The HTTP status, if the server gave one.
        retry_after: Seconds until the server allows another attempt, if it said so.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class ModelTimeoutError(ModelError, TimeoutError):
    """A call took longer than allowed."""

    is_retryable = True


class ModelConnectionError(ModelError, ConnectionError):
    """The server could not be reached, or closed the connection."""

    is_retryable = True


class RateLimitError(ModelError):
    """The server refused the call because there were too many (429)."""

    is_retryable = True


class ModelRequestError(ModelError):
    """The server refused the request itself (4xx)."""


class ModelServerError(ModelError):
    """The server failed (5xx)."""

    is_retryable = True


class ModelResponseError(ModelError):
    """The server's answer could not be read, or has nothing usable."""
