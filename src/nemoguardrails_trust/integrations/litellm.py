"""LiteLLM: a guardrail that scores the answers of a proxy or of the library.

    # trust.py, next to the proxy's config.yaml
    from nemoguardrails_trust.integrations.litellm import TrustGuardrail

    # config.yaml
    guardrails:
      - guardrail_name: trust
        litellm_params: {guardrail: trust.TrustGuardrail, mode: post_call, default_on: true}

Importing this imports `litellm`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from inspect import signature
from typing import Any, Literal

from nemoguardrails_trust.errors import SettingsError, SetupError, nearest_name, needing
from nemoguardrails_trust.integrations.message_stream import message_of
from nemoguardrails_trust.integrations.verdicts import (
    Verdict,
    no_verdict,
    verdicts_on,
)
from nemoguardrails_trust.scorers.base import QualityPreset, require_threshold
from nemoguardrails_trust.tlm import TLM
from nemoguardrails_trust.tlm.chat import prompt_of_response

with needing("litellm", "litellm"):
    from litellm import stream_chunk_builder
    from litellm.exceptions import GuardrailRaisedException
    from litellm.integrations.custom_guardrail import CustomGuardrail
    from litellm.types.guardrails import GuardrailEventHooks

__all__ = ["TrustGuardrail"]

Reaction = Literal["flag", "block"]
_REACTIONS = ("flag", "block")
_ELSEWHERE = {"quality": "quality_preset", "base_url": "api_base"}
"""What settings are called in other places of this package."""


class TrustGuardrail(CustomGuardrail):  # type: ignore[misc]
    """Scores each answer after the call and, if you want, refuses those below the threshold.

    A scored answer has `trust`: a dictionary with `trustworthiness_score`, `threshold` and
    `status` (`trusted`, `untrustworthy` or `unchecked`). So has each of its choices; the answer
    has that of the first, and is refused if any choice is to be. If answers can be blocked, a
    stream is held back until it is scored; otherwise it is passed through without a score. What
    is no answer, such as an embedding, is left alone.

    Args:
        tlm: The `TLM` that scores. Without it, one is built from the arguments that follow.
        model: The name of the model that judges, as its server knows it.
        api_base: Its server; by default `OPENAI_BASE_URL`, otherwise OpenAI's own.
        api_key: The key; by default `OPENAI_API_KEY`.
        quality_preset: What a score may cost; see `TLM`.
        timeout: Seconds for a score.
        threshold: Scores below it are untrustworthy; by default the threshold of `tlm`.
        on_untrustworthy: `flag` passes the answer on with its verdict, `block` refuses it.
        on_error: The same, for an answer that could not be scored.
        settings: The settings of LiteLLM itself, such as `guardrail_name` and `default_on`.

    Raises:
        SetupError: A setting is out of range, or has a name that is almost one of these. It is no
            `ValueError`, as a `SettingsError` is.
    """

    def __init__(
        self,
        tlm: TLM | None = None,
        *,
        model: str | None = None,
        api_base: str | None = None,
        api_key: str | None = None,
        quality_preset: QualityPreset = "medium",
        timeout: float = 60.0,
        threshold: float | None = None,
        on_untrustworthy: Reaction = "flag",
        on_error: Reaction = "flag",
        **settings: Any,
    ) -> None:
        settings.setdefault("supported_event_hooks", [GuardrailEventHooks.post_call])
        try:
            super().__init__(**settings)
            _refuse_misspelt(settings)
            for key, reaction in (("on_untrustworthy", on_untrustworthy), ("on_error", on_error)):
                _require_reaction(key, reaction)
            if threshold is not None:
                require_threshold(threshold)
            self._tlm = tlm or TLM(
                quality_preset, model=model, base_url=api_base, api_key=api_key, timeout=timeout
            )
        except (TypeError, ValueError) as error:
            # At these, LiteLLM's proxy logs a line and starts without the guardrail.
            raise SetupError(str(error).replace("base_url must", "api_base must")) from None
        self._threshold = self._tlm.threshold if threshold is None else threshold
        self._blocked = {"untrustworthy": on_untrustworthy, "unchecked": on_error}

    async def async_post_call_success_hook(
        self, data: Mapping[str, Any], user_api_key_dict: Any, response: Any
    ) -> Any:
        """Scores an answer; see LiteLLM.

        Raises:
            GuardrailRaisedException: The answer is refused.
        """
        if not self.should_run_guardrail(data, GuardrailEventHooks.post_call):
            return response
        if (verdicts := await self._verdicts(data, response)) is None:
            return response
        self._refuse(verdicts)
        return response

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: Mapping[str, Any]
    ) -> AsyncIterator[Any]:
        """Holds a stream back until it is scored, if answers can be blocked; see LiteLLM.

        Raises:
            GuardrailRaisedException: The answer is refused.
        """
        runs = self.should_run_guardrail(request_data, GuardrailEventHooks.post_call)
        if not runs or "block" not in self._blocked.values():
            async for chunk in response:
                yield chunk
            return
        chunks = [chunk async for chunk in response]
        for whole in _wholes(chunks, request_data):
            verdicts = await self._verdicts(request_data, whole)
            told = "a stream of this kind is not scored"
            self._refuse(verdicts or [no_verdict(told, self._threshold)])
        for chunk in chunks:
            yield chunk

    async def _verdicts(self, data: Mapping[str, Any], response: Any) -> list[Verdict] | None:
        """One for each choice of an answer, or `None` for what is no answer."""
        is_message = isinstance(response, Mapping) and response.get("type") == "message"
        if not (is_message or hasattr(response, "choices") or hasattr(response, "output")):
            return None
        return await verdicts_on(self._tlm, response, partial(_prompt_of, data), self._threshold)

    def _refuse(self, verdicts: Sequence[Verdict]) -> None:
        """Raises where an answer with one of these verdicts is to be blocked."""
        for status in (verdict["status"] for verdict in verdicts):
            if self._blocked.get(status) != "block":
                continue
            refusal = GuardrailRaisedException(self.guardrail_name, f"the answer is {status}")
            refusal.blocked_content = status == "untrustworthy"  # no argument before LiteLLM 1.99
            raise refusal


def _require_reaction(key: str, reaction: object) -> None:
    """Refuses what is no reaction.

    Raises:
        SettingsError: It is none.
    """
    if reaction not in _REACTIONS:
        known = ", ".join(_REACTIONS)
        raise SettingsError(f"{key} is {reaction!r}; it must be one of {known}", key=key)


def _refuse_misspelt(settings: Mapping[str, Any]) -> None:
    """Refuses what LiteLLM would leave unread: it takes settings of any name.

    Raises:
        SettingsError: A name is almost one of ours.
    """
    known = list(signature(TrustGuardrail).parameters)
    for name in (name for name, value in settings.items() if value is not None):
        near = _ELSEWHERE.get(name) or nearest_name(name, known, cutoff=0.8)
        if near:
            raise SettingsError(f"{name} is not a setting; did you mean {near}?", key=name)


def _prompt_of(data: Mapping[str, Any]) -> Any:
    """What the model was given: by chat completions, Anthropic's messages, responses or text.

    Raises:
        SettingsError: It is not in the request.
    """
    if data.get("messages"):
        names = ("system", "messages", "tools", "functions")
        return {name: data[name] for name in names if data.get(name)}
    if not isinstance(data.get("prompt"), str | list):
        return prompt_of_response(data)
    prompts = data["prompt"] if isinstance(data["prompt"], list) else [data["prompt"]]
    if len(prompts) != 1 or not isinstance(prompts[0], str):
        raise SettingsError("only one prompt of text is scored at a time", key="prompt")
    return prompts[0]


def _wholes(chunks: Sequence[Any], data: Mapping[str, Any]) -> list[Any]:
    """The answers that a stream was, one for each choice; `None` where it cannot be told."""
    if ends := [chunk.response for chunk in chunks if hasattr(chunk, "response")]:
        return ends[-1:]
    if chunks and all(isinstance(chunk, bytes) for chunk in chunks):
        return [message_of(b"".join(chunks))]
    if not chunks or not all(hasattr(chunk, "choices") for chunk in chunks):
        return [None]
    indexes = {choice.index for chunk in chunks for choice in chunk.choices} or {0}
    return [
        stream_chunk_builder([_only(chunk, index) for chunk in chunks], data.get("messages"))
        for index in sorted(indexes)
    ]


def _only(chunk: Any, index: int) -> Any:
    """A chunk with what it holds of one choice."""
    mine = [choice for choice in chunk.choices if choice.index == index]
    return chunk.model_copy(update={"choices": mine})
