"""Pictures, recordings and files in messages, and which of them can be sent along."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

MediaKind = Literal["image", "audio", "video", "file"]

MOST_CHARACTERS = 8_000_000
"""The most characters in the URLs of one exchange's media. Base64 takes 8 MB for 6 MB of data."""

MOST_MEDIA = 100
"""The most media of one exchange."""

_IN_BASE64 = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]{1,40}=[^;,]{0,100})*;base64,")
_LONGEST_HEAD = 500  # of a data: URL, before its data
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, a recording or a file in a message.

    Attributes:
        kind: `image`, `audio`, `video` or `file`.
        type: Its media type, such as `image/png`; `None` if unknown.
        url: Its address, or a `data:` URL with its content; `None` if only an id is known.
    """

    kind: MediaKind
    type: str | None = None
    url: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> str:
        """A digest of the URL, in 64 hex digits."""
        return hashlib.sha256((self.url or "").encode("utf-8", "replace")).hexdigest()

    @property
    def identity(self) -> tuple[str, str | None, str]:
        """A value, ready for JSON, that only equal media share."""
        return self.kind, self.type, self.digest

    @property
    def reference(self) -> str:
        """A short text that stands for it: what it is, never its content."""
        told = (self.type or self.kind)[:60]
        return f"[{told}, {self.digest[:8]}]" if self.url else f"[{told}]"

    @property
    def data(self) -> str | None:
        """Its data as Base64; `None` if the URL is only an address."""
        url = self.url or ""
        head = _IN_BASE64.match(url[:_LONGEST_HEAD])
        return None if head is None else url[head.end() :]


def why_unsendable(media: Sequence[Media]) -> str | None:
    """Why the media of an exchange cannot be sent to a model; `None` if they can."""
    size = sum(len(medium.url or "") for medium in media)
    if size > MOST_CHARACTERS:
        return f"are {size / 1e6:.3g} MB; at most {MOST_CHARACTERS / 1e6:.3g} MB are sent along"
    if len(media) > MOST_MEDIA:
        return f"are {len(media)}; at most {MOST_MEDIA} are sent along"
    return next((why for medium in media if (why := _why_not(medium))), None)


def _why_not(medium: Media) -> str | None:
    url = medium.url
    if url is None:
        return "are given by an id only"
    if url.startswith(("https://", "http://")):
        return None
    if not url.startswith("data:"):
        return "are not at an address on the web"
    data = medium.data
    return None if data is not None and _is_base64(data) else "are damaged"


def _is_base64(data: str) -> bool:
    # Decoding it all would take ten times as long.
    if not data.isascii():
        return False
    bare = data.rstrip("=").encode("ascii")
    return bool(bare) and len(bare) % 4 != 1 and not bare.translate(None, _ALPHABET)
