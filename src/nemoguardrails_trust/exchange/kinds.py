"""What a part of a message is, by the names that frameworks and servers give it."""

from collections.abc import Mapping
from typing import Any

_BY_TYPE = {
    **dict.fromkeys(
        ("text", "input_text", "output_text", "summary_text", "text-plain", "refusal"), "text"
    ),
    **dict.fromkeys(("text-content", "structured-content", "system-prompt", "instruction"), "text"),
    **dict.fromkeys(("output_audio", "speech"), "text"),  # their transcripts
    "compaction": "text",  # what stands for earlier turns, unless it is encrypted
    **dict.fromkeys(("reasoning", "thinking", "redacted_thinking", "thought"), "thought"),
    **dict.fromkeys(("reasoning_text", "reasoning_content", "think", "thoughts"), "thought"),
    **dict.fromkeys(("text_reasoning", "reasoning_recap"), "thought"),
    **dict.fromkeys(("step-start", "source", "source-url", "source-document", "cache"), "mark"),
    **dict.fromkeys(
        ("reference", "tool_reference", "cache-point", "agent.handoff", "agent_handoff"), "mark"
    ),
    **dict.fromkeys(("tool-approval-request", "tool-approval-response"), "mark"),
    **dict.fromkeys(("compaction_trigger", "model-settings-delta", "usage"), "mark"),
    **dict.fromkeys(("tool_use", "tool-call", "server_tool_use", "mcp_tool_use"), "call"),
    "functionCall": "call",
    **dict.fromkeys(("builtin-tool-call", "function.call", "mcp_approval_request"), "call"),
    **dict.fromkeys(("tool_result", "tool-result", "tool_call_response"), "result"),
    **dict.fromkeys(("tool-return", "builtin-tool-return", "retry-prompt"), "result"),
    **dict.fromkeys(("server_tool_call_response", "tool_search_output"), "result"),
    **dict.fromkeys(("function.result", "function_result", "program_output"), "result"),
    "functionResult": "result",
    "mcp_approval_response": "result",
    **dict.fromkeys(("dynamic-tool", "tool-invocation", "tool.execution"), "call and result"),
    **dict.fromkeys(("image", "image_url", "input_image", "audio", "input_audio"), "media"),
    **dict.fromkeys(("audio_url", "video", "video_url", "input_video", "media"), "media"),
    **dict.fromkeys(("file", "input_file", "document", "blob", "uri", "file_url"), "media"),
    **dict.fromkeys(("data", "resource", "resource_link"), "media"),
    **dict.fromkeys(("image-data", "image-url", "file-data", "file-url"), "media"),
    **dict.fromkeys(("audio-url", "video-url", "document-url", "binary"), "media"),
    **dict.fromkeys(("document_url", "uploaded-file", "computer_screenshot"), "media"),
    **dict.fromkeys(("image_file", "image_asset_pointer", "audio_asset_pointer"), "media"),
    **dict.fromkeys(("image_generation_call", "tool_file", "container_upload"), "media"),
    **dict.fromkeys(("citable", "user-prompt", "search_result"), "parts"),
    **dict.fromkeys(("mcp_list_tools", "additional_tools"), "tools"),
    "json": "data",
}
_BY_ENDING = {"_tool_result": "result", "_call_output": "result", "_call": "call and result"}
"""What the tools that servers have of their own end in: web_search_call, bash_tool_result, …"""

_TYPES = ("type", "block_type", "part_kind", "$type")
_TYPES_ELSEWHERE = {
    "kind": {
        "image-url", "audio-url", "video-url", "document-url", "binary", "uploaded-file",
        "cache-point", "text-content", "structured-content", "data",
    },
    "content_type": {
        "function_call", "function_result", "image", "audio", "reasoning", "thoughts",
        "reasoning_recap", "image_asset_pointer", "audio_asset_pointer",
    },
}  # fmt: skip
"""Where pydantic-ai, Semantic Kernel and ChatGPT tell the type; elsewhere these mean others."""

