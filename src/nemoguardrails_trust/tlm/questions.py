"""What is asked: one prompt or query or a list of them, with all that goes with each."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nemoguardrails_trust.errors import DataError, SettingsError, counted
from nemoguardrails_trust.exchange import (
    Exchange,
    Message,
    read_messages,
    read_passages,
    read_response,
)
from nemoguardrails_trust.exchange.items import is_message
from nemoguardrails_trust.exchange.recognising import is_chat, is_completion
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.scores import require_share
from nemoguardrails_trust.signals.reflection import Task
from nemoguardrails_trust.tlm.completions import completion_as_data, is_object, tokens_of

_CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt, read and found good."""

    messages: tuple[Message, ...]  # with the instruction about `allowed`
    context: tuple[str, ...] = ()
    response: str = ""  # where one is to be made
    allowed: tuple[str, ...] = ()  # the only answers that will do; empty where any will
    tokens: tuple[TokenLogprob, ...] | None = None  # of the response, where it came with them

    @property
    def unanswered(self) -> Exchange:
        """What the model is asked, its answer still empty."""
        return self.answered("", None)

    def answered(self, response: str, tokens: tuple[TokenLogprob, ...] | None) -> Exchange:
        """What the model is asked, with an answer and its tokens."""
        return Exchange(response, self.messages, self.context, tokens=tokens)


@dataclass(frozen=True, slots=True)
class Item:
    """One prompt as the caller gave it.

    Attributes:
        prompt: Text, or chat messages.
        context: A passage, several, or `None`.
        allowed: The only answers that will do; empty where any will.
        response: The answer to score.
        has_response: Whether there is to be one.
        perplexity: The mean probability of the answer's tokens, 0 to 1, where the caller knows it.
        query: What the user asked, of which the prompt was made; only of a `TrustworthyRAG`.
    """

    prompt: Any
    context: Any = None
    allowed: tuple[str, ...] = ()
    response: Any = None
    has_response: bool = False
    perplexity: float | None = None
    query: Any = None

    def read(self) -> Question:
        """Reads what was given.

        Raises:
            DataError: A part of it is not what it must be. The message names the part, and holds
                nothing of it.
        """
        messages = read_messages(_asked(self.prompt), in_text=False)
        context = read_passages(self.context)
        response, tokens = "", None
        if self.has_response:
            given = completion_as_data(self.response)
            response = read_response(given, in_text=False)
            tokens = tokens_of(given, response)
            if self.perplexity is not None:
                tokens = _as_tokens(self.perplexity, response)
        if not self.allowed:
            return Question(messages, context, response, tokens=tokens)
        if self.has_response and matching(response, self.allowed) is None:
            raise DataError("the response is not one of constrain_outputs")
        asked = _instructed(messages, self.allowed)
        return Question(asked, context, response, self.allowed, tokens)


def items_of(
    prompt: Any, context: Any = None, constrain_outputs: Any = None
) -> tuple[list[Item], bool]:
    """Takes prompts apart.

    Args:
        prompt: One prompt (a text, or chat messages) or an iterable of them.
        context: For one prompt a passage or several. For many, that of each, or one passage for
            all.
        constrain_outputs: Texts; for many prompts either the same for all, or those of each.

    Returns:
        The items, and whether there was one prompt rather than a list.

    Raises:
        SettingsError: The lists do not go together.
    """
    if _is_one(prompt):
        return [Item(prompt, context, read_allowed(constrain_outputs))], True
    prompts = list(prompt)
    contexts = [context] * len(prompts)
    if context is not None and not isinstance(context, str):
        contexts = one_each("context", context, len(prompts))
    choices: list[Any] = [constrain_outputs] * len(prompts)
    if constrain_outputs is not None and not _are_texts(constrain_outputs):
        choices = one_each("constrain_outputs", constrain_outputs, len(prompts))
    return [
        Item(prompt, passages, read_allowed(texts))
        for prompt, passages, texts in zip(prompts, contexts, choices, strict=True)
    ], False


