"""The parts that the content of a message is made of, in the forms of all frameworks.

OpenAI (chat and responses), Anthropic, Cohere, Mistral, Gemini, Bedrock, LangChain, LlamaIndex,
Haystack, pydantic-ai, the Vercel AI SDK and OpenTelemetry each name them otherwise. A part that is
none of them is refused: what it holds may be what was asked.
"""

import base64
import binascii
import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.given import keys_of, require_known
from nemoguardrails_trust.exchange.kinds import is_sure_part, kind_of, type_of
from nemoguardrails_trust.exchange.media import Media, MediaKind
from nemoguardrails_trust.exchange.values import (
    is_filled,
    kind_told,
    load_nested,
    plain,
    scalar_text,
    to_json,
)

_MOST_NESTED = 8  # parts within parts, such as the passages of a tool's result

_ABOUT_A_TOOL = {
    "type", "id", "call_id", "tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "status",
    "state", "caller", "created_by", "namespace", "server_label", "index", "signature", "extra",
    "thoughtSignature", "thought_signature", "cache_control", "execution", "object", "origin",
    "part_kind", "kind", "tool_kind", "provider_name", "provider_details", "providerExecuted",
    "callProviderMetadata", "approval_request_id", "is_error", "isError", "name", "toolName",
    "tool_name", "function", "custom", "created_at", "completed_at", "timestamp", "metadata",
    "outcome", "retry", "content_type", "block_type", "container_id", "agent_id", "model",
    "$type", "callId",
}  # fmt: skip
"""Keys of a call and of a result that hold nothing of what was called for or found."""

_RESULTS = ("content", "output", "result", "response", "value")
_KNOWN = _ABOUT_A_TOOL | {
    *("text", "content", "output", "result", "response", "value", "transcript", "refusal", "parts"),
    *("annotations", "citations", "logprobs", "extras", "thought", "providerMetadata", "title"),
    *("providerOptions", "provider_metadata", "vendor_metadata", "structuredContent", "input"),
    *("args", "arguments", "reasoning", "thinking", "encrypted_content", "cachePoint", "error"),
    *("toolResult", "functionResponse", "function_response", "tool_call_result", "guardContent"),
    *("codeExecutionResult", "code_execution_result"),
}
"""Keys of a text and of a result that are read, and those that hold nothing given besides."""

_ARGUMENTS = (
    "arguments",
    "args",
    "input",
    "tool_kwargs",
    "parameters",
    "action",
    "code",
    "queries",
)
_OUTCOMES = ("output", "outputs", "result", "results", "errorText", "error", "info")
"""Where the result stands in a call that holds its own."""
_NAMES = ("name", "toolName", "tool_name")
_MEDIA_TYPES = ("mime_type", "mimeType", "media_type", "mediaType", "mimetype", "contentType")
_URLS = (
    *("url", "uri", "data_uri", "image_url", "audio_url", "video_url", "file_url", "document_url"),
    *("fileUri", "file_uri", "path"),
)
_DATA = (
    *("data", "bytes", "blob", "base64", "base64_image", "base64_data", "file_data", "content"),
    *("image", "audio", "video", "input_audio"),
)
_KINDS: tuple[MediaKind, ...] = ("image", "audio", "video")
_LONGEST_NAME = 200  # of a file
_IS_PATH = re.compile(r"(?:/|~/|[A-Za-z]:[\\/]|\\\\)[^\n]{1,1000}")
_BEGIN = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "JVBERi": "application/pdf",
}
"""How data in Base64 begin whose media type is not told, as in Ollama's `images`."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a message, read: its words, and what it holds besides."""

    text: str
    media: tuple[Media, ...] = ()
    kind: str = "text"  # or `call` and `result` of a tool, or `tools`, that there are


def read_content(content: Any, where: str, depth: int = 0) -> Iterator[Piece]:
    """Reads the content of a message: text, a part, or a list of parts. Thoughts are dropped.

    Args:
        content: It.
        where: What it is the content of, for errors.
        depth: How many parts it stands in.

    Raises:
        DataError: A part is of no known form.
    """
    content = plain(content)
    if depth > _MOST_NESTED:
        raise DataError(f"{where} is nested too deeply")
    if isinstance(content, str):
        yield Piece(content)
    elif isinstance(content, Mapping):
        yield from _read_part(content, where, depth)
    elif isinstance(content, Sequence) and not isinstance(content, bytes):
        if (medium := _file_of(content)) is not None:
            yield Piece("", (medium,))
            content = content[1:]
        for part in content:
            yield from read_content(part, where, depth + 1)
    elif content is not None:
        raise DataError(f"the content of {where} is {kind_told(content)}; it must be text or parts")


