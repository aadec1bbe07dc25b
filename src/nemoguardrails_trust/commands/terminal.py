"""The terminal as it is: some know no more letters than ASCII or cp1252."""

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def terminal(*, soft_wrap: bool = False, highlight: bool = True) -> "Console":
    """A console on standard output that shows `?` for what its encoding does not have."""
    from rich.console import Console

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(soft_wrap=soft_wrap, highlight=highlight)
