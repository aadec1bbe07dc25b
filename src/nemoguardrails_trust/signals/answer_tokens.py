"""Which of a response's tokens bear the answer.

A mean over all tokens tells of the wording. The answer itself is the letter that is chosen, the
part that a worked solution marks as its final answer, or the values of a JSON object.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nemoguardrails_trust.agreement import structures
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.exchange.tokens import SpeltTokens, TokenLogprob

SHORT_ANSWER = 24
"""The most tokens of a short answer: one sentence, in which most tokens bear on the answer."""

LETTER_ALTERNATIVES = 5
"""The alternatives a token that are asked for where a question offers letters: what all servers
that tell any will tell, and as many as most questions offer."""

Measured = Literal["answer", "choice", "fields", "final_answer", "text"]
"""What probabilities were measured on: a short answer, the letter of a choice, the values of a
JSON object, the final answer of a longer text, or a longer text as a whole."""

Logprobs = tuple[float, ...]

_AROUND_A_LETTER = " \t\r\n\u0120\u010a\u2581*_`\"'.,:;!()[]{}<>$"
_LEAST_MASS = 0.5  # of the letters among the likely tokens; below it no letter was being chosen
_JSON = json.JSONDecoder()
_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class AnswerTokens:
    """The log-probabilities that tell how sure a model was of its answer.

    Attributes:
        measured: What they were measured on.
        parts: Those of each part, by its name. There is one part, named as what was measured,
            but for a JSON object, which has one for each field.
    """

    measured: Measured
    parts: Mapping[str, Logprobs]


def letters_offered(prompt: str) -> int:
    """How many alternatives a token to ask for with the answer to a prompt; 0 where none help."""
    return LETTER_ALTERNATIVES if Question(prompt).offers_choices else 0


def measured_on(token_logprobs: Sequence[float]) -> Measured:
    """What the probabilities of tokens tell about that are known by their number alone."""
    return "answer" if len(token_logprobs) <= SHORT_ANSWER else "text"


def answer_tokens(response: str, prompt: str, tokens: Sequence[TokenLogprob]) -> AnswerTokens:
    """Finds the tokens that bear the answer.

    Args:
        response: The response.
        prompt: The message that it answers.
        tokens: The response's tokens; a text that is not known is empty.
    """
    answer = Answer(response, Question(prompt))
    spelt = SpeltTokens(tokens)
    kind = measured_on(_logprobs(tokens))
    if kind == "answer" and (letter := _letter(answer, tokens)) is not None:
        return AnswerTokens("choice", {"choice": (letter,)})
    if answer.structure is not None:
        named = structures.fields(answer.structure) or {}
        values = {
            name: _logprobs(spelt.between(*span))
            for name, span in _value_spans(spelt.text)
            if name in named
        }
        known = {name: logprobs for name, logprobs in values.items() if logprobs}
        if known:
            return AnswerTokens("fields", known)
    elif answer.final.strip() != response.strip():
        marked = _logprobs(spelt.last(answer.final.strip()))
        if marked:
            kind = "answer" if kind == "answer" else "final_answer"
            return AnswerTokens(kind, {kind: marked})
    return AnswerTokens(kind, {kind: _logprobs(tokens)})


def _logprobs(tokens: Sequence[TokenLogprob]) -> Logprobs:
    return tuple(token.logprob for token in tokens)


def _letter(answer: Answer, tokens: Sequence[TokenLogprob]) -> float | None:
    """The log-probability of the chosen letter among those offered; `None` for no such choice."""
    if not answer.question.offers_choices:
        return None
    choice = answer.choice
    if choice is None or choice.hedged or len(choice.letters) != 1:
        return None
    offered = answer.question.letters_offered
    found = [token for token in tokens if _as_letter(token.token) == choice.letters]
    capital = [token for token in found if token.token.strip(_AROUND_A_LETTER).isupper()]
    unknown = [token for token in tokens if not token.token][:1]
    for token in (capital or found or unknown)[:1]:
        chosen = _mass(token, choice.letters)
        every = _mass(token, offered)
        if token.top and every >= _LEAST_MASS and chosen > 0.0:
            return math.log(min(1.0, chosen / every))
        return token.logprob
    return None


def _mass(token: TokenLogprob, letters: str | frozenset[str]) -> float:
    likely = dict(token.top)
    if token.token:
        likely.setdefault(token.token, token.logprob)
    return math.fsum(
        math.exp(min(0.0, logprob))
        for text, logprob in likely.items()
        if _as_letter(text) in letters
    )


def _as_letter(text: str) -> str:
    """The single letter that a token is, in lower case; a blank for any other token."""
    letter = text.strip(_AROUND_A_LETTER).casefold()
    return letter if len(letter) == 1 and "a" <= letter <= "h" else " "


def _value_spans(
    text: str, start: int | None = None, prefix: str = ""
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Where the values of a JSON object's fields stand in a text, by their names."""
    place = _skip(text, (text.find("{") if start is None else start) + 1)
    while place < len(text) and text[place] == '"':
        try:
            name, place = _JSON.raw_decode(text, place)
            place = _skip(text, place)
            if text[place : place + 1] != ":":
                return
            place = _skip(text, place + 1)
            _, end = _JSON.raw_decode(text, place)
        except (ValueError, RecursionError):
            return
        if name == "arguments" and text[place] == "{" and not prefix:
            yield from _value_spans(text, place, "arguments.")
        else:
            yield f"{prefix}{name}", (place, end)
        place = _skip(text, end)
        if text[place : place + 1] == ",":
            place = _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _SPACE:
        place += 1
    return place
