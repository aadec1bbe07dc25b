"""`nemo-trust report`: one HTML page from results."""

import dataclasses
from pathlib import Path
from typing import Annotated

from nemoguardrails_trust.commands.costs import (
    CompletionPriceOption,
    CostOptions,
    PromptPriceOption,
    prices_of,
)
from nemoguardrails_trust.commands.help import Heading, argument
from nemoguardrails_trust.commands.options import JsonOption, user_errors, with_options
from nemoguardrails_trust.commands.output import note
from nemoguardrails_trust.commands.result_options import ResultOptions
from nemoguardrails_trust.commands.terminal import tell, tell_json
from nemoguardrails_trust.errors import SettingsError, counted


@with_options
@user_errors()
def report(
    results: Annotated[
        Path,
        argument(
            "RESULTS",
            "What 'nemo-trust score' wrote, in any of its formats; '-' is standard input.",
        ),
    ],
    reading: ResultOptions,
    out: Path = Heading.RESULT.parameter(
        "--out FILE", "The HTML page to write; '-' is standard output.", default=Path("report.html")
    ),
    threshold: float = Heading.RESULT.parameter(
        "--threshold 0..1",
        "Where the slider on the page starts; answers that score below it are flagged.",
        default=0.6,
    ),
    title: str = Heading.RESULT.parameter(
        "--title TEXT", "The heading of the page.", default="Trustworthiness report"
    ),
    group_by: str | None = Heading.DATA.parameter(
        "--group-by NAME", "Also give the figures for each value of this column."
    ),
    against: Path | None = Heading.DATA.parameter(
        "--against FILE", "Earlier results for the same prompts, to compare with."
    ),
    prices: Path | None = Heading.COST.parameter(
        "--prices FILE",
        "Show the cost, at the prices per million tokens that this YAML file gives for the "
        "model of the run, as recorded in RESULTS.run.json.",
    ),
    prompt_price: PromptPriceOption = None,
    completion_price: CompletionPriceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Make one HTML page of scored answers, to explore or print.

    The page is self-contained and works offline.
    """
    from nemoguardrails_trust.report import build_report

    costs = CostOptions(prices=prices, prompt_price=prompt_price, completion_price=completion_price)
    made = build_report(
        results,
        out,
        threshold=threshold,
        title=title,
        group_by=group_by,
        against=against,
        prices=prices_of(costs, None if prices is None else _model_of_run(results)),
        **dataclasses.asdict(reading),
    )
    for told in made.remarks:
        note(told)
    if json_output:
        tell_json(made.to_json())
        return
    unchecked = made.rows - made.scored
    tell(
        f"{made.path}: {counted(made.rows, 'answer')}, {made.flagged:,} below {made.threshold:g}"
        + (f", {unchecked:,} without a score" if unchecked else "")
        + f" ({made.bytes / 1e6:.1f} MB)"
    )


def _model_of_run(results: Path) -> str:
    """The model that scored, as its run recorded it.

    Raises:
        SettingsError: It is not recorded beside the results.
    """
    from nemoguardrails_trust.datasets.runs import recorded_settings

    model = recorded_settings(results).get("model")
    if model is None:
        raise SettingsError(
            f"--prices needs {results.name}.run.json, which 'nemo-trust score' leaves beside its "
            "results and which names the model; give --price-per-million-… instead"
        )
    return str(model)
