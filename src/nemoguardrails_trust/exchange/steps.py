"""Histories that are lists of what happened rather than of messages: Letta, smolagents, CAMEL.

Gradio's chats are here too, which show what an agent did in messages of the assistant.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nemoguardrails_trust.exchange.values import is_filled, unpacked

Item = Mapping[str, Any]

_LETTA_ROLES = {
    **dict.fromkeys(("system_message", "summary_message"), "system"),
    **dict.fromkeys(("user_message", "event_message"), "user"),
    "assistant_message": "assistant",
}
_LETTA_CALLS = ("tool_call_message", "approval_request_message")
_LETTA_RETURNS = ("tool_return_message", "approval_response_message")
_LETTA_UNSEEN = (
    "reasoning_message", "hidden_reasoning_message", "stop_reason", "usage_statistics", "ping",
)  # fmt: skip
_LETTA_ABOUT = {
    "id", "date", "name", "message_type", "otid", "sender_id", "step_id", "is_err", "seq_id",
    "run_id", "status", "tool_call_id", "stdout", "stderr",
}  # fmt: skip
_SAYING = "send_message"  # the tool by which older agents of Letta speak
_SAID_NOTHING = ("", "None", "null", "Sent message successfully.")  # what that tool gives back

_STEP_ABOUT = {
    "step_number", "timing", "model_input_messages", "model_output_message", "token_usage",
    "start_time", "end_time", "duration", "agent_memory", "llm_output", "is_final_answer",
    "facts",
}  # fmt: skip

_CAMEL_ROLES = {"user": "user", "assistant": "assistant", "system": "system"}
_TITLES = frozenset(("title", "log", "duration", "status", "id", "parent_id"))
_OF_A_THOUGHT = re.compile(r"think|thought|reason|reflect|plan", re.IGNORECASE)


def is_letta(item: Item) -> bool:
    """Whether something is a message of Letta."""
    known = (*_LETTA_ROLES, *_LETTA_CALLS, *_LETTA_RETURNS, *_LETTA_UNSEEN)
    return item.get("message_type") in known and "role" not in item


def letta(item: Item, _: str) -> Iterator[Item]:
    """A message of Letta as usual messages."""
    kind = item["message_type"]
    more = {key: value for key, value in item.items() if key not in _LETTA_ABOUT}
    if kind in _LETTA_ROLES:
        content = more.pop("summary", more.pop("event_data", None))
        yield {"role": _LETTA_ROLES[kind], "content": content, **more}
    elif kind in _LETTA_CALLS:
        one, several = more.pop("tool_call", None), more.pop("tool_calls", None)
        calls = several if isinstance(several, list) and several else [one]
        said = [_spoken(call) for call in calls]
        if all(words is not None for words in said):
            yield {"role": "assistant", "content": "\n".join(filter(None, said)), **more}
        else:
            yield {"role": "assistant", "tool_calls": calls, **more}
    elif kind in _LETTA_RETURNS:
        one, several = more.pop("tool_return", None), more.pop("tool_returns", None)
        for found in several if isinstance(several, list) and several else [one]:
            found = found.get("tool_return") if isinstance(found, Mapping) else found
            if found is None and any(map(is_filled, more.values())):
                found, more = [{"type": "json", "value": more}], {}  # what was approved, or not
            if found is not None and found not in _SAID_NOTHING:
                yield {"role": "tool", "content": found, **more}


def _spoken(call: Any) -> str | None:
    """What a call of the tool for speaking says; `None` of another tool's."""
    if not isinstance(call, Mapping) or call.get("name") != _SAYING:
        return None
    arguments = unpacked(call.get("arguments"))
    said = arguments.get("message") if isinstance(arguments, Mapping) else None
    return said if isinstance(said, str) else None


def is_smolagents(item: Item) -> bool:
    """Whether something is a step of the memory of smolagents."""
    if "role" in item or "content" in item:
        return False
    is_first = item.keys() <= {"task", "task_images"} or item.keys() == {"system_prompt"}
    is_action = "step_number" in item and {"model_output", "observations"} <= item.keys()
    is_plan = "plan" in item and "model_output_message" in item
    return bool(item) and (is_first or is_action or is_plan or item.keys() == {"output"})


def is_final_step(item: Any) -> bool:
    """Whether something is the step of smolagents whose outcome is the answer."""
    return isinstance(item, Mapping) and is_smolagents(item) and "output" in item


