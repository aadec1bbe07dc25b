"""What a run may cost, and what it would: prices, budgets and dry runs."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.help import Heading
from nemoguardrails_trust.commands.options import EXIT_INCOMPLETE, ScorerOptions
from nemoguardrails_trust.commands.score_progress import cost_of, duration, money
from nemoguardrails_trust.commands.terminal import tell, tell_json
from nemoguardrails_trust.errors import SettingsError, counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemoguardrails_trust.datasets.budget import Budget
    from nemoguardrails_trust.datasets.estimate import Estimate
    from nemoguardrails_trust.datasets.tally import Prices, Tally

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmM]?)\s*(tokens?)?")
_TIMES = {"": 1.0, "k": 1e3, "m": 1e6}

PromptPriceOption = Annotated[
    float | None,
    Heading.COST.option(
        "--price-per-million-prompt-tokens PRICE",
        "Show the cost, at this price for a million prompt tokens.",
        min=0.0,
    ),
]
CompletionPriceOption = Annotated[
    float | None,
    Heading.COST.option(
        "--price-per-million-completion-tokens PRICE",
        "Show the cost, at this price for a million completion tokens.",
        min=0.0,
    ),
]


@dataclass(frozen=True, slots=True)
class CostOptions:
    """What may be spent, and what tokens cost. Each field is an option."""

    dry_run: bool = Heading.COST.field(
        "--dry-run",
        "Score a sample of 20 rows, estimate what all of them would take, and write nothing.",
        default=False,
    )
    budget: str | None = Heading.COST.field(
        "--budget AMOUNT",
        "Stop before more than this is spent on OUT: money, such as '5.00' (needs prices), or "
        "tokens, such as '2M tokens'. To continue, repeat the command with a larger budget.",
    )
    prices: Path | None = Heading.COST.field(
        "--prices FILE",
        "Show the cost, at the prices per million tokens that this YAML file gives for "
        "--model, such as 'NAME: {prompt: 0.15, completion: 0.60}'.",
    )
    prompt_price: PromptPriceOption = None
    completion_price: CompletionPriceOption = None


def prices_of(costs: CostOptions, model: str | None) -> "Prices | None":
    """What tokens cost, as the options say; `None` where they do not.

    Raises:
        SettingsError: They say it twice, a price is no finite number, or the file has no price
            for the model.
        DataError: The file cannot be read.
    """
    from nemoguardrails_trust.datasets.tally import Prices, read_prices

    for tokens, price in (("prompt", costs.prompt_price), ("completion", costs.completion_price)):
        if price is not None and not math.isfinite(price):
            option = f"--price-per-million-{tokens}-tokens"
            raise SettingsError(f"{option} is {price}; it must be a finite number")
    priced = costs.prompt_price is not None or costs.completion_price is not None
    if costs.prices is None:
        return Prices(costs.prompt_price or 0.0, costs.completion_price or 0.0) if priced else None
    if priced:
        raise SettingsError("give either --prices or --price-per-million-…, not both")
    if model is None:
        raise SettingsError("--prices needs --model, to look up its price")
    return read_prices(costs.prices, model)


def budget_of(costs: CostOptions, prices: "Prices | None") -> "Budget | None":
    """What may be spent, as the options say; `None` where they set no limit.

    Raises:
        SettingsError: The budget cannot be read, or it is money and there are no prices.
    """
    from nemoguardrails_trust.datasets.budget import Budget

    if costs.budget is None:
        return None
    found = _BUDGET.fullmatch(costs.budget.strip())
    if found is None:
        raise SettingsError(
            f"--budget is {costs.budget!r}; give money, as in '5.00', or tokens, as in '2M tokens'"
        )
    number, thousands, unit = found.groups()
    limit = float(number) * _TIMES[thousands.lower()]
    if unit:
        return Budget(limit, lambda tally: tally.prompt_tokens + tally.completion_tokens)
    if prices is None:
        raise SettingsError(
            f"--budget {costs.budget} is money, which needs prices: give --prices, or a budget in "
            "tokens, such as '2M tokens'"
        )
    return Budget(limit, prices.cost)


def least_seconds(options: ScorerOptions) -> "Callable[[Tally], float]":
    """The time that the rates the user set make a run take at least."""
    requests, tokens = options.requests_per_minute, options.tokens_per_minute

    def least(tally: "Tally") -> float:
        minutes = [0.0]
        if requests is not None:
            minutes.append(tally.calls / requests)
        if tokens is not None:
            minutes.append((tally.prompt_tokens + tally.completion_tokens) / tokens)
        return 60.0 * max(minutes)

    return least


def tell_estimate(
    told: "Estimate", prices: "Prices | None", concurrency: int, *, as_json: bool
) -> None:
    """Prints what a run would take.

    Raises:
        typer.Exit: None of the sampled rows could be scored.
    """
    from nemoguardrails_trust.commands.running import tell_missing, tell_unscored

    sampled, whole = told.sampled, told.whole
    cost = None if prices is None else prices.cost(whole)
    if as_json:
        figures = {
            "rows": whole.rows,
            "calls": whole.calls,
            "prompt_tokens": whole.prompt_tokens,
            "completion_tokens": whole.completion_tokens,
            "cost": cost,
            "seconds": round(told.seconds, 3),
            "sampled": sampled.to_json(),
        }
        tell_json(figures)
    else:
        priced = "" if cost is None else f"cost {money(cost)}, "
        tell(
            f"{counted(whole.rows, 'row')}: about {counted(whole.calls, 'call')}, "
            f"{cost_of(whole.prompt_tokens, whole.completion_tokens)}, {priced}"
            f"{duration(told.seconds)} with {counted(concurrency, 'row')} at a time"
        )
        spent = "" if prices is None else f", cost {money(prices.cost(sampled))}"
        tell(
            f"Estimated from {counted(sampled.rows, 'row')}, which took "
            f"{counted(sampled.calls, 'call')}, "
            f"{cost_of(sampled.prompt_tokens, sampled.completion_tokens)}{spent}. "
            "Nothing was written."
        )
    tell_unscored(sampled.reasons)
    tell_missing(sampled)
    if sampled.rows and not sampled.scored:
        raise typer.Exit(EXIT_INCOMPLETE)
