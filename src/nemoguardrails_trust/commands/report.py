"""`nemo-trust report`: one HTML page from results."""

import json
from pathlib import Path
from typing import Annotated

import typer

from nemoguardrails_trust.commands.options import (
    CompletionPriceOption,
    JsonOption,
    PromptPriceOption,
    ScoreColumnOption,
    ScoredLabelOption,
    ScoredPromptOption,
    ScoredResponseOption,
    user_errors,
)


def report(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS",
            help="What 'nemo-trust score' wrote: CSV, JSON lines or Parquet.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The HTML page to write.")
    ] = Path("report.html"),
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold",
            metavar="0..1",
            help="Where the page's slider stands at first; scores below it are flagged.",
        ),
    ] = 0.6,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="The page's heading.")
    ] = "Trustworthiness report",
    prompt_column: ScoredPromptOption = None,
    response_column: ScoredResponseOption = None,
    score_column: ScoreColumnOption = "trustworthiness_score",
    label_column: ScoredLabelOption = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by", metavar="NAME", help="A column by whose values to give the figures, too."
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="FILE",
            help="Earlier results on the same prompts, to compare these with.",
        ),
    ] = None,
    prompt_price: PromptPriceOption = None,
    completion_price: CompletionPriceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Make one HTML page of scored answers, to look at, search and print.

    The page holds all that it shows and opens without a network.
    """
    with user_errors():
        from nemoguardrails_trust.datasets.tally import Prices
        from nemoguardrails_trust.report import build_report

        priced = prompt_price is not None or completion_price is not None
        made = build_report(
            results,
            out,
            threshold=threshold,
            title=title,
            prompt_column=prompt_column,
            response_column=response_column,
            score_column=score_column,
            label_column=label_column,
            group_by=group_by,
            against=against,
            prices=Prices(prompt_price or 0.0, completion_price or 0.0) if priced else None,
        )
    if json_output:
        typer.echo(json.dumps(made.to_json()))
        return
    unchecked = made.rows - made.scored
    typer.echo(
        f"{made.path}: {made.rows:,} answers, {made.flagged:,} below {made.threshold:g}"
        + (f", {unchecked:,} without a score" if unchecked else "")
        + f" ({made.bytes / 1e6:.1f} MB)"
    )
