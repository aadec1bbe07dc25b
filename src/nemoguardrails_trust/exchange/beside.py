"""What stands beside the content of a message: calls, pictures, documents, tools, and the unknown.

What a model was given is read. A key that is not known may hold it too, so where it holds words
the message is refused: half of it must not be scored as if it were all.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from nemoguardrails_trust.exchange.given import not_to_be_told
from nemoguardrails_trust.exchange.media import MediaKind
from nemoguardrails_trust.exchange.messages import Message
from nemoguardrails_trust.exchange.parts import Piece, call_text, media_of, result_pieces
from nemoguardrails_trust.exchange.values import is_filled, plain, to_json

BODIES = ("parts", "blocks", "items", "contents", "content", "value", "text", "message")
"""The keys that what is said may stand under."""

TOOLS = ("tools", "functions")
_CALLS = ("tool_calls", "toolCalls", "function_call", "toolInvocations")
MEDIA_KEYS: Mapping[str, MediaKind] = {
    **dict.fromkeys(("image", "images", "image_url", "image_urls"), "image"),
    **dict.fromkeys(("audio", "audios"), "audio"),
    **dict.fromkeys(("video", "videos"), "video"),
    **dict.fromkeys(("file", "files", "attachments", "experimental_attachments"), "file"),
}
"""Keys of a message that hold what it has besides text, and what that is."""

KNOWN = {
    *BODIES, *TOOLS, *_CALLS, *MEDIA_KEYS,
    "role", "from", "type", "id", "name", "object", "status",
    "index", "documents", "tool_results", "author", "source", "sender", "recipient", "kind",
    "speaker",
    "created_at", "createdAt", "created", "timestamp", "date", "time", "metadata", "weight",
    "additional_kwargs", "response_metadata", "usage_metadata", "provider_metadata", "usage",
    "providerMetadata", "providerOptions", "experimental_providerMetadata", "annotations",
    "tool_call_id", "toolCallId", "tool_name", "toolName", "finish_reason", "stop_reason",
    "refusal", "thinking", "reasoning", "reasoning_content", "reasoning_details", "citations",
    "invalid_tool_calls", "example", "lc", "lc_attributes", "cache_control", "phase", "model",
    "stop_sequence", "container", "logprobs", "feedback", "rating", "language", "user_id",
    "thought", "thoughts", "reasoning_text", "thinking_blocks", "tool_plan", "meta", "extra",
    "provider_specific_fields", "provider_details", "models_usage", "token_usage", "raw",
    "parsed", "artifact", "tool_call_chunks", "tool_responses", "moderation", "header",
    "headers", "display_name", "username", "user_name", "labels", "channel", "revisionId",
    "content_filter_results",
}  # fmt: skip
"""Keys of a message that are read, and those that hold nothing of what its model was given."""

_TEXT = "extracted_content"
_GIVEN_BESIDE = ("documents", "context", "contexts", "passages", *MEDIA_KEYS)


def documents_beside(item: Mapping[str, Any]) -> Iterator[Message]:
    """The documents that a message, or a chat, was given with; a model reads them as they are."""
    documents = plain(item.get("documents"))
    if is_filled(documents):
        yield Message("system", f"Documents: {to_json(documents)}")


def tools_beside(item: Mapping[str, Any]) -> Iterator[Message]:
    """The tools that a message, or a chat, was given with."""
    for key in TOOLS:
        tools = plain(item.get(key))
        if is_filled(tools):
            yield Message("system", f"Tools: {tools if isinstance(tools, str) else to_json(tools)}")


def media_beside(item: Mapping[str, Any], role: str) -> Iterator[Piece]:
    """Pictures, recordings and files; of what the assistant spoke, the words."""
    for key, kind in MEDIA_KEYS.items():
        value = plain(item.get(key))
        spoken = value.get("transcript") if isinstance(value, Mapping) else None
        if role == "assistant" and isinstance(spoken, str) and spoken:  # all that it said
            yield Piece(spoken)
        elif is_filled(value):
            listed = list(map(plain, value if isinstance(value, list) else [value]))
            yield from (Piece(file[_TEXT]) for file in listed if _is_text(file))
            yield Piece("", tuple(media_of(file, kind) for file in listed if not _is_text(file)))


def _is_text(file: Any) -> bool:
    """Whether what stands for a file holds its text, as in what Claude's users export."""
    return isinstance(file, Mapping) and isinstance(file.get(_TEXT), str) and bool(file[_TEXT])


def calls_beside(item: Mapping[str, Any]) -> Iterator[Piece]:
    """Calls of tools, and their results where they stand in them."""
    more = item.get("additional_kwargs")
    for place in (item, more if isinstance(more, Mapping) else {}):
        for key in _CALLS:
            calls = plain(place.get(key))
            if is_filled(calls):
                listed = [plain(call) for call in (calls if isinstance(calls, list) else [calls])]
                known = [call_text(call) if isinstance(call, Mapping) else call for call in listed]
                yield Piece(to_json(known), kind="call")
                for call in listed:
                    if isinstance(call, Mapping) and call.get("result") is not None:
                        yield from result_pieces(call["result"], "a tool's result")
                return


def has_unread(item: Mapping[str, Any]) -> bool:
    """Whether a message holds anything under a key that is not known."""
    return any(key not in KNOWN and is_filled(value) for key, value in item.items())


def require_nothing_given(item: Mapping[str, Any], where: str) -> None:
    """Makes sure that what a message is wrapped in holds no documents or pictures of its own.

    Raises:
        DataError: It does.
    """
    more = {key: item[key] for key in _GIVEN_BESIDE if is_filled(item.get(key))}
    if more:
        raise not_to_be_told(where, more)
