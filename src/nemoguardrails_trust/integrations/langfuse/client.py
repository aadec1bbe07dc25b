"""The connection to Langfuse: its keys, its client, and one call that retries and explains."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.errors import (
    CredentialsError,
    MissingDependencyError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    ModelTimeoutError,
    RateLimitError,
    SettingsError,
    TrustError,
)
from nemoguardrails_trust.models.base import MOST_BYTES
from nemoguardrails_trust.models.http import TooLargeError
from nemoguardrails_trust.models.http_failures import Remedies, error_of_connection, error_of_status

DEFAULT_BASE_URL = "https://cloud.langfuse.com"
DEFAULT_TIMEOUT = 60.0
"""Seconds; the client's own 5 are too few for pages with text."""

OLDEST_CLIENT = (4, 18)
LONGEST_WAIT = 60.0
"""Seconds; a longer Retry-After is cut to it."""

_REMEDIES = Remedies(
    key="check LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, and that LANGFUSE_BASE_URL is the "
    "server they belong to",
    address="check LANGFUSE_BASE_URL",
    absent="check LANGFUSE_BASE_URL",
    refusing_key=frozenset({401, 403}),
)
_RETRIED = frozenset({408, 429})

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
        most_bytes: The most that one answer may have, unpacked. Where pages are larger, fewer
            traces are asked for at a time.
    """

    public_key: str
    secret_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    timeout: float = DEFAULT_TIMEOUT
    most_bytes: int = MOST_BYTES

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

        from nemoguardrails_trust.integrations.langfuse.transport import Transport

        self._failures = (
            ApiError,
            TooLargeError,
            aiohttp.ClientError,
            OSError,
            httpx.HTTPError,
            ValidationError,
            UnicodeDecodeError,
            RecursionError,
        )
        self.connection = connection
        self.requests = 0
        self._retry = retry or RetryPolicy()
        self._thread = LoopThread("nemo-trust-langfuse") if own_thread else None
        transport = Transport(timeout=connection.timeout, most_bytes=connection.most_bytes)
        self._http = httpx.AsyncClient(
            transport=transport, timeout=connection.timeout, follow_redirects=True
        )
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
                too_large = isinstance(failure, TooLargeError)
                if too_large and _asks_for_less(arguments):
                    continue
                error = self._explain(failure, f"while {doing}", absent, attempt)
            if too_large or attempt >= self._allowed(error):
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
        from langfuse.api.core.api_error import ApiError

        place = f"Langfuse at {self.connection.place} {when}"
        place += f" (attempt {attempt})" if attempt > 1 else ""
        if isinstance(failure, ApiError):
            remedies = replace(_REMEDIES, absent=absent)
            status = failure.status_code or 0
            return error_of_status(
                place,
                status,
                failure.headers or {},
                remedies=remedies,
                # What is tried again is logged, and there nobody is to be quoted.
                codes=_said(failure.body) if 400 <= status < 500 and status not in _RETRIED else "",
            )
        if isinstance(failure, TimeoutError):
            return ModelTimeoutError(
                f"{place}: no answer within {self.connection.timeout:g} s; "
                "set LANGFUSE_TIMEOUT higher or the page size lower"
            )
        if isinstance(failure, TooLargeError):
            return ModelResponseError(f"{place}: {failure}; set the page size lower")
        if isinstance(failure, aiohttp.ClientError | OSError):
            return error_of_connection(place, failure, remedies=_REMEDIES)
        return ModelResponseError(
            f"{place}: the answer is in a form that Langfuse's client cannot read: "
            f"{type(failure).__name__}"
        )


def _asks_for_less(arguments: dict[str, Any]) -> bool:
    """Halves the size of a page where that loses nothing; tells whether it could."""
    if "cursor" not in arguments or arguments.get("limit", 1) <= 1:
        return False  # pages that are counted would begin elsewhere
    arguments["limit"] //= 2
    return True


async def _call(method: Callable[..., Awaitable[_T]], arguments: Mapping[str, Any]) -> _T:
    return await method(**arguments)


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
            f"langfuse {version} is installed, but 4.18 or later is needed; install "
            "it with `pip install --upgrade 'nemoguardrails-trust[langfuse]'`"
        )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    whole = text.isprintable() and not any(character.isspace() for character in text)
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


def _said(body: Any) -> str:
    """What the server itself says of a refused request, cut to a line."""
    message = body.get("message") if isinstance(body, Mapping) else None
    return " ".join(message.split())[:200] if isinstance(message, str) else ""
