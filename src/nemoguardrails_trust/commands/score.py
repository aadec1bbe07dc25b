"""`nemo-trust score`: scores a whole data set."""

import inspect
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.building import RowScorerSpec, scorer_settings
from nemoguardrails_trust.commands.costs import (
    CostOptions,
    budget_of,
    least_seconds,
    prices_of,
    tell_estimate,
)
from nemoguardrails_trust.commands.gate import OVER, FailIfOption, parse_limits, require_limits
from nemoguardrails_trust.commands.help import Heading, argument
from nemoguardrails_trust.commands.options import (
    EXIT_INCOMPLETE,
    REPLAY,
    CalibrationOption,
    JsonOption,
    RowOptions,
    ScorerOptions,
    ThresholdOption,
    exit_codes,
    user_errors,
    with_options,
)
from nemoguardrails_trust.commands.output import note
from nemoguardrails_trust.commands.running import (
    DEFAULT_SHARD_SIZE,
    columns_of,
    prepare_job,
    run_job,
    tell_missing,
    tell_unscored,
)
from nemoguardrails_trust.commands.score_progress import cost_of, duration, money
from nemoguardrails_trust.commands.terminal import tell, tell_json
from nemoguardrails_trust.errors import SettingsError, counted

if TYPE_CHECKING:
    from nemoguardrails_trust.datasets.row_scorers import RowScorer
    from nemoguardrails_trust.datasets.runs import Job, Outcome
    from nemoguardrails_trust.datasets.source import Source
    from nemoguardrails_trust.datasets.tally import Prices, Tally


class EngineName(StrEnum):
    """Where rows are scored."""

    LOCAL = "local"
    RAY = "ray"


@with_options
@user_errors()
def score(
    data: Annotated[
        Path,
        argument(
            "DATA",
            "CSV, JSON Lines, a JSON array, Parquet or Excel, also compressed (.gz, .zst); '-' is "
            "standard input.",
        ),
    ],
    options: ScorerOptions,
    rows: RowOptions,
    costs: CostOptions,
    out: Path | None = Heading.RESULT.parameter(
        "--out OUT",
        "The file to write: .csv, .tsv, .jsonl, .json, .parquet or .xlsx; '-' is standard "
        "output, as JSON Lines. Required without --dry-run. During the run, scored rows are "
        "kept in OUT.shards.",
    ),
    threshold: ThresholdOption = None,
    calibration: CalibrationOption = None,
    generate: bool = Heading.DATA.parameter(
        "--generate", "Have the model answer prompts that have no response.", default=False
    ),
    evaluations: list[str] | None = Heading.RESULT.parameter(
        "--evaluation NAME",
        "Also have the model judge the answers by this criterion, in a column of its own: "
        "context_sufficiency, response_groundedness, response_helpfulness or query_ease. "
        "Takes one more request per row. Can be repeated.",
    ),
    claims: bool = Heading.RESULT.parameter(
        "--claims",
        "Also score each sentence of an answer, in the column 'claims'. Takes one more "
        "request per row, and the extra 'claims'.",
        default=False,
    ),
    bom: bool = Heading.RESULT.parameter(
        "--bom", "Start a CSV OUT with the mark by which Excel recognizes UTF-8.", default=False
    ),
    safe_cells: bool = Heading.RESULT.parameter(
        "--safe-cells",
        "In a CSV OUT, put an apostrophe before text that a spreadsheet would run as a formula.",
        default=False,
    ),
    shard_size: int = Heading.RUN.parameter(
        "--shard-size N", "Rows per file in OUT.shards.", min=1, default=DEFAULT_SHARD_SIZE
    ),
    engine: EngineName = Heading.RUN.parameter(
        "--engine",
        "Run in this process (local), or on many machines with Ray Data (ray).",
        default=EngineName.LOCAL,
    ),
    fail_if: FailIfOption = None,
    json_output: JsonOption = False,
) -> None:
    """Score every answer in DATA, and write the scores to OUT.

    OUT also has all the columns of DATA. An interrupted run continues when you repeat the command;
    no row is scored twice. The column 'error' says why a row has no score.
    """
    from nemoguardrails_trust.datasets.files import open_source
    from nemoguardrails_trust.scorers.create import load_calibration

    on_cluster = engine is EngineName.RAY
    most = parse_limits(fail_if, OVER, "--fail-if")
    prices = prices_of(costs, options.model)
    budget = budget_of(costs, prices)
    if on_cluster and budget is not None:
        raise SettingsError("--budget is for --engine local")
    settings = scorer_settings(
        options,
        threshold=threshold,
        calibration=calibration,
        timeout=rows.timeout,
        evaluations=evaluations or None,
        explain="claims" if claims else None,
    )
    if evaluations and options.model == REPLAY:
        raise SettingsError("--evaluation needs a model that judges; replay has none")
    spec = RowScorerSpec(settings, options, rows, load_calibration(settings), generate=generate)
    row_scorer = spec.build()
    source = open_source(
        data.absolute() if on_cluster else data, limit=rows.limit, encoding=rows.encoding
    )
    if costs.dry_run:
        _estimate(source, spec, row_scorer, prices, as_json=json_output)
        return
    if out is None:
        raise SettingsError("give the file to write: --out OUT", key="out")
    job = prepare_job(
        source,
        out.absolute() if on_cluster else out,
        spec,
        row_scorer,
        bom=bom,
        safe_cells=safe_cells,
        shard_size=shard_size,
    )
    outcome = run_job(
        job,
        spec,
        row_scorer,
        on_cluster=on_cluster,
        prices=prices,
        quiet=json_output,
        budget=budget,
        on_spent=(lambda spent: _print_json(spent, job, prices)) if json_output else None,
    )
    _tell(outcome, job, prices, as_json=json_output)
    require_limits(_figures(outcome.tally), over=most)
    if outcome.tally.errors and "unchecked" not in most:
        raise typer.Exit(EXIT_INCOMPLETE)


