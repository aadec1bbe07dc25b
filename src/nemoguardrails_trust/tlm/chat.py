"""Scores what OpenAI's client returned, from the arguments of the call."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from nemoguardrails_trust.agreement import structures
from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.exchange import read_response
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.tlm.client import TLM
from nemoguardrails_trust.tlm.completions import completion_as_data, is_object
from nemoguardrails_trust.tlm.explaining import log_of
from nemoguardrails_trust.tlm.fields import DEFAULT_FIELD_THRESHOLD, untrustworthy_fields


class _ClientTLM(ABC):
    """Scores the objects of a model's client with a `TLM`."""

    def __init__(
        self,
        quality_preset: QualityPreset = "medium",
        *,
        options: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        """Takes the arguments of a `TLM`."""
        self._tlm = TLM(quality_preset, options=options, **settings)

    @staticmethod
    @abstractmethod
    def _prompt_of(arguments: Mapping[str, Any]) -> Any:
        """What the model was given, by the arguments of the call.

        Raises:
            SettingsError: It is not among them.
        """

    def score(self, *, response: Any, **openai_kwargs: Any) -> dict[str, Any]:
        """Scores a response.

        Args:
            response: What the client returned.
            openai_kwargs: The arguments of that call.

        Returns:
            A dictionary with `trustworthiness_score`, and `log` if `options` ask for one.

        Raises:
            SettingsError: The arguments do not contain what the model was given.
            DataError: The response is not valid.
            TrustError: There is no score; see `TLM`.
        """
        prompt = self._prompt_of(openai_kwargs)
        scored: dict[str, Any] = self._tlm.get_trustworthiness_score(prompt, response)
        return scored

    async def score_async(self, *, response: Any, **openai_kwargs: Any) -> dict[str, Any]:
        """See `score`."""
        prompt = self._prompt_of(openai_kwargs)
        scored: dict[str, Any] = await self._tlm.get_trustworthiness_score_async(prompt, response)
        return scored

    def get_explanation(
        self, *, tlm_result: Any, response: Any = None, **openai_kwargs: Any
    ) -> str:
        """Explains the score of a response; see `TLM.get_explanation`.

        Args:
            tlm_result: What `score` returned, or a completion with `tlm_metadata`.
            response: What the client returned; leave it out for such a completion.
            openai_kwargs: The arguments of that call.

        Raises:
            SettingsError: The arguments contradict each other, or there is no score.
            TrustError: The model gave no answer.
        """
        response, result = _scored_response(tlm_result, response)
        prompt = self._prompt_of(openai_kwargs)
        told: str = self._tlm.get_explanation(prompt=prompt, response=response, tlm_result=result)
        return told

    async def get_explanation_async(
        self, *, tlm_result: Any, response: Any = None, **openai_kwargs: Any
    ) -> str:
        """See `get_explanation`."""
        response, result = _scored_response(tlm_result, response)
        told: str = await self._tlm.get_explanation_async(
            prompt=self._prompt_of(openai_kwargs), response=response, tlm_result=result
        )
        return told

    def get_untrustworthy_fields(
        self,
        *,
        tlm_result: Any,
        response: Any = None,
        threshold: float = DEFAULT_FIELD_THRESHOLD,
        display_details: bool = True,
    ) -> list[str]:
        """Finds the fields of a JSON response whose score is below a threshold.

        Args:
            tlm_result: What `score` returned with `options={"log": ["per_field_score"]}`, or a
                completion that came with `tlm_metadata`.
            response: What the client returned; leave it out for such a completion.
            threshold: The threshold, 0 to 1.
            display_details: Whether to print each field's value, score and explanation.

        Returns:
            The names of the fields, least trustworthy first.

        Raises:
            SettingsError: There are no field scores.
        """
        response, result = _scored_response(tlm_result, response)
        scores: Any = log_of(result).get("per_field_score")
        names = untrustworthy_fields(scores, threshold)
        if display_details:
            sys.stdout.write("\n".join(_details(response, scores, names)) + "\n")
        return names

    def get_model_name(self) -> str:
        """The name of the model that scores."""
        return self._tlm.get_model_name()

    def close(self) -> None:
        """Closes connections; see `TLM.close`."""
        self._tlm.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TLMChatCompletion(_ClientTLM):
    """Scores a `ChatCompletion` from the arguments of `chat.completions.create`.

    Args:
        quality_preset: As for `TLM`, like all that follow.
        options: See `TLMOptions`.
        settings: `model`, `base_url`, `api_key`, `timeout` and the rest.
    """

    @staticmethod
    def _prompt_of(arguments: Mapping[str, Any]) -> Any:
        return prompt_of_chat(arguments)


class TLMResponses(_ClientTLM):
    """Scores a `Response` from the arguments of `responses.create`.

    Args:
        quality_preset: As for `TLM`, like all that follow.
        options: See `TLMOptions`.
        settings: `model`, `base_url`, `api_key`, `timeout` and the rest.
    """

    @staticmethod
    def _prompt_of(arguments: Mapping[str, Any]) -> Any:
        return prompt_of_response(arguments)


def prompt_of_chat(arguments: Mapping[str, Any]) -> Any:
    """What a model was given, by the arguments of `chat.completions.create`.

    Raises:
        SettingsError: There are no messages.
    """
    if not arguments.get("messages"):
        raise SettingsError("messages is missing; pass what the model was given", key="messages")
    return _present(arguments, "messages", "tools", "functions")


def prompt_of_response(arguments: Mapping[str, Any]) -> Any:
    """What a model was given, by the arguments of `responses.create`.

    Raises:
        SettingsError: There is no input, or it refers to what is kept elsewhere.
    """
    for name in ("previous_response_id", "conversation", "prompt"):
        if arguments.get(name):
            raise SettingsError(
                f"{name} refers to what is kept elsewhere; pass all of it as input",
                key=name,
            )
    if not arguments.get("input"):
        raise SettingsError("input is missing; pass what the model was given", key="input")
    return _present(arguments, "input", "instructions", "tools")


def _present(arguments: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: arguments[name] for name in names if arguments.get(name)}


def _scored_response(tlm_result: Any, response: Any) -> tuple[Any, Any]:
    """A response and its result, which a completion may hold by itself.

    Raises:
        SettingsError: There is no result, or it is not known of which response.
    """
    if is_object(tlm_result):
        metadata = getattr(tlm_result, "tlm_metadata", None)
        if not isinstance(metadata, dict):
            name = type(tlm_result).__name__
            raise SettingsError(f"tlm_result is a {name} without tlm_metadata", key="tlm_result")
        return tlm_result, metadata
    if not isinstance(tlm_result, Mapping):
        name = type(tlm_result).__name__
        raise SettingsError(f"tlm_result is a {name}; pass what `score` returned", key="tlm_result")
    if response is None:
        raise SettingsError("response is missing; pass what was scored", key="response")
    return response, tlm_result


def _details(response: Any, scores: Mapping[str, Any], names: list[str]) -> list[str]:
    if isinstance(scores.get("error"), str):
        return [f"There are no field scores: {scores['error']}"]
    if not names:
        return ["No untrustworthy fields found"]
    text = read_response(completion_as_data(response), in_text=False)
    values = structures.fields(structures.structure(text)) or {}
    lines = [f"Untrustworthy fields: {names}"]
    for name in names:
        told = scores[name]
        lines += [
            "",
            f"Field: {name}",
            f"Response: {values.get(name)}",
            f"Score: {told['score']}",
            f"Explanation: {told['explanation']}",
        ]
    return lines
