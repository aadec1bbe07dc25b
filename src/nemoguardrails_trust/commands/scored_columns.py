"""The options that say which columns of results hold what."""

from typing import Annotated

import typer

from nemoguardrails_trust.commands.help import Heading

ScoredPromptOption = Annotated[
    str | None,
    typer.Option(
        "--prompt-column",
        metavar="NAME",
        help="The prompts. Default: 'prompt' or another common name, such as 'question'.",
        rich_help_panel=Heading.DATA,
    ),
]
ScoredResponseOption = Annotated[
    str | None,
    typer.Option(
        "--response-column",
        metavar="NAME",
        help="The answers that were scored. Default: 'response' or another common name, such "
        "as 'answer'.",
        rich_help_panel=Heading.DATA,
    ),
]
ScoredLabelOption = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        metavar="NAME",
        help="Whether each answer is right: 1 or 0, true or false, yes or no. Default: "
        "'correct', if present.",
        rich_help_panel=Heading.DATA,
    ),
]
ScoreColumnOption = Annotated[
    str,
    typer.Option(
        "--score-column",
        metavar="NAME",
        help="The scores, from 0 to 1.",
        rich_help_panel=Heading.DATA,
    ),
]
