"""What the user reads when an answer is not trusted."""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from nemoguardrails_trust.scores import Claim

MESSAGE_NAME = "response untrustworthy"

CAUTION = "CAUTION: THIS ANSWER HAS BEEN FLAGGED AS POTENTIALLY UNTRUSTWORTHY"
NOT_CHECKED = "CAUTION: THE TRUSTWORTHINESS OF THIS ANSWER COULD NOT BE CHECKED"
WITHHELD = "I am not sure enough of my answer to give it."

# Jinja, since NeMo Guardrails takes the line's end and what follows for a part of a $name.
DEFAULT_MESSAGE = f"{{{{ bot_message }}}}\n{CAUTION}"

# The same notation as in any other Colang message: $name, or Jinja.
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*(?:\.\w+|\[\w+\])*)")
_UNDEFINED = re.compile(r"'\w+' is undefined")
_environment = SandboxedEnvironment(autoescape=False)


def user_message(messages: Mapping[str, Sequence[str]]) -> str | None:
    """The user's own `bot response untrustworthy` of Colang 1.0, where there is one."""
    own = [text for text in messages.get(MESSAGE_NAME, ()) if text != DEFAULT_MESSAGE]
    return random.choice(own) if own else None


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Fills the variables of a message, once: what a value contains is never read as a template.

    Raises:
        ValueError: The template is not valid, or fails on these values.
    """
    # A line's end is written as in any other Colang message, too.
    template = _VARIABLE.sub(r"{{ \1 }}", template.replace("\\n", "\n"))
    try:
        return _environment.from_string(template).render(variables)
    except Exception as error:  # an expression may raise anything, with the answer in its text
        raise ValueError(f"bot {MESSAGE_NAME} cannot be rendered: {_fault(error)}") from error


def _fault(error: Exception) -> str:
    """What is wrong with a template, without what its variables hold."""
    is_plain = isinstance(error, TemplateSyntaxError) or _UNDEFINED.fullmatch(str(error))
    return str(error) if is_plain else f"an expression raised {type(error).__name__}"


def with_marks(answer: str, claims: Sequence[Claim], *, threshold: float, mark: str) -> str | None:
    """The answer with a mark behind each sentence below the threshold.

    Returns:
        `None` where no sentence is, or they do not stand in the answer.
    """
    parts: list[str] = []
    last = 0
    for claim in claims:
        if claim.score < threshold and answer[claim.start : claim.end] == claim.text:
            parts += [answer[last : claim.end], f" {mark}"]
            last = claim.end
    return "".join([*parts, answer[last:]]) if parts else None


def with_caution(answer: str, *, checked: bool) -> str:
    """The answer with our caution below it."""
    return f"{answer}\n{CAUTION if checked else NOT_CHECKED}"
