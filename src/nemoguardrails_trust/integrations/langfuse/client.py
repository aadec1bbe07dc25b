"""The connection to Langfuse: its keys, its client, and one call that retries and explains."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.errors import (
    CredentialsError,
    MissingDependencyError,
    ModelConnectionError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
    SettingsError,
    TrustError,
)
from nemoguardrails_trust.models.rate_headers import retry_after

DEFAULT_BASE_URL = "https://cloud.langfuse.com"
DEFAULT_TIMEOUT = 60.0
"""Seconds; the client's own 5 are too few for pages with text."""

OLDEST_CLIENT = (4, 18)
LONGEST_WAIT = 60.0
"""Seconds; a longer Retry-After is cut to it."""

if TYPE_CHECKING:
    from langfuse.api.core.api_error import ApiError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where Langfuse is, and the keys of a project.

    Attributes:
        public_key: The project's public key (`pk-lf-…`).
        secret_key: The project's secret key (`sk-lf-…`).
        base_url: The server's address.
        timeout: Seconds that one request may take, above 0.
    """

    public_key: str
    secret_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    timeout: float = DEFAULT_TIMEOUT

    def __post_init__(self) -> None:
        if not _is_address(self.base_url):
            raise SettingsError(
                "LANGFUSE_BASE_URL must be an address such as https://cloud.langfuse.com",
                key="LANGFUSE_BASE_URL",
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Connection":
        """Reads the variables that Langfuse's own client reads.

        `LANGFUSE_PUBLIC_KEY`, `LANGFUSE_SECRET_KEY`, `LANGFUSE_BASE_URL` (or the older
        `LANGFUSE_HOST`) and `LANGFUSE_TIMEOUT` (seconds, 60 where it is not set).

        Raises:
            CredentialsError: A key is not set.
            SettingsError: The timeout is not a number above 0, or the address is none.
        """
        values = os.environ if environment is None else environment
        names = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")
        missing = [name for name in names if not values.get(name)]
        if missing:
            raise CredentialsError(
                f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not set; "
                "copy the keys from the project settings in Langfuse"
            )
        return cls(
            public_key=values["LANGFUSE_PUBLIC_KEY"],
            secret_key=values["LANGFUSE_SECRET_KEY"],
            base_url=values.get("LANGFUSE_BASE_URL")
            or values.get("LANGFUSE_HOST")
            or DEFAULT_BASE_URL,
            timeout=_timeout(values.get("LANGFUSE_TIMEOUT")),
        )

    @property
    def place(self) -> str:
        """The server's address as shown to people, without a user's name or password."""
        parts = urlsplit(self.base_url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is made again, and after what time.

    Attributes:
        attempts: Requests in all after a failed server, a lost connection or a timeout.
        rate_limit_attempts: Requests in all after 429.
        delay: Seconds before the second request; doubled each time. A Retry-After header wins.
    """

    attempts: int = 3
    rate_limit_attempts: int = 6
    delay: float = 1.0


