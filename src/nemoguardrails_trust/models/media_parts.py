"""Pictures, recordings and files in requests for chat completions, and servers that refuse them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nemoguardrails_trust.exchange import Media, Message
from nemoguardrails_trust.exchange.media import MediaKind
from nemoguardrails_trust.exchange.values import objects_in

_TOKENS_A_MEDIUM = 1000  # what most models make of a picture
_KIND_OF_PART: Mapping[str, MediaKind] = {
    "image_url": "image",
    "input_audio": "audio",
    "audio_url": "audio",
    "video_url": "video",
    "file": "file",
}
MEDIA_KINDS: frozenset[MediaKind] = frozenset(_KIND_OF_PART.values())
_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}
_WORDS: Mapping[MediaKind, tuple[str, ...]] = {
    "image": ("image", "vision", "picture"),
    "audio": ("audio",),
    "video": ("video",),
    "file": ("file", "document", "pdf"),
}
_ADDRESS = re.compile(r"(?:data:|\w{2,10}://)\S*")  # of the user's choosing
_REFUSAL = re.compile(
    r"(?:\bnot\b|n't|\bonly\b|\bno\b|\bthat\b)[\w ]{0,40}\bsupport|\bnot supported|\bonly supported"
    r"|unsupported (?:content|part|message)|unknown (?:variant|part|content)"
    r"|invalid (?:content type|value)|must be a string|valid string|not a multi-?modal"
    r"|at most 0|not enabled|missing data required"
)
_ABOUT_THIS_ONE = re.compile(
    r"unsupported (?:image|audio|video|file)|(?:image|audio|video|file) (?:format|type)|format|mime"
    r"|corrupt|decod|download|fetch|too (?:large|big|long)|dimension|resolution|pixel|size"
)


def content_of(message: Message) -> str | list[dict[str, Any]]:
    """The content of a message as the protocol has it: its text, or parts where it has more."""
    if not message.media:
        return message.content
    text = [{"type": "text", "text": message.content}] if message.content else []
    return [*text, *map(_part_of, message.media)]


def kinds_in(messages: Iterable[Any]) -> frozenset[MediaKind]:
    """What the users' messages of a request hold besides text."""
    return frozenset(_KIND_OF_PART[part["type"]] for part in _parts(messages, ("user",)))


def tokens_in(content: bytes, messages: Iterable[Any]) -> int:
    """About how many tokens a request has.

    Args:
        content: It.
        messages: Its messages.
    """
    sizes = [_size(part) for part in _parts(messages, None)]
    return max(0, len(content) - sum(sizes)) // 4 + _TOKENS_A_MEDIUM * len(sizes)


def kinds_refused(said: str, sent: frozenset[MediaKind]) -> frozenset[MediaKind]:
    """The kinds of media that a model does not take, as its server says.

    Args:
        said: What it said when it refused a request. What it only says of one picture, such as
            that it is broken, holds for no other.
        sent: The kinds of which the request held some.
    """
    words = _ADDRESS.sub("", said[:2000].casefold())
    if not sent or _REFUSAL.search(words) is None or _ABOUT_THIS_ONE.search(words):
        return frozenset()
    words = words.partition("supported values")[0]
    named: set[MediaKind] = {kind for kind in sent if any(word in words for word in _WORDS[kind])}
    return frozenset(named or sent)


def refusal_of(kinds: Iterable[str]) -> str:
    """What is told of a model that does not take what it was to be sent."""
    return f"the model does not take {' or '.join(sorted(kinds))}"


def _part_of(medium: Media) -> dict[str, Any]:
    url = medium.url or ""
    form = (medium.type or "").rpartition("/")[2].casefold()
    if medium.kind == "audio" and medium.data is not None:
        told = {"data": medium.data, "format": _FORMATS.get(form, form)}
        return {"type": "input_audio", "input_audio": told}
    if medium.kind == "file":
        name = f"file.{form}" if form.isalnum() else "file"
        return {"type": "file", "file": {"filename": name, "file_data": url}}
    kind = f"{medium.kind}_url"
    return {"type": kind, kind: {"url": url}}


def _parts(messages: Iterable[Any], roles: tuple[str, ...] | None) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, list) or (roles and message.get("role") not in roles):
            continue
        for part in objects_in(content):
            kind = part.get("type")
            if isinstance(kind, str) and kind in _KIND_OF_PART:
                yield part


def _size(part: Mapping[str, Any]) -> int:
    inner = part.get(part["type"])
    values = inner.values() if isinstance(inner, Mapping) else [inner]
    return max((len(value) for value in values if isinstance(value, str)), default=0)
