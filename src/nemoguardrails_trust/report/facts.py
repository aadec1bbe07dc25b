"""What the page says of the run that made the scores, beside what the rows themselves tell."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nemoguardrails_trust.datasets.runs import recorded_settings
from nemoguardrails_trust.datasets.tally import Prices, Tally

_NAMES = {
    "scorer": "Scorer",
    "quality": "Quality preset",
    "model": "Model that scored",
    "model of the responses": "Model that answered",
    "server": "Server",
    "calibration": "Calibration",
    "threshold": "Threshold of the run",
}


def run_facts(results: Path | None) -> list[tuple[str, str]]:
    """The settings of the run that wrote a file, where it is recorded beside it.

    Returns:
        Names and values, as people read them; empty where no run is known.
    """
    settings = {} if results is None else recorded_settings(results)
    return [
        (name, f"{value:g}" if isinstance(value, float) else str(value))
        for key, name in _NAMES.items()
        if (value := settings.get(key)) is not None
    ]


def money(usage: list[Mapping[str, Any]], prices: Prices | None) -> float | None:
    """What the tokens of all rows cost; `None` where the prices or the tokens are not known."""
    tokens = {item["name"]: item["total"] for item in usage}
    read, written = tokens.get("prompt_tokens"), tokens.get("completion_tokens")
    if prices is None or (read is None and written is None):
        return None
    return prices.cost(Tally(prompt_tokens=read or 0, completion_tokens=written or 0))
