"""The hosted scorers `cleanlab-studio` and `cleanlab-tlm`."""

import asyncio
import logging
import math
import os
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nemoguardrails_trust.errors import (
    CredentialsError,
    MissingDependencyError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
    TrustError,
)
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.cleanlab.client import Client, read_explanation, read_score
from nemoguardrails_trust.scorers.cleanlab.services import (
    SERVICES,
    Library,
    Service,
    installed,
    load,
)
from nemoguardrails_trust.scores import TrustworthinessScore, Usage

_log = logging.getLogger(__name__)

_LEAST_LOGPROB = -10_000.0  # its probability is 0 as a float, and sums of it stay finite

# Seconds that a check at start may take, at the most.
LONGEST_CHECK = 10.0

Result = TypeVar("Result")


def create(name: str, settings: ScorerSettings) -> "CleanlabScorer":
    """Builds a hosted scorer. Neither imports its client nor makes a request.

    Args:
        name: `cleanlab-studio` or `cleanlab-tlm`.
        settings: What scores are asked for with.

    Raises:
        MissingDependencyError: The client's package is not installed.
        CredentialsError: The environment variable with the API key is not set.
    """
    service = SERVICES[name]
    if not installed(service):
        raise MissingDependencyError(service.package, "cleanlab")
    return CleanlabScorer(service, _key(service), settings)


def _key(service: Service) -> str:
    key = os.environ.get(service.key_variable, "").strip()
    if not key:
        raise CredentialsError(
            f"{service.key_variable} is not set; the scorer {service.package!r} needs "
            f"an API key ({service.account_page}). The scorer 'local' needs none."
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialsError(
            f"{service.key_variable} contains characters that no API key has; copy it "
            f"again from {service.account_page}"
        )
    return key


@dataclass(slots=True)
class _Place:
    """What a scorer has on one event loop."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    client: Client | None = None


class CleanlabScorer:
    """Scores with one of Cleanlab's hosted services, through its own client.

    May be used from any number of tasks, event loops and threads. Connections are kept for each
    event loop, and closed by `aclose`, as the loop ends, or with the scorer.

    Args:
        service: Which service.
        key: The API key.
        settings: What scores are asked for with. `model` is the name of a model that the service
            offers.
    """

    def __init__(self, service: Service, key: str, settings: ScorerSettings) -> None:
        self._service = service
        self._key = key
        self._settings = settings
        self._library: Library | None = None
        self._places: dict[asyncio.AbstractEventLoop, _Place] = {}

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """Scores one exchange, with one request where all goes well.

        Raises:
            CredentialsError: The key was refused.
            ModelTimeoutError: There is no score within the settings' timeout.
            RateLimitError: The service takes no more requests for now.
            ModelError: The service could not be reached, failed, or gave no usable score.
            SettingsError: The client does not take the settings.
            MissingDependencyError: The client cannot be imported.
        """
        return await self._within(self._settings.timeout, self._score(exchange))

    def check(self) -> None:
        """Asks the service whether scores may be had, within the timeout and 10 seconds.

        May be called with an event loop running in this thread, which then waits. What may pass
        by itself (too many requests, a failing server) is logged and raises nothing.

        Raises:
            CredentialsError: The key was refused.
            ModelConnectionError: The service could not be reached.
            ModelTimeoutError: It did not answer in time.
            ModelError: It does not take this client, or did not answer as the service does.
            SettingsError: The client does not take the settings.
            MissingDependencyError: The client cannot be imported.
        """
        seconds = min(self._settings.timeout, LONGEST_CHECK)
        outcome: Future[None] = Future()

        async def check() -> None:
            try:
                await self._within(seconds, self._check())
            except Exception as error:  # noqa: BLE001 - raised again by the caller's thread
                outcome.set_exception(error)
            else:
                outcome.set_result(None)

        # A daemon, since looking up a host name cannot be cancelled and may outlast the check.
        threading.Thread(
            target=asyncio.run, args=(check(),), name="cleanlab-check", daemon=True
        ).start()
        if not wait([outcome], seconds + 1.0).done:
            raise self._too_late(seconds)
        failure = outcome.exception()
        if isinstance(failure, RateLimitError | ModelServerError):
            _log.warning("%s could not be checked at start: %s", self._service.package, failure)
        elif failure is not None:
            raise failure

    async def aclose(self) -> None:
        """Closes the connections that this scorer holds on the running event loop."""
        place = self._places.pop(asyncio.get_running_loop(), None)
        if place is not None and place.client is not None:
            await place.client.close()

    async def _score(self, exchange: Exchange) -> TrustworthinessScore:
        started = time.perf_counter()
        deadline = asyncio.get_running_loop().time() + self._settings.timeout
        client = await self._client()
        answer, requests = await client.ask(
            exchange.prompt,
            exchange.response,
            mean_probability(exchange.token_logprobs),
            deadline,
        )
        return TrustworthinessScore(
            score=read_score(answer),
            explanation=read_explanation(answer) if self._settings.asks_for_reasons else None,
            usage=Usage(calls=requests, seconds=time.perf_counter() - started),
            scorer=self._service.package,
        )

    async def _check(self) -> None:
        client = Client(await self._loaded(), self._key, self._settings)
        try:
            await client.verify()
        finally:
            await client.close()

    async def _client(self) -> Client:
        """The client of the running event loop; made at its first use."""
        loop = asyncio.get_running_loop()
        place = self._places.get(loop)
        if place is None:
            for ended in [known for known in self._places if known.is_closed()]:
                self._places.pop(ended, None)
            place = self._places[loop] = _Place()
        if place.client is None:
            # Checks that come meanwhile wait here, and find it made.
            async with place.lock:
                if place.client is None:
                    place.client = Client(await self._loaded(), self._key, self._settings)
        return place.client

    async def _loaded(self) -> Library:
        if self._library is None:
            self._library = await asyncio.to_thread(load, self._service)
        return self._library

    async def _within(self, seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TrustError:
            raise
        except TimeoutError:
            pass
        raise self._too_late(seconds)

    def _too_late(self, seconds: float) -> ModelTimeoutError:
        return ModelTimeoutError(f"{self._service.package} did not answer within {seconds:g} s")


def mean_probability(token_logprobs: Sequence[float] | None) -> float | None:
    """The geometric mean of the tokens' probabilities, 0 to 1; `None` where it cannot be told.

    It is what the clients take as `perplexity`: the inverse of the usual one.
    """
    if not token_logprobs or not all(map(math.isfinite, token_logprobs)):
        return None
    bounded = [max(logprob, _LEAST_LOGPROB) for logprob in token_logprobs]
    return math.exp(min(0.0, math.fsum(bounded) / len(bounded)))
