"""The terminal as it is: some know no more letters than ASCII or cp1252."""

import codecs
import io
import json
import sys
from typing import TYPE_CHECKING, TextIO

import typer

if TYPE_CHECKING:
    from rich.console import Console

_PLAIN = "nemo-trust-plain"
# One letter for one, so that tables stay straight.
_INSTEAD = str.maketrans(
    "\u2026\u2013\u2212\u00d7\u2018\u2019\u201c\u201d\u2192\u2713\u2717\u00a0",
    "~--x''\"\">+x ",
)


def use_plain_letters() -> None:
    """Lets what is printed show a plain letter, or `?`, for one that the terminal does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_PLAIN)


def tell(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Prints text, and a line end if `nl`, on standard output, or on stderr if `err`."""
    # Left to choose the stream, click writes UTF-8 even where there is only ASCII.
    typer.echo(text, file=sys.stderr if err else sys.stdout, nl=nl)


def tell_json(told: object) -> None:
    """Prints a result as one line of JSON."""
    tell(json.dumps(told))


def plain_for(stream: TextIO, text: str) -> str:
    """A text as a stream can show it."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, _PLAIN).decode(encoding)


def terminal(*, width: int | None = None, soft_wrap: bool = False) -> "Console":
    """A console on standard output, on which all commands print their tables.

    What is printed may hold markup; text that is not the program's own has to be escaped.
    """
    from rich.console import Console

    use_plain_letters()
    # Else ":100:" in an answer would become a picture.
    return Console(width=width, soft_wrap=soft_wrap, highlight=False, emoji=False)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    known = error.object[error.start : error.end].translate(_INSTEAD)
    return "".join(letter if letter.isascii() else "?" for letter in known), error.end


codecs.register_error(_PLAIN, _plain)
