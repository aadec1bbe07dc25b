"""A real Cleanlab client on one event loop, made safe to lean on."""

import asyncio
import importlib.metadata
import logging
import random
from collections.abc import Mapping
from typing import Any

from nemoguardrails_trust.errors import (
    CredentialsError,
    ModelConnectionError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
    TrustError,
)
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.cleanlab.services import Library, build_tlm, send_over
from nemoguardrails_trust.scorers.cleanlab.session import ServiceSession

_log = logging.getLogger(__name__)

ATTEMPTS = 3
# Seconds before the second attempt where the service names none; doubled before the third.
FIRST_PAUSE = 0.25
# Seconds for which one refusal for too many requests holds back the other checks, at the most.
LONGEST_PAUSE = 60.0


class Client:
    """A service's real client, over one pool of connections.

    It belongs to the event loop that it was made on, as the real client's rate handler does.

    Args:
        library: The service's package.
        key: The API key.
        settings: What scores are asked for with.

    Raises:
        SettingsError: The real client does not take the settings.
    """

    def __init__(self, library: Library, key: str, settings: ScorerSettings) -> None:
        service = library.service
        self._library = library
        self._key = key
        self._settings = settings
        self._tlm = build_tlm(library, key, settings)
        self._session = ServiceSession(key, service.key_variable, library.bad_request)
        send_over(self._session, self._tlm)
        self._not_before = 0.0

    async def close(self) -> None:
        """Closes the connections; otherwise they are closed as the event loop ends."""
        await self._session.close()

    async def ask(
        self, prompt: str, response: str, perplexity: float | None, deadline: float
    ) -> tuple[Mapping[str, Any], int]:
        """Asks for a score; where the service may do better another time, up to three times.

        Args:
            prompt: The whole prompt.
            response: The answer to score.
            perplexity: The mean probability of the response's tokens, 0 to 1, where known.
            deadline: The time of the event loop at which waiting has no more sense.

        Returns:
            What the real client returned, and how many requests it took.

        Raises:
            CredentialsError: The key was refused.
            ModelError: There is no answer.
        """
        known = {} if perplexity is None else {"perplexity": perplexity}
        for attempt in range(1, ATTEMPTS + 1):
            await self._wait_for_turn(deadline)
            failure: ModelError
            try:
                return await self._attempt(self._tlm, prompt, response, known), attempt
            except (RateLimitError, ModelServerError, ModelConnectionError) as error:
                failure = error
            if attempt == ATTEMPTS or not await self._pause(failure, attempt, deadline):
                break
        raise failure

    async def verify(self) -> None:
        """Finds out whether the key is good.

        The `cleanlab-studio` service is asked just that, and whether it still takes this version
        of its client. The `cleanlab-tlm` service can only be asked for a score: it gets a sum,
        at the cheapest preset.

        Raises:
            CredentialsError: The key was refused.
            ModelError: The service could not be asked, or takes no more of this client.
        """
        service = self._library.service
        if not service.validates_keys:
            cheapest = self._settings.model_copy(update={"quality": "base", "explain": False})
            tlm = build_tlm(self._library, self._key, cheapest)
            send_over(self._session, tlm)
            read_score(await self._attempt(tlm, "1 + 1 =", "2", {}))
            return
        version = importlib.metadata.version(service.package)
        if not await self._is_valid("POST", "check_client_version", {"version": version}):
            raise ModelRequestError(
                f"the service no longer accepts {service.package} {version}; install a "
                "newer version, or use another scorer"
            )
        if not await self._is_valid("GET", "validate", {"api_key": self._key}):
            raise CredentialsError(
                f"{service.package} refused the key in {service.key_variable}; check that "
                f"it is current ({service.account_page})"
            )

    async def _is_valid(self, method: str, path: str, body: Mapping[str, str]) -> bool:
        headers = {
            "Authorization": f"bearer {self._key}",
            "Content-Type": "application/json",
            "Client-Type": "python-api",
        }
        url = f"{self._library.api.cli_base_url}/{path}"
        valid = (await self._session.request(method, url, body, headers)).body.get("valid")
        if not isinstance(valid, bool):
            raise ModelResponseError(
                f"the answer from {path} does not say whether the request is valid"
            )
        return valid

    async def _attempt(
        self, tlm: Any, prompt: str, response: str, known: Mapping[str, float]
    ) -> Mapping[str, Any]:
        """Calls the real client once, which makes one request."""
        package = self._library.service.package
        failure: TrustError
        try:
            answer: Mapping[str, Any] = await tlm.get_trustworthiness_score_async(
                prompt, response, **known
            )
        except self._library.bad_request as refused:
            failure = self._failed(refused.__cause__ or refused)
        except self._library.timeout:
            failure = ModelTimeoutError(f"{package} took longer than allowed")
        except KeyError:
            failure = ModelResponseError("the service's answer has no score or no log")
        except Exception as error:  # noqa: BLE001 - its text may hold the key
            failure = self._failed(error)
        else:
            return answer
        # Raised out here, so that it does not carry the client's error and its text along.
        raise failure

    def _failed(self, cause: BaseException) -> TrustError:
        if isinstance(cause, TrustError):
            return cause
        return ModelError(f"{self._library.service.package} failed with {type(cause).__name__}")

    async def _wait_for_turn(self, deadline: float) -> None:
        """Waits while the service has asked for a pause, this check or another.

        Raises:
            RateLimitError: It lasts beyond the deadline.
        """
        left = self._not_before - asyncio.get_running_loop().time()
        if left <= 0:
            return
        if self._not_before >= deadline:
            raise RateLimitError(
                "the service asked for a pause that is not over yet", status=429, retry_after=left
            )
        await asyncio.sleep(left)

    async def _pause(self, failure: ModelError, attempt: int, deadline: float) -> bool:
        """Waits before another attempt; tells whether there is time for one."""
        now = asyncio.get_running_loop().time()
        seconds = failure.retry_after
        if seconds is None:
            seconds = FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(1.0, 1.5)
        if isinstance(failure, RateLimitError):
            self._not_before = max(self._not_before, now + min(seconds, LONGEST_PAUSE))
        if now + seconds >= deadline:
            return False
        _log.debug("%s; trying again in %.2f s", failure, seconds)
        await asyncio.sleep(seconds)
        return True


def read_score(answer: Mapping[str, Any]) -> float:
    """The score in what a client returned.

    Raises:
        ModelResponseError: It is not a number from 0 to 1.
    """
    score = answer.get("trustworthiness_score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise ModelResponseError(f"the service's score is a {type(score).__name__}, not a number")
    if not 0.0 <= score <= 1.0:
        raise ModelResponseError(f"the service's score is {score}; it must be from 0 to 1")
    return float(score)


def read_explanation(answer: Mapping[str, Any]) -> str | None:
    """The explanation in what a client returned, where it gave one.

    Raises:
        ModelResponseError: The log, or the explanation in it, is of another type.
    """
    logged = answer.get("log")
    if not isinstance(logged, Mapping):
        raise ModelResponseError("the log in the service's answer is not an object")
    explanation = logged.get("explanation")
    if explanation is not None and not isinstance(explanation, str):
        raise ModelResponseError("the explanation in the service's answer is not text")
    return explanation