def smolagents(item: Item, _: str) -> Iterator[Item]:
    """A step of smolagents' memory as usual messages."""
    more = {key: value for key, value in item.items() if key not in _STEP_ABOUT}
    if "system_prompt" in item:
        yield {"role": "system", "content": item["system_prompt"]}
    elif "task" in item:
        yield {"role": "user", "content": item["task"], "images": item.get("task_images")}
    elif "plan" in item:
        yield {"role": "assistant", "content": more.pop("plan"), **more}
        yield {"role": "user", "content": "Carry out this plan."}  # as smolagents asks, too
    elif "output" in item:
        yield {"role": "assistant", "content": _answer(item["output"])}
    elif item.get("is_final_answer") or _calls_final_answer(item.get("tool_calls")):
        yield {"role": "assistant", "content": _answer(item.get("action_output"))}
    else:
        more.pop("action_output", None)  # the observations tell it
        more.pop("code_action", None)  # the output is it
        observations, error = more.pop("observations", None), more.pop("error", None)
        images = more.pop("observations_images", None)
        output, calls = more.pop("model_output", None), more.pop("tool_calls", None)
        if is_filled(output) or is_filled(calls):
            calls = None if is_filled(output) else calls
            yield {"role": "assistant", "content": output, "tool_calls": calls, **more}
        if isinstance(error, Mapping):
            error = error.get("message")
        found = "\n".join(str(told) for told in (observations, error) if is_filled(told))
        yield {"role": "tool", "content": found, "images": images}


def _calls_final_answer(calls: Any) -> bool:
    """Whether a step of a version that does not say so gives the answer."""
    if not isinstance(calls, list) or len(calls) != 1 or not isinstance(calls[0], Mapping):
        return False
    inner = calls[0].get("function")
    return isinstance(inner, Mapping) and inner.get("name") == "final_answer"


def _answer(output: Any) -> Any:
    if isinstance(output, str):
        return output
    return None if output is None else [{"type": "json", "value": output}]


def is_camel(item: Item) -> bool:
    """Whether something is a message of CAMEL, or a record of its memory."""
    if "role_at_backend" in item:
        return isinstance(item.get("message"), Mapping)
    return "role_type" in item and "role_name" in item and "role" not in item


def camel(item: Item, _: str) -> Iterator[Item]:
    """A message of CAMEL as usual messages."""
    inner = dict(item["message"] if "role_at_backend" in item else item)
    told = item.get("role_at_backend", inner.get("role_type"))
    name = str(getattr(told, "value", told)).rpartition(".")[2].casefold()
    for key in ("role_name", "role_type", "meta_dict", "__class__", "parsed", "reasoning_content"):
        inner.pop(key, None)
    media = {"images": inner.pop("image_list", None), "video": inner.pop("video_bytes", None)}
    called, arguments = inner.pop("func_name", None), inner.pop("args", None)
    result = inner.pop("result", None)
    if called and (name in ("tool", "function") or result is not None):
        yield {"role": "tool", **inner, "content": [{"type": "tool_result", "content": result}]}
    elif called:
        calls = [{"name": called, "arguments": arguments}]
        yield {"role": "assistant", **inner, "tool_calls": calls}
    else:
        yield {"role": _CAMEL_ROLES.get(name, name), **inner, **media}


def is_gradio(item: Item) -> bool:
    """Whether something is a message of Gradio's chats with more than its role and content."""
    if item.keys() == {"text", "files"}:  # its box for texts with files
        return isinstance(item["text"], str) and isinstance(item["files"], list)
    metadata = item.get("metadata")
    is_titled = isinstance(metadata, Mapping) and bool(metadata.get("title"))
    is_titled = is_titled and metadata.keys() <= _TITLES  # type: ignore[union-attr]
    has_options = "options" in item and "metadata" in item
    return "role" in item and "content" in item and (is_titled or has_options)


def gradio(item: Item, _: str) -> Iterator[Item]:
    """A message of Gradio as a usual one; what a title stands over is what the agent did."""
    if "text" in item:
        yield {"role": "user", "content": item["text"], "files": item["files"]}
        return
    bare = {key: value for key, value in item.items() if key != "metadata"}
    options = bare.get("options")
    if isinstance(options, list) and all(map(_is_offered, options)):
        del bare["options"]  # buttons; the one that is pressed is what the user says next
    metadata = item.get("metadata")
    title = metadata.get("title") if isinstance(metadata, Mapping) else None
    if not title or item["role"] != "assistant":
        yield bare
    elif not _OF_A_THOUGHT.search(str(title)):
        yield {**bare, "role": "tool"}


def _is_offered(option: Any) -> bool:
    return isinstance(option, Mapping) and "value" in option and option.keys() <= {"value", "label"}
