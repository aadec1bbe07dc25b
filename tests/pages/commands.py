"""The command lines of `nemo-trust` on a page, and whether the real command takes them."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer.main

from nemoguardrails_trust.cli import app
from tests.pages.blocks import ROOT, blocks_of

COMMANDS: dict[str, Any] = getattr(typer.main.get_command(app), "commands", {})

_ENDS = {";", "&&", "||", "|", "&", ">", ">>", "<", "("}
_SPAN = re.compile(r"(?<!`)`nemo-trust ([^`]+)`(?!`)")


def lines_of(page: str) -> Iterator[tuple[str, list[str]]]:
    """The command lines of a page's blocks, each with its place and in words."""
    for block in blocks_of(page):
        for line in block.commands:
            if "nemo-trust " in line and not line.lstrip().startswith("#"):
                for words in _commands_in(line):
                    yield block.place, words


def spans_of(page: str) -> Iterator[list[str]]:
    """The commands within a page's text, in words."""
    for text in _SPAN.findall((ROOT / page).read_text("utf-8")):
        yield shlex.split(text.partition(" > ")[0])


def _commands_in(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line.strip(), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    for place, word in enumerate(words):
        if "nemo-trust " in word:  # handed to another shell
            yield from _commands_in(word)
        if word != "nemo-trust":
            continue
        rest = words[place + 1 :]
        ends = [number for number, other in enumerate(rest) if other in _ENDS]
        yield rest[: ends[0]] if ends else rest


def parse(words: list[str]) -> None:
    """Has the real command read a whole line, without running it.

    What it raises says what it does not take.
    """
    name, *arguments = words
    if not name.startswith("-"):
        COMMANDS[name].make_context(name, arguments, resilient_parsing=False).close()


def options_of(name: str) -> set[str]:
    """The options of a command."""
    return {option for parameter in COMMANDS[name].params for option in parameter.opts}