def items_with_responses(
    prompt: Any,
    response: Any,
    context: Any = None,
    constrain_outputs: Any = None,
    perplexity: Any = None,
) -> tuple[list[Item], bool]:
    """Takes prompts and their responses apart; see `items_of`.

    Raises:
        SettingsError: The lists do not go together.
    """
    items, is_one = items_of(prompt, context, constrain_outputs)
    if is_one:
        _require_one(response)
    responses = [response] if is_one else one_each("response", response, len(items))
    known: list[Any] = [perplexity] * len(items)
    if perplexity is not None and not is_one:
        known = one_each("perplexity", perplexity, len(items))
    return [
        Item(item.prompt, item.context, item.allowed, own, True, _share(likely))
        for item, own, likely in zip(items, responses, known, strict=True)
    ], is_one


def rag_items_of(
    query: Any,
    context: Any,
    prompt: Any,
    form_prompt: Callable[[Any, Any], Any] | None,
    responses: tuple[Any] | None = None,
) -> tuple[list[Item], bool]:
    """Takes queries apart.

    Args:
        query: One query (a text, or chat messages) or an iterable of them.
        context: For one query a passage or several; for many that of each, or one for all.
        prompt: What the model is given; for many queries that of each.
        form_prompt: Makes the prompt of a query and its context.
        responses: What holds the response, or for many queries the list of them; `None` where
            responses are to be made.

    Returns:
        The items, and whether there was one query rather than a list.

    Raises:
        SettingsError: The lists do not go together, or the prompt is given twice.
    """
    if prompt is not None and form_prompt is not None:
        raise SettingsError(
            "prompt and form_prompt both set the prompt; leave one out", key="prompt"
        )
    if responses is None:
        items, is_one = items_of(query, context=context)
    else:
        items, is_one = items_with_responses(query, responses[0], context=context)
    prompts = [item.prompt for item in items]
    if form_prompt is not None:
        prompts = [form_prompt(item.prompt, item.context) for item in items]
    elif prompt is not None:
        prompts = [prompt] if is_one else one_each("prompt", prompt, len(items))
    return [
        replace(item, prompt=own, query=item.prompt)
        for item, own in zip(items, prompts, strict=True)
    ], is_one


def one_each(name: str, values: Any, count: int) -> list[Any]:
    """The values, of which each prompt has one.

    Raises:
        SettingsError: They are no list, or not as many as there are prompts.
    """
    if isinstance(values, str) or is_object(values) or not isinstance(values, Iterable):
        raise SettingsError(
            f"{name} is a {type(values).__name__}, but prompt is a list of {count}; pass a list "
            f"with the {name} of each",
            key=name,
        )
    listed = list(values)
    if len(listed) != count:
        raise wrong_number(name, len(listed), count)
    return listed


def wrong_number(name: str, entries: int, prompts: int) -> SettingsError:
    """The error that a list has not as many entries as there are prompts."""
    there = f"there {'is' if prompts == 1 else 'are'} {counted(prompts, 'prompt')}"
    return SettingsError(f"{name} has {counted(entries, 'entry')}, but {there}", key=name)


def require_constraints(items: Iterable[Item], task: Task) -> None:
    """Makes sure that each prompt has its allowed answers where the task is to choose one.

    Raises:
        SettingsError: They are missing, or make no sense with the task.
    """
    for item in items:
        if task == "classification" and not item.allowed:
            raise SettingsError(
                "task is 'classification', which needs the classes as constrain_outputs",
                key="constrain_outputs",
            )
        if task == "code_generation" and item.allowed:
            raise SettingsError(
                "constrain_outputs has no effect with task 'code_generation'",
                key="constrain_outputs",
            )


