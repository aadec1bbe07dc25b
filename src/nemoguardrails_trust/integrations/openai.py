"""Adds a trustworthiness score to every answer that OpenAI's client returns.

    from nemoguardrails_trust.integrations.openai import trust_openai

    client = trust_openai(OpenAI())
    completion = client.chat.completions.create(model="gpt-4o-mini", messages=messages)
    completion.trust["trustworthiness_score"]

The `openai` package is only imported when it is used.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache, partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from nemoguardrails_trust.concurrency.loops import LoopThread
from nemoguardrails_trust.errors import SettingsError, needing
from nemoguardrails_trust.integrations.verdicts import attach, no_verdict, verdicts_on
from nemoguardrails_trust.scorers.base import QualityPreset
from nemoguardrails_trust.scorers.safely import BATCH_TIMEOUT
from nemoguardrails_trust.tlm import TLM
from nemoguardrails_trust.tlm.chat import prompt_of_chat, prompt_of_response

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

__all__ = ["trust_openai"]

Judge = Callable[[str | None, str, str, float | None], TLM]
Prompt = Callable[[Mapping[str, Any]], Any]
Answering = Callable[[], Any]
Score = Callable[[Answering, dict[str, Any], Prompt, TLM], Any]
ScoreEnd = Callable[[Answering], Any]
Client = TypeVar("Client", "OpenAI", "AsyncOpenAI")


def trust_openai(
    client: Client, *, tlm: TLM | None = None, quality_preset: QualityPreset = "medium"
) -> Client:
    """Returns a client whose answers are scored.

    The results of `create` and `parse`, under `chat.completions` and `responses`, get an
    attribute `trust`: a dictionary with `trustworthiness_score`, `threshold` and `status`
    (`trusted`, `untrustworthy` or `unchecked`), and with `log["error"]` if there is no score. In
    a chat completion, each choice has its own, and the completion has that of its first choice.
    Results of `with_raw_response` are scored too. A stream is passed through with a `trust` that
    is `unchecked`; with the helper `stream`, the result of `get_final_completion` or
    `get_final_response` is scored. If scoring fails, the call still succeeds.

    Args:
        client: An `OpenAI` or `AsyncOpenAI` client. It is not changed.
        tlm: The `TLM` that scores. By default, the model that answered does, on the client's
            server and within the client's timeout.
        quality_preset: What a score may cost if there is no `tlm`; see `TLM`.

    Returns:
        A copy of the client. Clients from its `copy` and `with_options` score too.

    Raises:
        SettingsError: The client is of another kind, or a `tlm` is needed because the client is
            for Azure or gets a new key for each call.
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
    if tlm is None and not client.api_key:
        raise SettingsError(
            "the client has no key of its own but is given one for each call; pass tlm= to say "
            "what scores",
            key="tlm",
        )

    @cache
    def judge(model: str | None, base_url: str, api_key: str, timeout: float | None) -> TLM:
        if tlm is not None:
            return tlm
        return TLM(quality_preset, model=model, base_url=base_url, api_key=api_key, timeout=timeout)

    # What is set up wrongly is told at once.
    judge(None, str(client.base_url), client.api_key, None)
    score = _score_async if isinstance(client, AsyncOpenAI) else partial(_score, LoopThread())
    trusted: Client = _trust(client.copy(), judge, score)
    return trusted


def _trust(client: Any, judge: Judge, score: Score) -> Any:
    """Replaces the methods of a client that answer, and those that copy it."""

    def judge_of(request: Mapping[str, Any]) -> TLM:
        timeout = _seconds(request.get("timeout"), client.timeout)
        model = request.get("model") or None
        return judge(model, str(client.base_url), client.api_key, timeout)

    def with_score(answering: Callable[..., Any], prompt_of: Prompt) -> Callable[..., Any]:
        @wraps(answering)
        def answer(**request: Any) -> Any:
            request = _readable_twice(request)
            return score(partial(answering, **request), request, prompt_of, judge_of(request))

        return answer

    def with_scored_end(opening: Callable[..., Any], prompt_of: Prompt) -> Callable[..., Any]:
        @wraps(opening)
        def stream(**request: Any) -> Any:
            request = _readable_twice(request)
            opened, tlm = opening(**request), judge_of(request)
            scored = _opened_async if hasattr(opened, "__aenter__") else _opened
            return scored(opened, lambda whole: score(whole, request, prompt_of, tlm))

        return stream

    for resource, prompt_of in (
        (client.chat.completions, prompt_of_chat),
        (client.beta.chat.completions, prompt_of_chat),  # an object of its own
        (client.responses, prompt_of_response),
    ):
        for name, replaced in (
            ("create", with_score),
            ("parse", with_score),
            ("stream", with_scored_end),
        ):
            if hasattr(resource, name):
                setattr(resource, name, replaced(getattr(resource, name), prompt_of))
    plain = client.copy

    @wraps(plain)
    def copy(**options: Any) -> Any:
        return _trust(plain(**options), judge, score)

    client.copy = client.with_options = copy
    return client


@contextmanager
def _opened(opened: Any, score: ScoreEnd) -> Iterator[Any]:
    with opened as stream:
        _score_end(stream, score)
        yield stream


@asynccontextmanager
async def _opened_async(opened: Any, score: ScoreEnd) -> AsyncIterator[Any]:
    async with opened as stream:
        _score_end(stream, score)
        yield stream


def _score_end(stream: Any, score: ScoreEnd) -> None:
    """Has the whole answer at the end of a stream scored."""
    for name in ("get_final_completion", "get_final_response"):
        if hasattr(stream, name):
            setattr(stream, name, partial(score, getattr(stream, name)))


def _score(
    loop_thread: LoopThread,
    answering: Answering,
    request: dict[str, Any],
    prompt_of: Prompt,
    tlm: TLM,
) -> Any:
    answered = answering()
    loop_thread.run(_attach_verdict(tlm, prompt_of, request, answered))
    return answered


async def _score_async(
    answering: Answering, request: dict[str, Any], prompt_of: Prompt, tlm: TLM
) -> Any:
    answered = await answering()
    await _attach_verdict(tlm, prompt_of, request, answered)
    return answered


def _seconds(*timeouts: Any) -> float | None:
    """The first of a client's timeouts that is one, if it is shorter than that of a score."""
    for timeout in timeouts:
        seconds = getattr(timeout, "read", timeout)
        if isinstance(seconds, int | float):
            return seconds if 0 < seconds < BATCH_TIMEOUT else None
    return None


def _readable_twice(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request whose iterators are lists, as the client and the judge both read them."""
    return {
        name: list(value) if hasattr(value, "__next__") else value
        for name, value in request.items()
    }


async def _attach_verdict(
    tlm: TLM, prompt_of: Prompt, request: Mapping[str, Any], answered: Any
) -> None:
    """Gives an answer the attribute `trust`: the verdict on it, or on the first of its choices."""
    from openai import APIResponse, AsyncAPIResponse, OpenAIError

    if hasattr(answered, "parse") and not isinstance(answered, APIResponse | AsyncAPIResponse):
        # A raw response, read as its user will read it: what is parsed is kept.
        try:
            parsed = answered.parse()
        except (OpenAIError, ValueError) as error:
            told = f"the raw response could not be parsed: {type(error).__name__}"
            attach(no_verdict(told, tlm.threshold), answered)
            return
        verdicts = await verdicts_on(tlm, parsed, partial(prompt_of, request), tlm.threshold)
        attach(verdicts[0], answered)
    else:
        await verdicts_on(tlm, answered, partial(prompt_of, request), tlm.threshold)
