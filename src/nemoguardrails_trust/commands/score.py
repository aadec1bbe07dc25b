"""`nemo-trust score`: scores a whole data set."""

import inspect
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.building import RowScorerSpec, scorer_settings
from nemoguardrails_trust.commands.gate import (
    OVER,
    FailIfOption,
    parse_limits,
    require_limits,
)
from nemoguardrails_trust.commands.options import (
    EXIT_CODES,
    EXIT_INCOMPLETE,
    CalibrationOption,
    JsonOption,
    RowOptions,
    ScorerOptions,
    ThresholdOption,
    user_errors,
    with_options,
)
from nemoguardrails_trust.commands.running import (
    DEFAULT_SHARD_SIZE,
    prepare_job,
    run_job,
    tell_missing,
)

if TYPE_CHECKING:
    from nemoguardrails_trust.datasets.runs import Job, Outcome
    from nemoguardrails_trust.datasets.tally import Prices, Tally


class EngineName(StrEnum):
    """Where rows are scored."""

    LOCAL = "local"
    RAY = "ray"


@with_options
def score(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="CSV, JSON lines, a JSON array, Parquet or Excel; .gz and .zst are unpacked.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="OUT",
            help="The file to write: .csv, .tsv, .jsonl, .json, .parquet or .xlsx. Until it is "
            "complete, scored rows are kept in OUT.shards.",
        ),
    ],
    options: ScorerOptions,
    rows: RowOptions,
    threshold: ThresholdOption = None,
    calibration: CalibrationOption = None,
    generate: Annotated[
        bool,
        typer.Option("--generate", help="Have the model answer where there is no response."),
    ] = False,
    bom: Annotated[
        bool,
        typer.Option("--bom", help="Begin a CSV OUT with the mark by which Excel knows UTF-8."),
    ] = False,
    safe_cells: Annotated[
        bool,
        typer.Option(
            "--safe-cells",
            help="In a CSV OUT, put text that a spreadsheet would compute behind an apostrophe.",
        ),
    ] = False,
    shard_size: Annotated[
        int, typer.Option("--shard-size", min=1, metavar="N", help="Rows per shard.")
    ] = DEFAULT_SHARD_SIZE,
    engine: Annotated[
        EngineName,
        typer.Option("--engine", help="Run in this process, or with Ray Data on many machines."),
    ] = EngineName.LOCAL,
    prompt_price: Annotated[
        float | None,
        typer.Option(
            "--price-per-million-prompt-tokens",
            min=0.0,
            metavar="PRICE",
            help="Show the cost, at this price per million tokens read.",
        ),
    ] = None,
    completion_price: Annotated[
        float | None,
        typer.Option(
            "--price-per-million-completion-tokens",
            min=0.0,
            metavar="PRICE",
            help="Show the cost, at this price per million tokens written.",
        ),
    ] = None,
    fail_if: FailIfOption = None,
    json_output: JsonOption = False,
) -> None:
    """Score every row of DATA and write OUT: all its columns, with scores beside them.

    A run that was interrupted or killed continues when you give the same command again: no row
    is scored twice. Rows that fail carry the reason in the column 'error'.
    """
    from nemoguardrails_trust.datasets.tally import Prices

    priced = prompt_price is not None or completion_price is not None
    prices = Prices(prompt_price or 0.0, completion_price or 0.0) if priced else None
    on_cluster = engine is EngineName.RAY
    with user_errors():
        from nemoguardrails_trust.datasets.files import open_source
        from nemoguardrails_trust.scorers.create import load_calibration

        most = parse_limits(fail_if, OVER, "--fail-if")
        settings = scorer_settings(
            options, threshold=threshold, calibration=calibration, timeout=rows.timeout
        )
        spec = RowScorerSpec(
            settings,
            options,
            rows.concurrency,
            rows.max_failures,
            load_calibration(settings),
            generate=generate,
        )
        row_scorer = spec.build()
        job = prepare_job(
            open_source(
                data.absolute() if on_cluster else data, limit=rows.limit, encoding=rows.encoding
            ),
            out.absolute() if on_cluster else out,
            spec,
            row_scorer,
            rows,
            bom=bom,
            safe_cells=safe_cells,
            shard_size=shard_size,
        )
        outcome = run_job(
            job, spec, row_scorer, on_cluster=on_cluster, prices=prices, quiet=json_output
        )
        _tell(outcome, job, prices, as_json=json_output)
        require_limits(_figures(outcome.tally), over=most)
        if outcome.tally.errors and "unchecked" not in most:
            raise typer.Exit(EXIT_INCOMPLETE)


score.__doc__ = f"{inspect.cleandoc(score.__doc__ or '')}\n\n{EXIT_CODES}"


def _figures(tally: "Tally") -> dict[str, float | None]:
    """What limits can be set for."""
    return {
        "flagged": tally.flagged / tally.scored if tally.scored else None,
        "unchecked": tally.errors / tally.rows if tally.rows else None,
    }


def _tell(outcome: "Outcome", job: "Job", prices: "Prices | None", *, as_json: bool) -> None:
    """Prints what has become of the run."""
    import json

    from nemoguardrails_trust.commands.score_progress import cost_of, duration

    tally = outcome.tally
    if as_json:
        told = {
            "out": str(job.out),
            **tally.to_json(),
            "scored": tally.scored,
            "threshold": job.threshold,
            "resumed": outcome.resumed,
            "already_done": outcome.already,
            "seconds": round(outcome.seconds, 3),
            "cost": None if prices is None else prices.cost(tally),
        }
        typer.echo(json.dumps(told))
    elif outcome.already:
        typer.echo(f"{job.out} already holds the {tally.rows:,} rows; nothing was done.")
    else:
        share = tally.flagged / tally.scored if tally.scored else 0.0
        made = f"{tally.made:,} of them with a response that was made, " if tally.made else ""
        cost = "" if prices is None else f", cost {prices.cost(tally):,.2f}"
        typer.echo(
            f"{job.out}: {tally.rows:,} rows, {made}{tally.flagged:,} ({share:.1%}) below "
            f"{job.threshold:g}, {tally.errors:,} without a score; {tally.calls:,} calls, "
            f"{cost_of(tally.prompt_tokens, tally.completion_tokens)}{cost}, "
            f"{duration(outcome.seconds)}"
        )
    tell_missing(tally)
    if tally.errors:
        typer.echo(
            "nemo-trust: the column 'error' has the reason for each row; "
            "--retry-errors scores them again",
            err=True,
        )