_CODES = exit_codes("--fail-if", incomplete="some rows have no score")
score.__doc__ = f"{inspect.cleandoc(score.__doc__ or '')}\n\n{_CODES}"


def _estimate(
    source: "Source",
    spec: RowScorerSpec,
    row_scorer: "RowScorer",
    prices: "Prices | None",
    *,
    as_json: bool,
) -> None:
    """Tells what a run would take."""
    from nemoguardrails_trust.datasets.estimate import estimate
    from nemoguardrails_trust.scorers.create import threshold_of

    told = estimate(
        source,
        columns_of(source, spec),
        row_scorer,
        concurrency=spec.rows.concurrency,
        threshold=threshold_of(spec.settings, spec.calibration),
        least_seconds=least_seconds(spec.options),
    )
    tell_estimate(told, prices, spec.rows.concurrency, as_json=as_json)


def _figures(tally: "Tally") -> dict[str, float | None]:
    """What limits can be set for."""
    return {
        "flagged": tally.flagged / tally.scored if tally.scored else None,
        "unchecked": tally.errors / tally.rows if tally.rows else None,
    }


def _tell(outcome: "Outcome", job: "Job", prices: "Prices | None", *, as_json: bool) -> None:
    """Prints what has become of the run."""
    tally = outcome.tally
    if as_json:
        _print_json(outcome, job, prices)
    elif outcome.already:
        tell(f"{job.out} already has all {tally.rows:,} rows; nothing was done.")
    else:
        share = tally.flagged / tally.scored if tally.scored else 0.0
        made = f"{tally.made:,} of them with a generated response, " if tally.made else ""
        cost = "" if prices is None else f", cost {money(prices.cost(tally))}"
        tell(
            f"{job.out}: {counted(tally.rows, 'row')}, {made}{tally.flagged:,} ({share:.1%}) below "
            f"{job.threshold:g}, {tally.errors:,} without a score; {counted(tally.calls, 'call')}, "
            f"{cost_of(tally.prompt_tokens, tally.completion_tokens)}{cost}, "
            f"{duration(outcome.seconds)}"
        )
    tell_unscored(tally.reasons)
    tell_missing(tally)
    if tally.errors:
        note("the column 'error' has the reason for each row; --retry-errors scores them again")


def _print_json(outcome: "Outcome", job: "Job", prices: "Prices | None") -> None:
    tally = outcome.tally
    told = {
        "out": str(job.out),
        **tally.to_json(),
        "scored": tally.scored,
        "threshold": job.threshold,
        "complete": outcome.complete,
        "resumed": outcome.resumed,
        "already_done": outcome.already,
        "seconds": round(outcome.seconds, 3),
        "cost": None if prices is None else prices.cost(tally),
    }
    tell_json(told)