def call_text(call: Mapping[str, Any]) -> dict[str, Any]:
    """A tool call without its id: what was called, and with what."""
    inner = call.get("function") or call.get("custom") or call.get("toolInvocation")
    source = inner if isinstance(inner, Mapping) else call
    kind = call.get("type")
    name = next((source[key] for key in _NAMES if source.get(key)), None)
    if name is None and isinstance(kind, str):  # the tools of a server, and of Vercel's pages
        name = kind.removeprefix("tool-")
    arguments = next((source[key] for key in _ARGUMENTS if key in source), None)
    if not any(key in source for key in _ARGUMENTS):
        arguments = _rest(source, _OUTCOMES)
    if isinstance(arguments, str) and (nested := load_nested(arguments)) is not None:
        arguments = nested
    return {"name": name, "arguments": arguments}


def result_pieces(value: Any, where: str, depth: int = 0) -> Iterator[Piece]:
    """What a tool gave: text or parts, and anything else as JSON."""
    value = plain(value)
    if isinstance(value, Mapping) and "value" in value and value.keys() <= {"type", "value"}:
        value = value["value"]
    listed = value if isinstance(value, list | tuple) else [value]
    if listed and all(isinstance(part, str) or is_sure_part(part) for part in listed):
        for piece in read_content(listed, where, depth):
            yield Piece(piece.text, piece.media, "result")
    else:
        yield Piece(to_json(value), kind="result")


def media_of(value: Any, kind: MediaKind) -> Media:
    """A picture, a recording or a file that stands beside a message's text."""
    part = value if isinstance(value, Mapping) else {"type": kind, "data": value}
    return _media(part, kind)


def _read_part(part: Mapping[str, Any], where: str, depth: int) -> Iterator[Piece]:
    kind, inner = kind_of(part)
    if kind == "text" or (kind == "result" and any(is_filled(part.get(key)) for key in _RESULTS)):
        require_known(part, _KNOWN, f"a part of {where}")
    if kind == "text":
        yield Piece(_text_of(inner, where))
    elif kind == "media":
        yield from _read_media(part, inner, where, depth)
    elif kind == "call":
        yield Piece(to_json(call_text(_mapping(inner))), kind="call")
    elif kind == "result":
        yield from result_pieces(_result(_mapping(inner)), where, depth + 1)
        if isinstance(_mapping(inner).get("parts"), list):  # what Gemini's tools give besides
            yield from result_pieces(inner["parts"], where, depth + 1)
    elif kind == "call and result":
        whole = _mapping(inner.get("toolInvocation") or inner)
        yield Piece(to_json(call_text(part)), kind="call")
        found = next((whole[key] for key in _OUTCOMES if whole.get(key) is not None), None)
        if found is not None:
            yield from result_pieces(found, where, depth + 1)
    elif kind == "tools":
        yield Piece(f"Tools: {to_json(part.get('tools'))}", kind="tools")
    elif kind == "parts":
        inner = _mapping(inner)
        yield from _titles(inner)
        yield from read_content(inner.get("parts") or inner.get("content"), where, depth + 1)
    elif kind == "data":
        yield Piece(to_json(inner.get("value") if inner is part else inner))
    elif kind is None:
        raise DataError(
            f"{where} has a part that is not text, or not of a known form ({_told(part)}); put "
            "what it says into a part of type text"
        )


def _text_of(part: Mapping[str, Any], where: str) -> str:
    for key in ("text", "content", "refusal", "transcript"):
        said = plain(part.get(key))
        if key == "text" and isinstance(said, Mapping):  # OpenAI's assistants
            said = said.get("value")
        text = scalar_text(said)
        if text is not None:
            return text
    raise DataError(f"{where} has a part without text ({_told(part)})")


def _result(part: Mapping[str, Any]) -> Any:
    """What a tool gave, under whatever key."""
    found = next((part[key] for key in _RESULTS if is_filled(part.get(key))), None)
    if found is not None:
        return found
    rest = _rest(part, (*_RESULTS, "parts"))
    return next((part[key] for key in _RESULTS if key in part), None) if rest is None else rest


