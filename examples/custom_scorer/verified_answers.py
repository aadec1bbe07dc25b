"""A scorer that trusts what a table of verified answers bears out."""

import json
from pathlib import Path

from nemoguardrails_trust import Exchange, ScorerSettings, TrustworthinessScore


class VerifiedAnswers:
    """Holds answers against a table that people have checked."""

    def __init__(self, table: dict[str, str]) -> None:
        self.table = table

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        """1 where the verified answer is in the response, 0 where not, none where unknown."""
        verified = self.table.get(exchange.question)
        if verified is None:
            return TrustworthinessScore(None, scorer="verified", error="not in the table")
        agrees = verified.casefold() in exchange.response.casefold()
        return TrustworthinessScore(
            1.0 if agrees else 0.0,
            explanation=None if agrees else f"The verified answer is {verified}.",
            scorer="verified",
        )


def create(settings: ScorerSettings) -> VerifiedAnswers:
    """Called once, when the bot starts."""
    table = json.loads(Path(__file__).with_name("verified.json").read_text(encoding="utf-8"))
    return VerifiedAnswers(table)
