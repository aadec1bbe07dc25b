"""The options that say how results are read."""

from dataclasses import dataclass
from typing import Annotated

from nemoguardrails_trust.commands.help import Heading


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """How results are read. Each field is an option."""

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
    encoding: Annotated[
        str | None,
        Heading.DATA.option(
            "--encoding NAME", "The text encoding of the results. Default: detected."
        ),
    ] = None
