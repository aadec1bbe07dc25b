"""Messages of agent frameworks that neither call it a role who speaks nor a content what is said.

Haystack, pydantic-ai and AutoGen here, others in `steps.py`. Each is turned into messages with a
role and a content, whose parts `parts.py` knows. All the rest is left as it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nemoguardrails_trust.exchange.exports import from_export, is_export
from nemoguardrails_trust.exchange.steps import (
    Item,
    camel,
    gradio,
    is_camel,
    is_final_step,
    is_gradio,
    is_letta,
    is_smolagents,
    letta,
    smolagents,
)

_BY_FORM = (
    (is_letta, letta),
    (is_smolagents, smolagents),
    (is_camel, camel),
    (is_gradio, gradio),
    (is_export, from_export),
)

_HAYSTACK = frozenset(("_role", "_content"))
_PYDANTIC_AI = ("request", "response")
_SPEAKERS = {
    **dict.fromkeys(("system-prompt", "instruction"), "system"),
    "tool-return": "tool",
}
"""Who speaks in a part of a request of pydantic-ai; in all others, the user does."""

_SAID = {
    "TextMessage", "MultiModalMessage", "StopMessage", "HandoffMessage", "StructuredMessage",
    "ToolCallSummaryMessage",
}  # fmt: skip
_DONE = frozenset(("CodeGenerationEvent", "ToolCallRequestEvent"))
_FOUND = frozenset(("ToolCallExecutionEvent", "FunctionExecutionResultMessage"))
_UNSEEN = {
    "ThoughtEvent", "UserInputRequestedEvent", "ModelClientStreamingChunkEvent",
    "SelectSpeakerEvent", "SelectorEvent",
}  # fmt: skip
"""Events of AutoGen that no model is given, or that are told again by the message after them."""

_PEOPLE = ("user", "human")


def is_of_framework(item: Any) -> bool:
    """Whether something is a message of one of these frameworks."""
    return isinstance(item, Mapping) and _form_of(item) is not None


def in_usual_form(items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """The items of a chat as usual messages, each with the number of the item that it is of."""
    agent = _last_agent(items)
    instructions: Any = None
    for number, item in enumerate(items, start=1):
        form = _form_of(item) if isinstance(item, Mapping) else None
        if form is None:
            yield number, item
            continue
        if form is smolagents and item.get("is_final_answer") and any(map(is_final_step, items)):
            continue  # the answer is told again in a step of its own
        if form is _pydantic_ai and item.get("instructions") in (None, instructions):
            item = {**item, "instructions": None}
        elif form is _pydantic_ai:
            instructions = item["instructions"]
        for message in form(item, agent):
            yield number, message


def _form_of(item: Item) -> Callable[[Item, str], Iterator[Item]] | None:
    if item.keys() >= _HAYSTACK:
        return _haystack
    if item.get("kind") in _PYDANTIC_AI and isinstance(item.get("parts"), list):
        return _pydantic_ai
    for is_of, form in _BY_FORM:
        if is_of(item):
            return form
    name = _autogen_type(item)
    is_message = "source" in item and name in _SAID | _DONE | _UNSEEN
    is_message |= name in ("CodeExecutionEvent", "MemoryQueryEvent")
    return _autogen if is_message or (name in _FOUND and "content" in item) else None


def _haystack(item: Item, _: str) -> Iterator[Item]:
    bare = {str(key).removeprefix("_"): value for key, value in item.items()}
    if isinstance(bare["content"], list):
        bare["content"] = list(map(_haystack_part, bare["content"]))
    yield bare


def _haystack_part(part: Any) -> Any:
    """A part with its own name, which it lacks where it comes by `dataclasses.asdict`."""
    is_result = isinstance(part, Mapping) and "result" in part and "origin" in part
    return {"tool_call_result": part} if is_result else part


def _pydantic_ai(item: Item, _: str) -> Iterator[Item]:
    if item["kind"] == "response":
        yield {"role": "assistant", "content": item["parts"]}
        return
    if item.get("instructions"):
        yield {"role": "system", "content": item["instructions"]}
    for part in item["parts"]:
        name = part.get("part_kind") if isinstance(part, Mapping) else None
        if name == "tool-return" and part.get("tool_name") == "final_result":
            continue  # its call was the answer
        yield {"role": _SPEAKERS.get(str(name), "user"), "content": [part]}


def _autogen(item: Item, agent: str) -> Iterator[Item]:
    name, content = _autogen_type(item), item.get("content")
    source = str(item.get("source"))
    if name in _FOUND:
        results = content if isinstance(content, list) else [content]
        yield {"role": "tool", "content": [_result(result) for result in results]}
    elif name == "CodeExecutionEvent":
        yield {"role": "tool", "content": item.get("result")}
    elif name == "MemoryQueryEvent":
        if content:
            yield {"role": "system", "documents": content}
    elif name == "ToolCallRequestEvent":
        yield {"role": "assistant", "tool_calls": content}
    elif name in _SAID | _DONE:
        for message in item.get("context") or ():
            yield from _autogen(message, agent) if _form_of(message) else (message,)
        if isinstance(content, Mapping):  # an answer with a structure
            content = [{"type": "json", "value": content}]
        elif isinstance(content, list):
            content = [_picture(part) for part in content]
        # To the agent that speaks last, what the others say is what it is asked.
        yield {"role": "assistant" if source == agent else "user", "content": content}


def _result(result: Any) -> Any:
    return {"type": "tool_result", **result} if isinstance(result, Mapping) else result


def _picture(part: Any) -> Any:
    is_picture = isinstance(part, Mapping) and part.keys() == {"data"}
    return {"type": "image", **part} if is_picture else part


def _autogen_type(item: Item) -> str:
    name = item.get("type")
    return name.partition("[")[0] if isinstance(name, str) else ""


def _last_agent(items: Sequence[Any]) -> str:
    """Who speaks last in a talk of AutoGen's agents, apart from people."""
    for item in reversed(items):
        if isinstance(item, Mapping) and _autogen_type(item) in _SAID | _DONE:
            source = item.get("source")
            if isinstance(source, str) and not source.casefold().startswith(_PEOPLE):
                return source
    return ""