def matching(answer: str, allowed: Iterable[str]) -> str | None:
    """The allowed answer that an answer is; `None` where it is none.

    Case, white space, quotation marks and a full stop at the end do not count.
    """
    listed = tuple(allowed)
    if answer in listed:
        return answer
    plain = _plain(answer)
    return next((text for text in listed if _plain(text) == plain), None)


def correction(allowed: Iterable[str]) -> str:
    """What a model is told that gave another answer than those allowed."""
    return f"That is not one of them. {_instruction(allowed)}"


def _is_single(value: Any) -> bool:
    """Whether a value can only be one prompt, or one response."""
    one = isinstance(value, str | bytes | Mapping | Message) or is_object(value)
    return one or not isinstance(value, Iterable)


def _is_one(prompt: Any) -> bool:
    if _is_single(prompt):
        return True
    if not isinstance(prompt, list | tuple) or not prompt:
        return False
    first = completion_as_data(prompt[0])
    # A mapping that is neither is more likely a message gone wrong than a list of prompts.
    is_unknown = isinstance(prompt[0], Mapping) and not (is_chat(first) or is_completion(first))
    return is_message(first) or is_unknown


def _asked(prompt: Any) -> Any:
    """A prompt as data.

    Raises:
        DataError: It is an answer.
    """
    if isinstance(prompt, str):
        return prompt
    data = completion_as_data(prompt)
    if is_object(prompt) and not is_message(data):
        raise DataError(
            f"the prompt is a {type(prompt).__name__}; pass what was asked, as text "
            "or chat messages, and the completion as the response"
        )
    return data


def _require_one(response: Any) -> None:
    """Makes sure that a response to one prompt is not several.

    Raises:
        SettingsError: It is.
    """
    if _is_single(response):
        return
    told = f"a {type(response).__name__}"
    if isinstance(response, list | tuple):
        data = [completion_as_data(entry) for entry in response]
        if data and not any(isinstance(entry, str) or is_completion(entry) for entry in data):
            return  # messages, or parts of one
        told += f" of {len(data)}"
    raise SettingsError(
        f"response is {told}, but there is one prompt; pass one response, or a "
        "list with a prompt for each response",
        key="response",
    )


def _are_texts(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)


def read_allowed(values: Any) -> tuple[str, ...]:
    """The only answers that will do, as a caller gave them; none where any will.

    Raises:
        SettingsError: They are no texts, or one of them is blank.
    """
    if values is None:
        return ()
    if not _are_texts(values) or not values or not all(_plain(value) for value in values):
        raise SettingsError(
            "constrain_outputs must be a list of one or more strings, none of them blank",
            key="constrain_outputs",
        )
    return tuple(values)


def _instructed(messages: tuple[Message, ...], allowed: tuple[str, ...]) -> tuple[Message, ...]:
    instruction = _instruction(allowed)
    last = messages[-1]
    if last.role != "user":
        return (*messages, Message("user", instruction))
    return (*messages[:-1], replace(last, content=f"{last.content}\n\n{instruction}"))


def _instruction(allowed: Iterable[str]) -> str:
    listed = ", ".join(json.dumps(text, ensure_ascii=False) for text in allowed)
    return f"Answer with exactly one of these, and nothing else: {listed}"


def _share(value: Any) -> float | None:
    if value is None:
        return None
    try:
        require_share("perplexity", value)
    except ValueError as error:
        raise SettingsError(str(error), key="perplexity") from None
    return float(value)


def _as_tokens(perplexity: float, response: str) -> tuple[TokenLogprob, ...]:
    """Tokens of this mean probability, about as many as the response has."""
    count = max(1, len(response) // _CHARACTERS_A_TOKEN)
    logprob = math.log(perplexity) if perplexity > 0.0 else -math.inf
    return (TokenLogprob("", logprob),) * count


def _plain(text: str) -> str:
    return " ".join(text.split()).strip("\"'`“”‘’").removesuffix(".").rstrip().casefold()
