"""Server-sent events, as which servers stream a model's answer."""

import re

_END_OF_EVENT = re.compile(rb"\r?\n\r?\n|\r\r")
_LINE = re.compile(rb"\r\n|\r|\n")


def split_events(stream: bytes) -> tuple[list[bytes], bytes]:
    """The whole events at the beginning of a stream, each as its bytes, and what is left of it."""
    events, start = [], 0
    for end in _END_OF_EVENT.finditer(stream):
        events.append(stream[start : end.end()])
        start = end.end()
    return events, stream[start:]


def data_of(event: bytes) -> bytes:
    """What an event carries; nothing where it is a comment."""
    lines = (line for line in _LINE.split(event) if line.startswith(b"data:"))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)
