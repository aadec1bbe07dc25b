"""The options that say how results are read."""

from dataclasses import dataclass

from nemoguardrails_trust.commands.help import Heading


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """How results are read. Each field is an option."""

    prompt_column: str | None = Heading.DATA.field(
        "--prompt-column NAME",
        "The prompts. Default: 'prompt' or another common name, such as 'question'.",
    )
    response_column: str | None = Heading.DATA.field(
        "--response-column NAME",
        "The answers that were scored. Default: 'response' or another common name, such as "
        "'answer'.",
    )
    score_column: str = Heading.DATA.field(
        "--score-column NAME", "The scores, from 0 to 1.", default="trustworthiness_score"
    )
    label_column: str | None = Heading.DATA.field(
        "--label-column NAME",
        "Whether each answer is right: 1 or 0, true or false, yes or no. Default: 'correct' or "
        "another common name, such as 'label', if present.",
    )
    encoding: str | None = Heading.DATA.field(
        "--encoding NAME", "The text encoding of the results. Default: detected."
    )
