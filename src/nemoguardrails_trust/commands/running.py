"""Carries out a run over a data set, and says what has become of it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from nemoguardrails_trust.commands.building import RowScorerSpec
from nemoguardrails_trust.commands.garbage import seldom_collected
from nemoguardrails_trust.commands.options import EXIT_INCOMPLETE, EXIT_INTERRUPTED
from nemoguardrails_trust.commands.output import note, say
from nemoguardrails_trust.commands.pipes import writes_to_pipe
from nemoguardrails_trust.commands.score_progress import ProgressDisplay
from nemoguardrails_trust.errors import TooManyFailuresError, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nemoguardrails_trust.datasets.budget import Budget
    from nemoguardrails_trust.datasets.columns import Columns
    from nemoguardrails_trust.datasets.row_scorers import RowScorer
    from nemoguardrails_trust.datasets.runs import Engine, Job, Outcome
    from nemoguardrails_trust.datasets.source import Source
    from nemoguardrails_trust.datasets.tally import Prices, Tally

DEFAULT_SHARD_SIZE = 1000


def columns_of(source: "Source", spec: RowScorerSpec) -> "Columns":
    """Settles which columns are read, and tells what had to be guessed.

    Raises:
        DataError: A column is not there.
    """
    columns = find_columns_of(source, spec)
    for told in filter(None, (*source.remarks, columns.told)):
        note(told)
    return columns


def find_columns_of(source: "Source", spec: RowScorerSpec) -> "Columns":
    """Settles which columns are read.

    Raises:
        DataError: A column is not there.
    """
    from nemoguardrails_trust.datasets.score import find_columns

    return find_columns(
        source,
        generate=spec.generate,
        prompt=spec.rows.prompt_column,
        response=spec.rows.response_column,
        context=spec.rows.context_column,
    )


def prepare_job(
    source: "Source",
    out: "Path",
    spec: RowScorerSpec,
    row_scorer: "RowScorer",
    *,
    shard_size: int = DEFAULT_SHARD_SIZE,
    bom: bool = False,
    safe_cells: bool = False,
) -> "Job":
    """Puts together what is to be done, and finds out what stands against it.

    Raises:
        TrustError: Something does; the message says what.
    """
    from nemoguardrails_trust.datasets.runs import Job
    from nemoguardrails_trust.datasets.score import settled_output
    from nemoguardrails_trust.scorers.create import threshold_of

    columns = columns_of(source, spec)
    out, output = settled_output(source, out, bom=bom, safe_cells=safe_cells)
    return Job(
        source=source,
        columns=columns,
        out=out,
        output=output,
        settings={**spec.identity(), "server": row_scorer.server},
        threshold=threshold_of(spec.settings, spec.calibration),
        concurrency=spec.rows.concurrency,
        shard_size=shard_size,
        retry_errors=spec.rows.retry_errors,
    )


def run_job(
    job: "Job",
    spec: RowScorerSpec,
    row_scorer: "RowScorer",
    *,
    on_cluster: bool = False,
    prices: "Prices | None" = None,
    quiet: bool = False,
    keeps: bool = True,
    budget: "Budget | None" = None,
    on_spent: "Callable[[Outcome], None] | None" = None,
) -> "Outcome":
    """Scores the data set; Ctrl-C ends the command with how to go on.

    Args:
        job: What is to be done.
        spec: What the scorer is built from, where it is to be built elsewhere.
        row_scorer: Scores here.
        on_cluster: Whether Ray is to score.
        prices: What tokens cost, where the user said so.
        quiet: Whether to show no progress.
        keeps: Whether what is scored stays for the next run, where this one is not finished.
        budget: What may be spent here.
        on_spent: Called with what has become of a run whose budget is spent.

    Raises:
        TrustError: The run could not be brought to its end; the message says how to go on.
        typer.Exit: It was interrupted, or the budget is spent.
    """
    from nemoguardrails_trust.datasets.runs import carry_out

    outcome: Outcome | None = None
    keeps = keeps and not writes_to_pipe()
    guessed = job.source.row_count is None
    with ProgressDisplay(prices, guessed=guessed, quiet=quiet) as display:

        def on_interrupt() -> None:
            display.say("finishing the rows in flight; Ctrl-C again stops at once")

        engine: Engine
        if on_cluster:
            from nemoguardrails_trust.datasets.ray import ray_engine

            engine = ray_engine(spec.build, report=display.update)
        else:
            from nemoguardrails_trust.datasets.local import local_engine

            engine = local_engine(
                row_scorer, report=display.update, on_interrupt=on_interrupt, budget=budget
            )
        try:
            with seldom_collected():
                outcome = carry_out(job, engine)
        except TooManyFailuresError as error:
            cure = "; what was scored is kept: once this is fixed, repeat the command with "
            told = f"{error}{cure}--retry-errors" if keeps else str(error)
            raise TooManyFailuresError(told, reasons=error.reasons) from error
        except KeyboardInterrupt:
            outcome = None
    if budget is not None and budget.is_exhausted and outcome is not None:
        tally = display.last.tally if display.last else outcome.tally
        if on_spent is not None:
            on_spent(replace(outcome, tally=tally))
        say(
            f"the budget is spent: {counted(tally.rows, 'row')} scored and kept; "
            "to continue, repeat the command with a larger --budget"
        )
        raise typer.Exit(EXIT_INCOMPLETE)
    if outcome is None or not outcome.complete:
        kept = "; what was scored is kept: repeat the command to continue" if keeps else ""
        say("interrupted; nothing is kept" if writes_to_pipe() else f"interrupted{kept}")
        raise typer.Exit(EXIT_INTERRUPTED)
    return outcome


def tell_unscored(reasons: "Mapping[str, int]") -> None:
    """Says on stderr how many rows have no score, and why."""
    from nemoguardrails_trust.concurrency.failures import told_reasons

    if reasons:
        count = sum(reasons.values())
        noun = "row has" if count == 1 else "rows have"
        note(f"{count:,} {noun} no score: {told_reasons(reasons)}")


def tell_missing(tally: "Tally") -> None:
    """Says on stderr which signals are missing, how often and why.

    Where no row has a score, the reason why says the same already.
    """
    from nemoguardrails_trust.concurrency.failures import told_reasons

    for name, reasons in tally.missing.items() if tally.scored else ():
        count = sum(reasons.values())
        note(f"{name} is missing in {count:,} of {tally.rows:,} rows: {told_reasons(reasons)}")
