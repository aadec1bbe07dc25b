"""How far a list of prompts has come: a bar in a terminal, a line in a notebook."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LABEL = "Querying TLM…"

_SECONDS_BETWEEN_LINES = 0.2


@contextmanager
def shown_progress(total: int, verbose: bool | None) -> Iterator[Callable[[], None]]:
    """Shows progress on stderr, or below a notebook's cell.

    Args:
        total: How many prompts there are.
        verbose: `None` shows it where there is a terminal or a notebook, `True` everywhere.

    Yields:
        What is to be called as each prompt ends.
    """
    if verbose is False or total == 0:
        yield lambda: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_jupyter:
        with _notebook_line(total) as advance:
            yield advance
    elif console.is_terminal or verbose:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        bar = Progress(
            "{task.description}",
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            # What other threads print meanwhile is theirs.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with bar:
            task = bar.add_task(LABEL, total=total)
            yield lambda: bar.advance(task)
    else:
        yield lambda: None


@contextmanager
def _notebook_line(total: int) -> Iterator[Callable[[], None]]:
    # Plain text that is replaced: widgets would need a package more, and are not kept in a file.
    from IPython.display import display

    done = 0
    last = time.monotonic()

    def line() -> dict[str, str]:
        return {"text/plain": f"{LABEL} {done:,} of {total:,} ({done / total:.0%})"}

    def advance() -> None:
        nonlocal done, last
        done += 1
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            handle.update(line(), raw=True)

    handle = display(line(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    try:
        yield advance
    finally:
        handle.update(line(), raw=True)