def _rest(part: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any] | None:
    """What a call or a result holds under keys that are not known."""
    more = {
        key: value
        for key, value in part.items()
        if key not in _ABOUT_A_TOOL and key not in known and is_filled(value)
    }
    return more or None


def _titles(part: Mapping[str, Any]) -> Iterator[Piece]:
    """What a document is called and said to be, which the model is given too."""
    told = [part[key] for key in ("title", "context") if isinstance(part.get(key), str)]
    if any(told):
        yield Piece("\n".join(filter(None, told)))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {"name": value}


def _read_media(part: Mapping[str, Any], inner: Any, where: str, depth: int) -> Iterator[Piece]:
    """A picture, a recording or a file; a document that is given as text is text."""
    whole = _mapping(inner)
    document = whole.get("document")
    document = document if isinstance(document, Mapping) else whole
    passage = document.get("data")  # of Cohere's: a text, or fields
    if isinstance(passage, Mapping) or (document is not whole and isinstance(passage, str)):
        yield Piece(passage if isinstance(passage, str) else to_json(passage))
        return
    yield from _titles(whole)
    source = whole if whole.get("source_type") == "text" else whole.get("source")
    source = whole.get("resource", source)  # as tools of MCP have it
    if isinstance(source, Mapping):
        text = source.get("data") if source.get("type") == "text" else source.get("text")
        content = text if isinstance(text, str) else source.get("content")
        if content is not None:
            yield from read_content(content, where, depth + 1)
            return
    key = next((key for key, value in part.items() if value is inner), next(iter(part)))
    name = str(type_of(part) or key).replace("screenshot", "image")
    kind: MediaKind = next((kind for kind in _KINDS if kind in name), "file")
    medium = _media(whole, kind)
    spoken = part.get("transcript")
    if medium.url is None and isinstance(spoken, str) and spoken:
        yield Piece(spoken)
    else:
        yield Piece("", (medium,))


def _media(part: Mapping[str, Any], kind: MediaKind) -> Media:
    fields = dict(_scalars(part))
    media_type = next((str(fields[key]) for key in _MEDIA_TYPES if fields.get(key)), None)
    form = fields.get("format")
    told = media_type or str(fields.get("modality") or "")
    kind = next((known for known in _KINDS if told.startswith(known)), kind)
    if media_type is None and isinstance(form, str):
        media_type = f"{'application' if kind == 'file' else kind}/{form}"
    values = [fields[key] for key in (*_URLS, *_DATA) if fields.get(key)]
    url = next((_url(value, media_type) for value in values), None)
    if media_type is None and url is not None and url.startswith("file:"):
        media_type = mimetypes.guess_type(url)[0]
        kind = next((known for known in _KINDS if (media_type or "").startswith(known)), kind)
    return Media(kind, media_type, url)


def _file_of(content: Sequence[Any]) -> Media | None:
    """The file that a content stands for as Gradio has it: its path, and what may be said of it."""
    path = content[0] if 0 < len(content) <= 2 else None
    if not isinstance(path, str) or not _IS_PATH.fullmatch(path):
        return None
    medium = _media({"path": path}, "file")
    return medium if medium.type is not None else None


def _scalars(part: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The texts of a part and of the objects in it, the inner ones first."""
    for value in part.values():
        if isinstance(value, Mapping) and depth < _MOST_NESTED:
            yield from _scalars(value, depth + 1)
    for key, value in part.items():
        if isinstance(value, str | bytes):
            name = str(key)
            yield name.rpartition("_")[2] if name.endswith("_mimetype") else name, value


def _url(value: str | bytes, media_type: str | None) -> str:
    if isinstance(value, str) and "://" in value[:20]:
        return value
    if isinstance(value, str) and value.startswith(("data:", "file:")):
        return value
    if isinstance(value, str) and "." in value[-_LONGEST_NAME:]:  # which no Base64 holds
        return f"file:{value}"
    if isinstance(value, bytes):
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            value = base64.b64encode(value)
        value = value.decode("ascii")
    told = media_type or next(
        (form for start, form in _BEGIN.items() if value.startswith(start)), None
    )
    return f"data:{told or 'application/octet-stream'};base64,{value}"


def _told(part: Mapping[str, Any]) -> str:
    """What an error tells of a part: its type, else its keys."""
    name = type_of(part)
    return keys_of(part) if name is None else name[:40]
