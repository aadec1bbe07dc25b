"""What `nemo-trust langfuse` does once its options are settled, and what it shows of it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nemoguardrails_trust.commands.options import EXIT_INCOMPLETE, EXIT_INTERRUPTED
from nemoguardrails_trust.commands.output import LinesNowAndThen, is_quiet
from nemoguardrails_trust.commands.terminal import tell, tell_json, terminal
from nemoguardrails_trust.concurrency.failures import count_reason, told_reasons
from nemoguardrails_trust.concurrency.loops import run_interruptibly
from nemoguardrails_trust.datasets.columns import Columns
from nemoguardrails_trust.datasets.rows import RowResult, scored_row
from nemoguardrails_trust.errors import DataError, counted
from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.integrations.langfuse.client import Connection, LangfuseClient
from nemoguardrails_trust.integrations.langfuse.query import TraceQuery
from nemoguardrails_trust.integrations.langfuse.results import TraceReport, TraceResult
from nemoguardrails_trust.integrations.langfuse.run import ScoringOptions, run_scoring
from nemoguardrails_trust.integrations.langfuse.watching import Watch, watch_traces
from nemoguardrails_trust.scorers.base import Scorer, close

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 300
"""Characters of a text that the table shows."""

_PIPE_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Job:
    """All that the options say.

    Attributes:
        connection: Where Langfuse is.
        scorer: Gives the scores.
        query: Which traces.
        options: How they are scored.
        watch: How to go on; `None` looks once.
        out: The file of results.
        json_output: Whether the summary is one JSON object.
    """

    connection: Connection
    scorer: Scorer
    query: TraceQuery
    options: ScoringOptions
    watch: Watch | None = None
    out: Path | None = None
    json_output: bool = False


def run(job: Job) -> int:
    """Scores the traces, once or until it is told to stop.

    Returns:
        The exit code.

    Raises:
        TrustError: It could not be brought to its end.
    """
    return run_interruptibly(partial(_run, job))


async def _run(job: Job, stop: asyncio.Event) -> int:
    with _results_file(job) as keep:

        def on_result(result: TraceResult) -> None:
            keep(result)
            if result.error is not None:
                problem = " ".join(result.error.split())
                tell(f"trace {result.trace_id} {result.status}: {problem}", err=True)

        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(close, job.scorer)
            check = getattr(job.scorer, "check", None)
            if check is not None:
                check()
            client = LangfuseClient(job.connection)
            closing.push_async_callback(client.aclose)
            if job.watch is None:
                return await _once(job, client, on_result, stop)
            await watch_traces(
                client,
                job.scorer,
                job.query,
                job.options,
                job.watch,
                stop=stop,
                on_result=on_result,
                on_report=_show_look,
            )
    return 0


async def _once(
    job: Job, client: LangfuseClient, on_result: Callable[[TraceResult], None], stop: asyncio.Event
) -> int:
    from rich.console import Console

    lines = LinesNowAndThen()
    with Console(stderr=True, quiet=is_quiet()).status("reading traces") as status:

        def on_progress(report: TraceReport) -> None:
            told = f"{counted(report.read, 'trace')} read, {len(report.results):,} done"
            status.update(told)
            if not status.console.is_terminal:
                lines.say(told)

        report = await run_scoring(
            client,
            job.scorer,
            job.query,
            job.options,
            on_result=on_result,
            on_progress=on_progress,
            stop=stop,
        )
    if job.json_output:
        tell_json(_summary(report))
    else:
        _show(report, job)
    if report.error is not None:
        raise report.error
    if report.stopped:
        return EXIT_INTERRUPTED
    return 0 if report.complete else EXIT_INCOMPLETE


def _show(report: TraceReport, job: Job) -> None:
    console = terminal(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    if job.options.dry_run and report.results:
        console.print(_table(report))
    console.print(_counts(report, job.options.dry_run), markup=False, soft_wrap=True)
    if report.error is None and not report.scored:
        console.print(
            f"nothing was scored: {_why(report, job.query)}", markup=False, soft_wrap=True
        )
    least = report.least
    if least is not None and least.score is not None:
        why = f": {least.score.explanation}" if least.score.explanation else ""
        console.print(
            f"least trustworthy: {least.trace_id} with {least.value:.3f}{why}",
            markup=False,
            soft_wrap=True,
        )


def _why(report: TraceReport, query: TraceQuery) -> str:
    """Why a run scored nothing."""
    if not report.read:
        return f"Langfuse has no trace {_asked_for(query)}"
    reasons: dict[str, int] = {}
    for result in report.results:
        count_reason(reasons, " ".join((result.error or result.status).split()))
    if report.skipped:
        count_reason(reasons, "has the score already", report.skipped)
    if report.settling:
        count_reason(reasons, "is too recent (--settle)", report.settling)
    return told_reasons(reasons)


def _asked_for(query: TraceQuery) -> str:
    """Which traces were asked for, in words."""
    parts = (
        ("with the id {}", " or ".join(query.trace_ids) or None),
        ("from {:%Y-%m-%d %H:%M %Z} on", query.start),
        ("before {:%Y-%m-%d %H:%M %Z}", query.end),
        ("with all the tags {}", ", ".join(query.tags) or None),
        ("of the name {}", query.name),
        ("in the environment {}", " or ".join(query.environments) or None),
        ("of the session {}", query.session),
        ("that meets --filter", query.conditions or None),
    )
    told = [words.format(value) for words, value in parts if value is not None]
    return ", ".join(told) or "at all"


def _table(report: TraceReport) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True)
    table.add_column("score", justify="right")
    table.add_column("trace", overflow="fold")
    for result in report.scored:
        score, exchange = result.score, result.exchange
        if score is not None and exchange is not None:
            texts = {"prompt": exchange.prompt, "response": exchange.response}
            if score.explanation:
                texts["why"] = score.explanation
            lines = [f"{name}: {_short(text)}" for name, text in texts.items()]
            told = Text("\n".join([result.trace_id, *lines]))
            table.add_row(f"{result.value:.3f}", told)
    return table


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _counts(report: TraceReport, dry_run: bool) -> str:
    done = len(report.scored) if dry_run else report.count("written")
    parts = [
        f"{counted(report.read, 'trace')} read",
        f"{done:,} {'scored (nothing is written)' if dry_run else 'scored and written'}",
        f"{len(report.flagged):,} flagged (below {report.threshold:g})",
        f"{report.count('unreadable', 'unscored', 'rejected'):,} failed",
    ]
    if report.skipped:
        parts.append(f"{report.skipped:,} skipped as already scored")
    if report.settling:
        parts.append(f"{report.settling:,} left as too recent")
    spent = f"{counted(report.requests, 'request')} to Langfuse, {report.seconds:.1f} s"
    return f"{', '.join(parts)}; {spent}"


def _summary(report: TraceReport) -> dict[str, Any]:
    least = report.least
    return {
        "read": report.read,
        "scored": len(report.scored),
        "written": report.count("written"),
        "flagged": len(report.flagged),
        "threshold": report.threshold,
        "unreadable": report.count("unreadable"),
        "unscored": report.count("unscored"),
        "rejected": report.count("rejected"),
        "skipped": report.skipped,
        "too_recent": report.settling,
        "least_trustworthy": None
        if least is None
        else {"trace_id": least.trace_id, "trustworthiness_score": least.value},
        "requests": report.requests,
        "seconds": round(report.seconds, 3),
    }


def _show_look(report: TraceReport) -> None:
    if report.results or report.settling:
        tell(_counts(report, dry_run=False), err=True)


def _row(result: TraceResult) -> dict[str, Any]:
    """A result as a row of a data set."""
    exchange = result.exchange or Exchange("")
    scored = RowResult(None, error=result.error)
    if result.score is not None:
        scored = RowResult.of(result.score)
    prompt: Any = [
        {"role": message.role, "content": message.content} for message in exchange.messages
    ]
    if len(prompt) == 1 and prompt[0]["role"] == "user":
        prompt = prompt[0]["content"]
    row = {
        "trace_id": result.trace_id,
        "prompt": prompt,
        "context": list(exchange.context),
        "response": exchange.response,
    }
    return scored_row(row, scored, Columns())


@contextlib.contextmanager
def _results_file(job: Job) -> Iterator[Callable[[TraceResult], None]]:
    """Keeps results of which there is an exchange, a line each, in the file if there is one."""
    if job.out is None:
        yield lambda result: None
        return
    try:
        job.out.parent.mkdir(parents=True, exist_ok=True)
        file: TextIO = job.out.open(
            "w" if job.watch is None else "a",
            encoding="utf-8",
            errors="replace",  # half a surrogate pair is no UTF-8
        )
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", path=str(job.out)) from None
    with file:

        def keep(result: TraceResult) -> None:
            if result.exchange is not None:
                file.write(json.dumps(_row(result), ensure_ascii=False) + "\n")
                file.flush()

        yield keep