_BY_KEY = {
    **dict.fromkeys(("toolUse", "functionCall", "function_call", "executableCode"), "call"),
    **dict.fromkeys(("tool_call", "executable_code"), "call"),
    **dict.fromkeys(("toolResult", "functionResponse", "function_response"), "result"),
    **dict.fromkeys(("tool_call_result",), "result"),
    **dict.fromkeys(("codeExecutionResult", "code_execution_result"), "result"),
    **dict.fromkeys(("inlineData", "inline_data", "fileData", "file_data"), "media"),
    **dict.fromkeys(("image", "document", "video", "audio", "file"), "media"),
    **dict.fromkeys(("reasoningContent", "reasoning"), "thought"),
    **dict.fromkeys(("citationsContent", "searchResult"), "parts"),
    "cachePoint": "mark",
    "json": "data",
}
"""How Gemini, Bedrock and Haystack, whose parts have no type, name what a part is."""

_ABOUT_A_PART = {
    "thought", "thoughtSignature", "thought_signature", "cache_control", "cachePoint",
    "annotations", "citations", "videoMetadata", "video_metadata",
}  # fmt: skip
"""Keys that stand beside the body of a part and hold nothing of it."""

_BY_KEYS = {
    ("tool_name", "arguments"): "call",
    ("name", "arguments"): "call",
    ("reasoning_text",): "thought",
    ("base64_image",): "media",
    ("base64_data",): "media",
    ("path",): "media",
}
"""By which keys parts are known where nothing else says what they are: Haystack's, Gradio's, …"""


_FLAGS = (
    *("thought", "is_thought", "isThought", "is_thinking", "isThinking"),
    *("is_reasoning", "isReasoning"),
)
_CHANNELS = ("analysis", "commentary")


def is_part(value: Any) -> bool:
    """Whether a value is a part of a known form."""
    return isinstance(value, Mapping) and kind_of(value)[0] is not None


def is_thought(part: Mapping[str, Any]) -> bool:
    """Whether a part is flagged as one that the model only thinks."""
    if any(part.get(key) in (True, "true") for key in _FLAGS):
        return True
    return part.get("channel") in _CHANNELS or part.get("phase") == "commentary"


def thinks(value: Mapping[str, Any]) -> bool:
    """Whether a message or a part holds what the model thought."""
    fields = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks")
    return kind_of(value)[0] == "thought" or any(map(value.get, fields))


def is_sure_part(value: Any) -> bool:
    """Whether a value can hardly be anything else: it has a type, or nothing but a body."""
    if not is_part(value):
        return False
    filled = {key for key, inner in value.items() if inner is not None}
    return type_of(value) is not None or len(filled - _ABOUT_A_PART) == 1


def type_of(part: Mapping[str, Any]) -> str | None:
    """The type that a part tells; `None` where it tells none."""
    for key in _TYPES:
        if isinstance(part.get(key), str):
            return str(part[key])
    for key, known in _TYPES_ELSEWHERE.items():
        name = part.get(key)
        if isinstance(name, str) and name in known:
            return name
    return None


def kind_of(part: Mapping[str, Any]) -> tuple[str | None, Any]:
    """What a part is, and where it is told what it holds."""
    if is_thought(part):
        return "thought", part
    name = type_of(part)
    if name is None:
        return _kind_by_key(part)
    if name == "non_standard" and isinstance(part.get("value"), Mapping):  # LangChain's
        return kind_of(part["value"])
    if name.startswith("data-"):  # of Vercel's: what the user is shown, not the model
        return "mark", part
    kind = _BY_TYPE.get(name) or next(
        (kind for ending, kind in _BY_ENDING.items() if name.endswith(ending)), None
    )
    is_ui_tool = name.startswith("tool-") and "toolCallId" in part
    return kind or ("call and result" if is_ui_tool else None), part


def _kind_by_key(part: Mapping[str, Any]) -> tuple[str | None, Any]:
    """The same of a part without a type; one that is several things at once is none of them."""
    if isinstance(part.get("guardContent"), Mapping):
        part = part["guardContent"]
    found = [(kind, part[key]) for key, kind in _BY_KEY.items() if part.get(key) is not None]
    if isinstance(part.get("parts"), list):
        found.append(("parts", part))
    text = part.get("text")
    if text is not None and (text or not found):
        found.append(("text", text if isinstance(text, Mapping) else part))
    bodies = [(kind, inner) for kind, inner in found if kind not in ("thought", "mark")] or found
    if bodies:
        return bodies[0] if len(bodies) == 1 else (None, 0)
    for keys, kind in _BY_KEYS.items():
        if all(key in part for key in keys):
            return kind, part
    return None, 0
