"""The options that say which columns of results hold what."""

from dataclasses import dataclass
from typing import Annotated

from nemoguardrails_trust.commands.help import Heading


@dataclass(frozen=True, slots=True)
class ScoredColumns:
    """Which columns of results hold what. Each field is an option."""

    prompt_column: Annotated[
        str | None,
        Heading.DATA.option(
            "--prompt-column NAME",
            "The prompts. Default: 'prompt' or another common name, such as 'question'.",
        ),
    ] = None
    response_column: Annotated[
        str | None,
        Heading.DATA.option(
            "--response-column NAME",
            "The answers that were scored. Default: 'response' or another common name, such as "
            "'answer'.",
        ),
    ] = None
    score_column: Annotated[
        str, Heading.DATA.option("--score-column NAME", "The scores, from 0 to 1.")
    ] = "trustworthiness_score"
    label_column: Annotated[
        str | None,
        Heading.DATA.option(
            "--label-column NAME",
            "Whether each answer is right: 1 or 0, true or false, yes or no. Default: 'correct', "
            "if present.",
        ),
    ] = None
