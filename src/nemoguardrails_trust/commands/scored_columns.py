"""The options that say which columns of results hold what."""

from typing import Annotated

from nemoguardrails_trust.commands.help import Heading

ScoredPromptOption = Annotated[
    str | None,
    Heading.DATA.option(
        "--prompt-column NAME",
        "The prompts. Default: 'prompt' or another common name, such as 'question'.",
    ),
]
ScoredResponseOption = Annotated[
    str | None,
    Heading.DATA.option(
        "--response-column NAME",
        "The answers that were scored. Default: 'response' or another common name, such as "
        "'answer'.",
    ),
]
ScoredLabelOption = Annotated[
    str | None,
    Heading.DATA.option(
        "--label-column NAME",
        "Whether each answer is right: 1 or 0, true or false, yes or no. Default: 'correct', if "
        "present.",
    ),
]
ScoreColumnOption = Annotated[
    str, Heading.DATA.option("--score-column NAME", "The scores, from 0 to 1.")
]
