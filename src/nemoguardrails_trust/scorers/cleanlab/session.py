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

from nemoguardrails_trust.errors import ModelError, ModelResponseError, TrustError
from nemoguardrails_trust.models.http import HttpClient, Received, TooLargeError
from nemoguardrails_trust.models.http_failures import Remedies, error_of_connection, error_of_status

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer, in the form in which the clients read an aiohttp response."""

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
        self._not_retried = not_retried
        address = "check CLEANLAB_API_BASE_URL"
        self._remedies = Remedies(
            key=f"check that {key_variable} is current", address=address, absent=address
        )
        # The clients' own rate handler bounds what is under way. The deadline is the caller's,
        # over all that a score takes.
        self._client = HttpClient()
        self._closed = False

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
        place = _place(url)
        if self._closed:
            raise ModelError(f"{place}: the scorer was closed in the meantime")
        try:
            received = await self._client.request(method, url, data=_payload(body), headers=headers)
        except TooLargeError as problem:
            failure: TrustError = ModelResponseError(f"{place}: {problem}")
        except (aiohttp.ClientError, OSError) as problem:
            failure = error_of_connection(place, problem, remedies=self._remedies)
        else:
            if received.status == 200:
                return Answer(url, await _parsed(received, place), 200, received.headers)
            failure = self._refusal(received, place)
        # Raised out here, so that it carries no other error along.
        raise failure

    async def close(self) -> None:
        """Closes the connections; what is under way and all further requests fail."""
        self._closed = True
        await self._client.aclose()

    def _refusal(self, received: Received, place: str) -> TrustError:
        """What another status means; the server's own words may repeat the key or the prompt."""
        text = received.content[:4000].decode("utf-8", "replace").replace(self._key, "[key]")
        _log.debug("%s answered %d: %s", place, received.status, text[:1000])
        return error_of_status(place, received.status, received.headers, remedies=self._remedies)


def _payload(body: Any) -> io.BytesIO:
    # As a file it is written in pieces, where a long text in one would hold the event loop up.
    return io.BytesIO(json.dumps(body).encode("ascii"))


async def _parsed(received: Received, place: str) -> dict[str, Any]:
    """The JSON object that an answer holds."""
    try:
        body = await received.parsed()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ModelResponseError(f"{place}: the answer is not a JSON object")
    return body


def _place(url: str) -> str:
    """A URL without its scheme, credentials and query, to name in an error."""
    return url.partition("://")[2].partition("?")[0].rpartition("@")[2] or "the service"