class LangfuseClient:
    """Langfuse's own client, with retries and errors that say what to do.

    By default its requests are made on an event loop in a thread of its own: the client takes
    some 50 ms to read a page with text, in which scores being made would stand still.

    Attributes:
        api: The client of the `langfuse` package.
        lists_traces: Whether it is a client of version 4, which lists traces and sends scores
            through ingestion; version 5 reads observations and sends scores as a list.
        requests: Requests made so far, retries included.
        connection: Where it connects to.
    """

    def __init__(
        self, connection: Connection, retry: RetryPolicy | None = None, *, own_thread: bool = True
    ) -> None:
        """Connects nowhere yet.

        Args:
            connection: Where Langfuse is.
            retry: How often a request is made again.
            own_thread: Whether requests are made in a thread of its own. Without, the client
                belongs to the event loop on which it is first used.

        Raises:
            MissingDependencyError: The `langfuse` package is not installed.
            SettingsError: It is older than 4.18.
        """
        require_client()
        import httpx
        from langfuse.api import AsyncLangfuseAPI
        from langfuse.api.core.api_error import ApiError
        from pydantic import ValidationError

        self._failures = (
            ApiError,
            httpx.HTTPError,
            ValidationError,
            UnicodeDecodeError,
        )
        self.connection = connection
        self.requests = 0
        self._retry = retry or RetryPolicy()
        self._thread = LoopThread("nemo-trust-langfuse") if own_thread else None
        self._http = httpx.AsyncClient(timeout=connection.timeout, follow_redirects=True)
        self.api: Any = AsyncLangfuseAPI(
            base_url=connection.base_url,
            username=connection.public_key,
            password=connection.secret_key,
            x_langfuse_public_key=connection.public_key,
            x_langfuse_sdk_name="nemoguardrails-trust",
            httpx_client=self._http,
        )
        self.lists_traces: bool = hasattr(self.api.trace, "list")

    async def aclose(self) -> None:
        """Ends what is under way, closes the connections and ends the thread."""
        if self._thread is None:
            await self._http.aclose()
        else:
            await self._thread.aclose(self._http.aclose)

    async def call(
        self,
        doing: str,
        method: Callable[..., Awaitable[_T]],
        *,
        absent: str = "check LANGFUSE_BASE_URL",
        **arguments: Any,
    ) -> _T:
        """Makes one call of the client, as often as the retry policy allows.

        Args:
            doing: What the call is for, as in "reading traces".
            method: The client's method.
            absent: What to do where the server has no such address (404).
            **arguments: The method's arguments.

        Raises:
            CredentialsError: The keys were refused.
            ModelError: The call failed; the class says how.
        """
        arguments["request_options"] = {"max_retries": 0}
        attempt = 0
        while True:
            attempt += 1
            self.requests += 1
            try:
                if self._thread is None:
                    return await method(**arguments)
                return await asyncio.wrap_future(self._thread.submit(_call(method, arguments)))
            except self._failures as failure:
                error = self._explain(failure, f"while {doing}", absent, attempt)
            if attempt >= self._allowed(error):
                raise error
            wait = self._retry.delay * 2.0 ** (attempt - 1)
            if isinstance(error, ModelError) and error.retry_after is not None:
                wait = min(error.retry_after, LONGEST_WAIT)
            _log.info("%s; trying again in %.1f s", error, wait)
            await asyncio.sleep(wait)

    def _allowed(self, error: TrustError) -> int:
        """How many requests in all may end in this error."""
        if isinstance(error, RateLimitError):
            return self._retry.rate_limit_attempts
        if isinstance(error, CredentialsError | ModelRequestError):
            return 1
        return self._retry.attempts

    def _explain(self, failure: Exception, when: str, absent: str, attempt: int) -> TrustError:
        """The failure in our own words: the client's hold headers and whole bodies."""
        import httpx
        from langfuse.api.core.api_error import ApiError

        place = f"Langfuse at {self.connection.place}"
        nth = f"(attempt {attempt})"
        if isinstance(failure, ApiError):
            return _explain_status(failure, place, when, absent, nth)
        if isinstance(failure, httpx.TimeoutException):
            return ModelTimeoutError(
                f"{place} did not answer within {self.connection.timeout:g} s {when} {nth}; "
                "set LANGFUSE_TIMEOUT higher or the page size lower"
            )
        if isinstance(failure, httpx.HTTPError):
            return ModelConnectionError(
                f"{place} could not be reached {when} {nth}: {type(failure).__name__}"
            )
        return ModelResponseError(
            f"{place} answered in a form that its client cannot read {when} {nth}: "
            f"{type(failure).__name__}"
        )


async def _call(method: Callable[..., Awaitable[_T]], arguments: Mapping[str, Any]) -> _T:
    return await method(**arguments)


def _explain_status(
    failure: "ApiError", place: str, when: str, absent: str, nth: str
) -> TrustError:
    status = failure.status_code or 0
    wait = retry_after(failure.headers or {})
    if status in (401, 403):
        return CredentialsError(
            f"{place} refused the keys ({status}) {when}; check LANGFUSE_PUBLIC_KEY and "
            "LANGFUSE_SECRET_KEY, and that LANGFUSE_BASE_URL is the server they belong to"
        )
    if status in (404, 405, 410):
        return ModelRequestError(
            f"{place} has no such address ({status}) {when}; {absent}", status=status
        )
    if status == 429:
        return RateLimitError(
            f"{place} allows no more requests for now (429) {when} {nth}",
            status=status,
            retry_after=wait,
        )
    if status >= 500:
        return ModelServerError(
            f"{place} failed ({status}) {when} {nth}", status=status, retry_after=wait
        )
    if status < 300:
        return ModelResponseError(
            f"{place} answered {status} with something that is not JSON {when} {nth}",
            status=status,
        )
    return ModelRequestError(
        f"{place} refused the request ({status}) {when}{_reason(failure.body)}", status=status
    )


def require_client() -> None:
    """Says what to install where the `langfuse` package is missing or too old.

    Raises:
        MissingDependencyError: It is not installed.
        SettingsError: It is older than 4.18.
    """
    try:
        version = metadata.version("langfuse")
    except metadata.PackageNotFoundError as error:
        raise MissingDependencyError("langfuse", "langfuse") from error
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if parts < OLDEST_CLIENT:
        raise SettingsError(
            f"langfuse {version} is installed, which is too old: 4.18 or later is needed; "
            "install it with `pip install --upgrade 'nemoguardrails-trust[langfuse]'`"
        )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    whole = text.isprintable() and not any(each.isspace() for each in text)
    return whole and parts.scheme in ("http", "https") and bool(parts.hostname)


def _timeout(text: str | None) -> float:
    if not text:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds < float("inf"):
        raise SettingsError(
            f"LANGFUSE_TIMEOUT is {text!r}; it must be a number of seconds above 0",
            key="LANGFUSE_TIMEOUT",
        )
    return seconds


def _reason(body: Any) -> str:
    """What the server itself says of a refused request, cut to a line."""
    message = body.get("message") if isinstance(body, Mapping) else None
    return f": {' '.join(message.split())[:200]}" if isinstance(message, str) else ""
