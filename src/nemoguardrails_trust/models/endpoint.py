"""Posts JSON to one address: paced, tried again where that helps.

The loop of tries is written out here, not left to aiohttp-retry: between two tries a request has
to give its place back to others and to wait for the limits it shares with them, a broken body is
a failure like any other, and no more time may be spent than the request has left.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
from yarl import URL

from nemoguardrails_trust.errors import ModelError, ModelResponseError, ModelTimeoutError
from nemoguardrails_trust.models.base import MOST_BYTES
from nemoguardrails_trust.models.chat_answers import token_count, usage_in
from nemoguardrails_trust.models.deadline import current_deadline
from nemoguardrails_trust.models.http import HttpClient, Incoming, Received, TooLargeError
from nemoguardrails_trust.models.http_failures import error_of_connection
from nemoguardrails_trust.models.limits import Limits, Permit
from nemoguardrails_trust.models.refusals import (
    REMEDIES,
    Again,
    Failed,
    failure_of_status,
    not_json,
)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0  # seconds between tries


LONGEST_ALONE = 60.0
"""Seconds for a request that is for no score, unless it is said otherwise."""


class Endpoint:
    """One address that takes JSON and answers with JSON.

    Args:
        url: The address.
        headers: Sent with every request; may hold a key, which is never shown.
        label: What errors call it.
        timeout: Seconds for a request and its further tries, from the first sending on. `None`
            is as long as the score has that it is for, or 60 s where it is for none.
        max_retries: Further tries after a 429, a 5xx or a broken connection.
        limits: What it shares with others.
        most_bytes: The most that an answer may have, unpacked.
    """

    def __init__(
        self,
        url: URL,
        headers: Mapping[str, str],
        *,
        label: str,
        timeout: float | None,
        max_retries: int,
        limits: Limits,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._url = url
        self._label = label
        self._timeout = timeout
        self._max_retries = max_retries
        self._limits = limits
        self._client = HttpClient(
            {"Content-Type": "application/json", **headers}, most_bytes=most_bytes
        )

    async def post(self, body: bytes, *, tokens: int, spent: list[float]) -> dict[str, Any]:
        """Posts a body and returns the JSON object that comes back.

        Args:
            body: The JSON, encoded.
            tokens: What the request is estimated to use of a limit on tokens.
            spent: Gets the seconds of every try, failed ones too.

        Raises:
            ModelError: No answer could be had.
            CredentialsError: The key was refused.
            RefusedRequestError: The server refused this request.
        """
        clock = asyncio.get_running_loop().time
        whole = current_deadline()
        end: float | None = None
        tries = 0
        free = True
        while True:
            async with self._permit(
                tokens, whole, None if end is None else end - clock()
            ) as permit:
                if end is None:
                    end = self._end(clock(), whole)
                outcome = await self._try(permit, body, end - clock(), spent)
            if not isinstance(outcome, Failed):
                return outcome
            if outcome.again is Again.FREELY and free:
                free = False
                continue
            pause = _pause(outcome, tries)
            if tries >= self._max_retries or pause is None or clock() + pause >= end:
                raise outcome.error
            tries += 1
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def opened(
        self, body: bytes, *, tokens: int, seconds: float, headers: Mapping[str, str]
    ) -> AsyncIterator[Incoming]:
        """Posts a body and gives the answer as it comes, whatever its status.

        It is for those who pass the answer on. It keeps to the limits, and makes no further
        tries, but for one where a connection turns out to have been closed before.

        Args:
            body: The JSON, encoded.
            tokens: What the request is estimated to use of a limit on tokens.
            seconds: Seconds for the request, until its answer is read.
            headers: Of this request.

        Raises:
            ModelError: There is no answer, or it broke off while it was read.
        """
        async with self._permit(tokens, current_deadline(), seconds) as permit:
            try:
                async with await self._begun(body, seconds, headers) as incoming:
                    if incoming.status == 429:
                        permit.refused(incoming.headers)
                    elif incoming.status < 400:
                        permit.accepted(incoming.headers)
                    yield incoming
            except TooLargeError as problem:
                raise ModelResponseError(f"{self._label}: {problem}") from None
            except (aiohttp.ClientError, TimeoutError) as problem:
                raise self._translated(problem).error from None

    async def _begun(self, body: bytes, seconds: float, headers: Mapping[str, str]) -> Incoming:
        send = partial(
            self._client.begin, "POST", self._url, data=body, headers=headers, seconds=seconds
        )
        try:
            return await send()
        except aiohttp.ClientError as problem:
            if _again_after(problem) is not Again.FREELY:
                raise
        return await send()

    async def aclose(self) -> None:
        """Closes the connections held on the running event loop."""
        await self._client.aclose()

    def _end(self, now: float, whole: float | None) -> float:
        """When a request that is sent now must be over."""
        if whole is None:
            return now + (self._timeout or LONGEST_ALONE)
        return whole if self._timeout is None else min(now + self._timeout, whole)

    def _permit(self, tokens: int, whole: float | None, left: float | None) -> Permit:
        now = asyncio.get_running_loop().time()
        patience = self._end(now, whole) - now if left is None else left
        return self._limits.permit(tokens, deadline=whole, patience=patience, label=self._label)

    async def _try(
        self, permit: Permit, body: bytes, seconds: float, spent: list[float]
    ) -> dict[str, Any] | Failed:
        received = await self._send(body, seconds, spent)
        if isinstance(received, Failed):
            return received
        answer = await self._read(received)
        if not isinstance(answer, Failed):
            permit.accepted(received.headers, token_count(usage_in(answer).get("total_tokens")))
        elif answer.again is Again.WHEN_ALLOWED:
            permit.refused(received.headers)
        return answer

    async def _send(self, body: bytes, seconds: float, spent: list[float]) -> Received | Failed:
        if seconds <= 0:
            error = ModelTimeoutError(f"{self._label}: no time was left to send the request")
            return Failed(error, Again.NEVER)
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            return await self._client.request("POST", self._url, data=body, seconds=seconds)
        except TooLargeError as problem:
            return Failed(ModelResponseError(f"{self._label}: {problem}"), Again.NEVER)
        except (aiohttp.ClientError, TimeoutError) as problem:
            # The client's own error knows the request's headers: it is not passed on.
            return self._translated(problem)
        finally:
            spent.append(clock() - started)

    def _translated(self, problem: Exception) -> Failed:
        if isinstance(problem, TimeoutError):
            whole = current_deadline()
            # A moment's slack, since the client's timer may fire a little early.
            is_over = whole is not None and asyncio.get_running_loop().time() > whole - 0.01
            limit = "the time left" if is_over else f"{self._timeout or LONGEST_ALONE:g} s"
            return Failed(
                ModelTimeoutError(f"{self._label}: no answer within {limit}"), Again.NEVER
            )
        error = error_of_connection(self._label, problem, remedies=REMEDIES)
        return Failed(error, _again_after(problem))

    async def _read(self, received: Received) -> dict[str, Any] | Failed:
        try:
            body = await received.parsed()
        except ValueError:
            body = None
        status = received.status
        if 200 <= status < 300:
            if not isinstance(body, dict):
                return not_json(self._label, received.headers)
            error = body.get("error")
            if not isinstance(error, dict) or "choices" in body:
                return body
            # Some gateways put a provider's failure into an answer of their own with status 200.
            code = error.get("code")
            status = code if isinstance(code, int) and 300 <= code < 600 else 502
        return failure_of_status(self._label, status, received.headers, body)


def _again_after(problem: Exception) -> Again:
    """Whether another try can help after a connection that was not made or broke."""
    never = (aiohttp.ClientConnectorDNSError, aiohttp.ClientSSLError, aiohttp.ClientResponseError)
    if isinstance(problem, never):
        return Again.NEVER
    closed = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
    if isinstance(problem, closed) and not isinstance(problem, aiohttp.ClientConnectorError):
        # What happens to a connection that idled for longer than the server keeps one.
        return Again.FREELY
    return Again.AFTER_A_PAUSE


def _pause(failed: Failed, tries: int) -> float | None:
    """Seconds before another try; `None` where none is to be made."""
    if failed.again is Again.NEVER:
        return None
    if failed.again is Again.WHEN_ALLOWED:
        return 0.0  # the limits make everyone wait, this request too
    if isinstance(failed.error, ModelError) and failed.error.retry_after is not None:
        return failed.error.retry_after + random.uniform(0.0, 0.1)
    return random.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**tries)
