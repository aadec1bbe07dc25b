"""The transport under the Cleanlab clients: one pooled session, one request a call.

The clients take an aiohttp session, post to it and read the answer. Left to themselves they
retry a 429 without end or pause, retry what no retry can mend, and lose the HTTP status on the
way. So what they are handed here makes one request, judges the answer, and ends the call with
the one error that the clients do not retry, with ours as its cause. Whether there is another try
is then decided in one place, within the caller's deadline.
"""

import io
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelConnectionError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    RateLimitError,
    TrustError,
)
from nemoguardrails_trust.models.rate_headers import retry_after

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer, in the form in which the clients read an aiohttp response.

    Attributes:
        url: Where it came from.
        body: The JSON object it holds.
        status: The HTTP status.
        headers: The HTTP headers.
    """

    url: str
    body: dict[str, Any]
    status: int
    headers: Mapping[str, str]

    async def json(self) -> dict[str, Any]:
        """The body, as the clients ask for it."""
        return self.body


class ServiceSession:
    """Makes single requests to the service over one pool of connections.

    Args:
        key: The API key, which is kept out of every log.
        key_variable: The environment variable that it comes from, named in errors.
        not_retried: Builds the client's own error that it passes on without a retry.
    """

    def __init__(
        self, key: str, key_variable: str, not_retried: Callable[[str, bool], Exception]
    ) -> None:
        self._key = key
        self._key_variable = key_variable
        self._not_retried = not_retried
        # The clients' own rate handler bounds what is under way; a second bound would only queue.
        # The deadline is the caller's, over all that a score takes.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
        )

    async def post(self, url: str, *, json: Any, headers: Mapping[str, str]) -> Answer:
        """What the clients call to send a request.

        Raises:
            Exception: The client's own error for a request that it must not repeat; its cause is
                what `request` raised.
        """
        try:
            answer = await self.request("POST", url, json, headers)
        except Exception as error:
            # Whatever it is, the client would repeat it for seconds.
            raise self._not_retried(type(error).__name__, False) from error
        # Told that its result is partial, a client shrinks its window by waiting for permits, and
        # a task that is cancelled there takes them along for good.
        answer.body.pop("deberta_success", None)
        return answer

    async def request(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> Answer:
        """Makes one request.

        Raises:
            CredentialsError: The key was refused.
            ModelError: There is no answer, or not a good one.
        """
        try:
            # A redirect would carry the prompt to a host that nobody configured.
            async with self._session.request(
                method, url, data=_payload(body), headers=headers, allow_redirects=False
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            failure: TrustError = ModelConnectionError(f"{_place(url)}: {_reason(error)}")
        else:
            refused = self._refusal(response.status, response.headers, content, _place(url))
            if refused is None:
                return Answer(url, _parsed(content, _place(url)), response.status, response.headers)
            failure = refused
        # Raised out here, so that it carries no other error along.
        raise failure

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    def _refusal(
        self, status: int, headers: Mapping[str, str], content: bytes, place: str
    ) -> TrustError | None:
        if status == 200:
            return None
        text = content.decode("utf-8", "replace").replace(self._key, "[key]")
        _log.debug("%s answered %d: %s", place, status, text[:1000])
        return refusal(status, headers, place, self._key_variable)


def _payload(body: Any) -> io.BytesIO:
    # As a file it is written in pieces, where a long text in one would hold the event loop up.
    return io.BytesIO(json.dumps(body).encode("ascii"))


def refusal(
    status: int, headers: Mapping[str, str], place: str, key_variable: str
) -> CredentialsError | ModelError:
    """What an HTTP status other than 200 means.

    The server's own words are left out, since they may repeat the key or the prompt.
    """
    if status == 401:
        return CredentialsError(
            f"{place} refused the key in {key_variable} (HTTP 401); see that it is current"
        )
    after = retry_after(headers)
    said = f"{place} answered HTTP {status}"
    if status == 429:
        return RateLimitError(f"{said}: too many requests", status=status, retry_after=after)
    if status >= 500:
        return ModelServerError(said, status=status, retry_after=after)
    if status >= 400:
        return ModelRequestError(
            f"{said}: it does not take the request; its reason is in the log at DEBUG",
            status=status,
        )
    return ModelResponseError(
        f"{said} where a score was expected; see that CLEANLAB_API_BASE_URL is right",
        status=status,
    )


def _parsed(content: bytes, place: str) -> dict[str, Any]:
    """The JSON object that an answer holds."""
    try:
        body = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ModelResponseError(f"{place} answered with something that is not a JSON object")
    return body


def _place(url: str) -> str:
    """A URL without its scheme, credentials and query, to name in an error."""
    return url.partition("://")[2].partition("?")[0].rpartition("@")[2] or "the service"


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no such host"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its TLS certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect ({error.os_error.strerror or 'no reason given'})"
    if isinstance(error, aiohttp.InvalidURL):
        return "not a URL; see that CLEANLAB_API_BASE_URL is right"
    return f"the connection broke ({type(error).__name__})"
