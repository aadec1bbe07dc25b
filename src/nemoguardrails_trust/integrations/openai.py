"""Adds a trustworthiness score to every chat completion of OpenAI's client.

    from nemoguardrails_trust.integrations.openai import trust_openai

    client = trust_openai(OpenAI())
    completion = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    completion.trust["trustworthiness_score"]

The `openai` package is only imported when it is used.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from nemoguardrails_trust.errors import SettingsError, needing
from nemoguardrails_trust.integrations.verdicts import verdict_of
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.tlm import TLM

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

__all__ = ["trust_openai"]

Judge = Callable[[str | None], TLM]
Client = TypeVar("Client", "OpenAI", "AsyncOpenAI")


def trust_openai(
    client: Client, *, tlm: TLM | None = None, quality_preset: QualityPreset = "medium"
) -> Client:
    """Makes a client whose chat completions are scored.

    Whatever `chat.completions.create` returns has the attribute `trust`, as does each of its
    choices: a dictionary with `trustworthiness_score`, `threshold` and `status` (`trusted`,
    `untrustworthy` or `unchecked`), and with `log["error"]` if there is no score. The `trust` of
    the completion is that of its first choice. A stream is passed through, and its `trust` is
    `unchecked`. If scoring fails, the call still succeeds.

    Args:
        client: An `OpenAI` or `AsyncOpenAI` client, which is not changed.
        tlm: The `TLM` that scores. By default the model that answered, on the client's server.
        quality_preset: What a score may cost if there is no `tlm`; see `TLM`.

    Returns:
        A copy of the client.

    Raises:
        SettingsError: The client is of another kind, or it is for Azure and there is no `tlm`.
        MissingDependencyError: The `openai` package is not installed.
    """
    with needing("openai", "openai"):
        from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
    if not isinstance(client, OpenAI | AsyncOpenAI):
        raise SettingsError(
            f"client is a {type(client).__name__}; it must be an OpenAI or AsyncOpenAI client",
            key="client",
        )
    if tlm is None and isinstance(client, AzureOpenAI | AsyncAzureOpenAI):
        raise SettingsError(
            "an Azure client's address depends on the deployment; pass tlm= to say what scores",
            key="tlm",
        )

    @cache
    def judge(model: str | None) -> TLM:
        if tlm is not None:
            return tlm
        return TLM(
            quality_preset, model=model, base_url=str(client.base_url), api_key=client.api_key
        )

    trusted = client.copy()
    completions = trusted.chat.completions
    is_async = isinstance(trusted, AsyncOpenAI)
    scored = _scored_async if is_async else _scored
    setattr(completions, "create", scored(completions.create, judge))  # noqa: B010
    return trusted


def _scored(create: Callable[..., Any], judge: Judge) -> Callable[..., Any]:
    @wraps(create)
    def create_scored(**request: Any) -> Any:
        # What is set up wrongly is told before anything is paid for.
        tlm = judge(request.get("model"))
        prompt = _prompt_of(request)
        answered = create(**request)
        for choice in getattr(answered, "choices", ()):
            answer = answered.model_copy(update={"choices": [choice]})
            result = tlm.try_get_trustworthiness_score(prompt, answer)
            choice.trust = verdict_of(result, tlm.threshold)
        return _told(answered, tlm.threshold)

    return create_scored


def _scored_async(create: Callable[..., Any], judge: Judge) -> Callable[..., Any]:
    @wraps(create)
    async def create_scored(**request: Any) -> Any:
        tlm = judge(request.get("model"))
        prompt = _prompt_of(request)
        answered = await create(**request)
        for choice in getattr(answered, "choices", ()):
            answer = answered.model_copy(update={"choices": [choice]})
            result = await tlm.try_get_trustworthiness_score_async(prompt, answer)
            choice.trust = verdict_of(result, tlm.threshold)
        return _told(answered, tlm.threshold)

    return create_scored


def _prompt_of(request: dict[str, Any]) -> Any:
    """What the model is given; an iterator of messages is made a list, to be read twice."""
    messages, tools = request.get("messages"), request.get("tools")
    if messages is not None:
        request["messages"] = messages = list(messages)
    return {"messages": messages, "tools": list(tools)} if tools else messages


def _told(answered: Any, threshold: float) -> Any:
    choices = getattr(answered, "choices", None)
    if choices:
        answered.trust = choices[0].trust
    else:
        reason = "a stream is not scored" if choices is None else "there is no answer"
        log = {"error": {"message": reason, "retryable": False}}
        answered.trust = verdict_of({"trustworthiness_score": None, "log": log}, threshold)
    return answered
