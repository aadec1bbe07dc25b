"""The lines of text files, with how far reading has come."""

from collections.abc import Iterator
from typing import IO

from nemoguardrails_trust.datasets.source import Position
from nemoguardrails_trust.errors import DataError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Lines:
    """The lines of a file from an offset on, as text, with how far reading has come."""

    def __init__(self, file: IO[bytes], name: str, start: Position) -> None:
        file.seek(start.offset)
        self._file = file
        self._name = name
        self.offset = start.offset
        self.line = start.line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        data = self._file.readline()
        if not data:
            raise StopIteration
        text = data.removeprefix(BYTE_ORDER_MARK) if self.offset == 0 else data
        self.offset += len(data)
        self.line += 1
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError:
            raise DataError("the line is not UTF-8 text", path=self._name, line=self.line) from None
