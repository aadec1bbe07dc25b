"""Help in plain text, which every terminal shows: at 80 columns, and with ASCII letters alone."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from enum import StrEnum
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from nemoguardrails_trust.commands.terminal import plain_for
from nemoguardrails_trust.errors import why_invalid


def option(usage: str, text: str, *default: Any, **more: Any) -> Any:
    """An option of a command.

    Args:
        usage: Its flag or flags, and what it takes, such as `--limit N`; a switch takes nothing.
        text: What the help says of it.
        default: Its default; none where it is part of an annotation.
        more: What else `typer.Option` knows.
    """
    words = usage.split()
    flags = [word for word in words if word.startswith("-")]
    metavar = " ".join(words[len(flags) :]) or None
    return typer.Option(*default, *flags, metavar=metavar, help=text, **more)


def parameter(usage: str, text: str, *, default: Any = None, **more: Any) -> Any:
    """An option in the place of a parameter's default; see `option`."""
    return option(usage, text, default, **more)


def argument(name: str, text: str, **more: Any) -> Any:
    """An argument of a command; see `option`."""
    return typer.Argument(metavar=name, help=text, **more)


class Heading(StrEnum):
    """What options are listed under where a command has many, in this order."""

    DATA = "Data"
    LABELS = "Labels"
    TRACES = "Traces"
    MODEL = "Model and scorer"
    RESULT = "Result"
    COST = "Cost"
    RUN = "Run"
    WATCH = "Watch"

    def option(self, usage: str, text: str, **more: Any) -> Any:
        """An option that is listed under this heading; see `option`."""
        return option(usage, text, rich_help_panel=self, **more)

    def parameter(self, usage: str, text: str, **more: Any) -> Any:
        """The same in the place of a parameter's default; see `parameter`."""
        return parameter(usage, text, rich_help_panel=self, **more)

    def field(self, usage: str, text: str, *, default: Any = None, **more: Any) -> Any:
        """A field of a dataclass, each of whose fields is an option."""
        return field(default=default, metadata={"option": self.option(usage, text, **more)})


# Lines are broken at hyphens too, and then a name such as --base-url stands on two.
_HYPHEN = re.compile(r"(?<=\w)-(?=\w)")
_UNBROKEN = "\u2011"


_UsageError: Any = typer.BadParameter.__base__  # typer has click's, or a copy of it


class Program(TyperGroup):
    """The program, whose errors about its options every terminal shows."""

    def make_context(self, *names: Any, **more: Any) -> Any:
        """Reads the options that stand before the command."""
        with _in_plain_words():
            return super().make_context(*names, **more)

    def invoke(self, ctx: Any) -> Any:
        """Reads the options of the command, and runs it."""
        with _in_plain_words():
            return super().invoke(ctx)


@contextmanager
def _in_plain_words() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        error.message = plain_for(sys.stderr, error.message)
        raise


class CommandWithHeadings(TyperCommand):
    """A command whose help lists its options under headings."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the command line; some versions of typer have pydantic say what is wrong."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = why_invalid({"type": "", "msg": error.message})
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words after the command's name: an argument that is needed stands bare."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the options; those without a heading come last."""
        listed: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        listed |= {str(heading): [] for heading in Heading} | {"": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            # Some versions of typer escape brackets for rich, even where it is not to show them.
            name, text = record[0], _HYPHEN.sub(_UNBROKEN, record[1].replace("\\[", "["))
            if parameter.param_type_name == "argument":
                listed["Arguments"].append((name.partition(" <")[0], text))
            else:
                heading = getattr(parameter, "rich_help_panel", None)
                listed[str(heading or "")].append((name, text))
        is_grouped = any(listed[heading] for heading in Heading)
        listed["Other" if is_grouped else "Options"] = listed.pop("")
        for title, records in listed.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
        formatter.buffer[:] = [piece.replace(_UNBROKEN, "-") for piece in formatter.buffer]
