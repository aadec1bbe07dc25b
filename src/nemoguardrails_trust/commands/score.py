"""`nemo-trust score`: scores a whole data set."""

import inspect
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.garbage import seldom_collected
from nemoguardrails_trust.commands.options import (
    EXIT_CODES,
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    BaseUrlOption,
    CalibrationOption,
    JsonOption,
    LimitOption,
    ModelOption,
    QualityOption,
    Rates,
    RequestsPerMinuteOption,
    SamplesOption,
    ScorerOption,
    ThresholdOption,
    TokensPerMinuteOption,
    scorer_settings,
    user_errors,
)
from nemoguardrails_trust.commands.row_scorer_spec import RowScorerSpec

if TYPE_CHECKING:
    from nemoguardrails_trust.datasets.row_scorers import RowScorer
    from nemoguardrails_trust.datasets.runs import Engine, Job, Outcome
    from nemoguardrails_trust.datasets.tally import Prices

# No one waits for a single row, and a rate limit may hold it up for a minute or more.
DEFAULT_TIMEOUT = 300.0


class EngineName(StrEnum):
    """Where rows are scored."""

    LOCAL = "local"
    RAY = "ray"


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
            help="The file to write: .csv, .tsv, .jsonl, .json, .parquet or .xlsx. While it is "
            "being made, what is scored is kept in OUT.shards.",
        ),
    ],
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    scorer: ScorerOption = None,
    quality: QualityOption = None,
    threshold: ThresholdOption = None,
    samples: SamplesOption = None,
    calibration: CalibrationOption = None,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="For a whole score, waiting for the server's rate limit included.",
        ),
    ] = DEFAULT_TIMEOUT,
    prompt_column: Annotated[
        str | None,
        typer.Option(
            "--prompt-column",
            metavar="NAME",
            help="Text, or chat messages; by default 'prompt' or another usual name, such as "
            "'question' or 'messages'.",
        ),
    ] = None,
    response_column: Annotated[
        str | None,
        typer.Option(
            "--response-column",
            metavar="NAME",
            help="The answers; by default 'response' or another usual name, such as 'answer' or "
            "'output', or the last turn of a chat.",
        ),
    ] = None,
    context_column: Annotated[
        str | None,
        typer.Option(
            "--context-column",
            metavar="NAME",
            help="Retrieved passages: text, or a list; by default 'context' or another usual "
            "name, if it is there.",
        ),
    ] = None,
    generate: Annotated[
        bool,
        typer.Option("--generate", help="Have the model make a response where there is none."),
    ] = False,
    encoding: Annotated[
        str | None,
        typer.Option("--encoding", metavar="NAME", help="Of DATA; found out by default."),
    ] = None,
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
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, metavar="N", help="Rows in flight at a time.")
    ] = 64,
    shard_size: Annotated[
        int, typer.Option("--shard-size", min=1, metavar="N", help="Rows of a shard.")
    ] = 1000,
    retry_errors: Annotated[
        bool,
        typer.Option(
            "--retry-errors", help="Score again the rows that an earlier run could not score."
        ),
    ] = False,
    requests_per_minute: RequestsPerMinuteOption = None,
    tokens_per_minute: TokensPerMinuteOption = None,
    limit: LimitOption = None,
    engine: Annotated[
        EngineName,
        typer.Option("--engine", help="This process, or Ray Data over many machines."),
    ] = EngineName.LOCAL,
    prompt_price: Annotated[
        float | None,
        typer.Option(
            "--price-per-million-prompt-tokens",
            min=0.0,
            metavar="PRICE",
            help="To be told what it costs.",
        ),
    ] = None,
    completion_price: Annotated[
        float | None,
        typer.Option(
            "--price-per-million-completion-tokens",
            min=0.0,
            metavar="PRICE",
            help="The same for the tokens that are written.",
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Score every row of DATA and write OUT: all its columns, with scores beside them.

    A run that was interrupted or killed goes on when the same command is given again: what is
    scored is not scored twice. Rows that fail carry the reason in the column 'error'.
    """
    from nemoguardrails_trust.datasets.tally import Prices

    priced = prompt_price is not None or completion_price is not None
    prices = Prices(prompt_price or 0.0, completion_price or 0.0) if priced else None
    with user_errors():
        from nemoguardrails_trust.scorers.create import load_calibration

        settings = scorer_settings(
            model=model,
            scorer=scorer,
            quality=quality,
            threshold=threshold,
            calibration=calibration,
            timeout=timeout,
        )
        spec = RowScorerSpec(
            settings,
            base_url,
            samples,
            concurrency,
            Rates(requests_per_minute, tokens_per_minute),
            load_calibration(settings),
            generate,
        )
        row_scorer = spec.build()
        job = _job(
            data,
            out,
            spec,
            row_scorer,
            limit=limit,
            encoding=encoding,
            bom=bom,
            safe_cells=safe_cells,
            shard_size=shard_size,
            retry_errors=retry_errors,
            on_cluster=engine is EngineName.RAY,
            columns={
                "prompt": prompt_column,
                "response": response_column,
                "context": context_column,
            },
        )
        outcome = _carry_out(job, spec, row_scorer, engine, prices, quiet=json_output)
        _tell(outcome, job, prices, as_json=json_output)


score.__doc__ = f"{inspect.cleandoc(score.__doc__ or '')}\n\n{EXIT_CODES}"


def _job(
    data: Path,
    out: Path,
    spec: RowScorerSpec,
    row_scorer: "RowScorer",
    *,
    limit: int | None,
    encoding: str | None,
    bom: bool,
    safe_cells: bool,
    shard_size: int,
    retry_errors: bool,
    on_cluster: bool,
    columns: dict[str, str | None],
) -> "Job":
    from nemoguardrails_trust.datasets.files import open_source
    from nemoguardrails_trust.datasets.score import find_columns, prepare
    from nemoguardrails_trust.scorers.create import threshold_of

    source = open_source(data.absolute() if on_cluster else data, limit=limit, encoding=encoding)
    found = find_columns(source, generate=spec.generate, **columns)
    for told in filter(None, (*source.remarks, found.told)):
        typer.echo(f"nemo-trust: {told}", err=True)
    return prepare(
        source,
        out.absolute() if on_cluster else out,
        columns=found,
        settings={**spec.identity(), "server": getattr(row_scorer, "server", None)},
        threshold=threshold_of(spec.settings, spec.calibration),
        concurrency=spec.concurrency,
        shard_size=shard_size,
        retry_errors=retry_errors,
        bom=bom,
        safe_cells=safe_cells,
    )


def _carry_out(
    job: "Job",
    spec: RowScorerSpec,
    row_scorer: "RowScorer",
    engine_name: EngineName,
    prices: "Prices | None",
    *,
    quiet: bool,
) -> "Outcome":
    """Scores the data set; Ctrl-C ends the command with how to go on."""
    from nemoguardrails_trust.commands.score_progress import ProgressDisplay
    from nemoguardrails_trust.datasets.runs import carry_out

    outcome: Outcome | None = None
    with ProgressDisplay(prices, quiet=quiet) as display:

        def on_interrupt() -> None:
            display.say("finishing the rows in flight; Ctrl-C again stops at once")

        engine: Engine
        if engine_name is EngineName.RAY:
            from nemoguardrails_trust.datasets.ray import ray_engine

            engine = ray_engine(spec.build, report=display.update)
        else:
            from nemoguardrails_trust.datasets.local import local_engine

            engine = local_engine(row_scorer, report=display.update, on_interrupt=on_interrupt)
        try:
            with seldom_collected():
                outcome = carry_out(job, engine)
        except KeyboardInterrupt:
            outcome = None
    if outcome is None or not outcome.complete:
        typer.echo(
            "nemo-trust: interrupted; what is scored is kept: give the same command again to go on",
            err=True,
        )
        raise typer.Exit(EXIT_INTERRUPTED)
    return outcome


def _tell(outcome: "Outcome", job: "Job", prices: "Prices | None", *, as_json: bool) -> None:
    """Prints what has become of the run.

    Raises:
        typer.Exit: Rows have no score.
    """
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
    if tally.errors:
        typer.echo(
            f"nemo-trust: {tally.errors:,} rows have no score, the column 'error' says why; "
            "--retry-errors scores them again",
            err=True,
        )
        raise typer.Exit(EXIT_INCOMPLETE)
