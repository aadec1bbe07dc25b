"""Servers that hang, drip, flood, lie about their packing or their limits, or answer nonsense."""

import itertools
import zlib
from collections.abc import Callable, Iterable

from nemoguardrails_trust.errors import (
    ModelConnectionError,
    ModelRequestError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
    RateLimitError,
    TrustError,
)
from tests.servers.faults import HANG, HTML, Fault, status, streamed

DIGITS = "9" * 400


def packed(whole: int) -> Callable[[], Iterable[bytes]]:
    """Spaces, of which gzip makes a thousandth."""

    def pieces() -> Iterable[bytes]:
        packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        block = b" " * 1_000_000
        for _ in range(whole // len(block)):
            yield packer.compress(block)
        yield packer.flush()

    return pieces


def endless() -> Iterable[bytes]:
    return itertools.repeat(b" " * 65536)


def drops() -> Iterable[bytes]:
    return itertools.repeat(b" ")


MANNERS: dict[str, tuple[Fault, type[TrustError]]] = {
    "hangs": (HANG, ModelTimeoutError),
    "drips": (streamed(drops, pause=0.02), ModelTimeoutError),
    "drips an error": (streamed(drops, 503, pause=0.02), ModelTimeoutError),
    "half a gigabyte of gzip": (
        streamed(packed(500_000_000), Content_Encoding="gzip"),
        ModelResponseError,
    ),
    "endless": (streamed(endless), ModelResponseError),
    "an endless refusal": (streamed(endless, 400), ModelRequestError),
    "an endless failure": (streamed(endless, 500), ModelServerError),
    "a packed failure": (
        streamed(packed(50_000_000), 500, Content_Encoding="gzip"),
        ModelServerError,
    ),
    "a million lists": (streamed(lambda: [b"[", b"[]," * 2_000_000, b"0]"]), ModelResponseError),
    "brackets": (streamed(lambda: [b"[" * 100_000]), ModelResponseError),
    "brackets in a refusal": (streamed(lambda: [b"[" * 50_000], 400), ModelRequestError),
    "broken gzip": (
        streamed(lambda: [b"\x1f\x8b\x08" + b"?" * 99], Content_Encoding="gzip"),
        ModelConnectionError,
    ),
    "packed unasked": (streamed(lambda: [b"?"], Content_Encoding="br"), ModelConnectionError),
    "a page": (HTML, ModelResponseError),
    "no bytes": (streamed(list), ModelResponseError),
    "half a character": (streamed(lambda: [b'{"a": "\xc3"}']), ModelResponseError),
    "a long header": (status(200, {}, X="y" * 100_000), ModelResponseError),
    "a day's pause": (status(429, Retry_After="86399"), RateLimitError),
    "a pause of 400 digits": (status(429, Retry_After=DIGITS), RateLimitError),
    "a reset of 400 digits": (
        status(
            429,
            x_ratelimit_remaining_requests="0",
            x_ratelimit_reset_requests=f"{DIGITS}s",
        ),
        RateLimitError,
    ),
}  # fmt: skip
"""Each with the error of ours that it is."""
