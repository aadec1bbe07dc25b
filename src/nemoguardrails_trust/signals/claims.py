"""One request that judges the sentences of a response, each by itself.

Each verdict's P(true) is read as that of a whole response is (see `reflection`).
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.base import Completion
from nemoguardrails_trust.signals.reflection import asked_about, probability_of_true, stated

MOST_CLAIMS = 100
"""The most sentences of a response that get a score; the first ones do."""

_TASK = (
    "The response is shown by its sentences, which are numbered. Judge each by itself: {question} "
    "Reply with {count} lines and nothing else: the number of each sentence, True or False, then "
    "the chance in percent that it is True, as in `1: True 90` or `1: False 15`. Where a sentence "
    "states nothing, such as a greeting, write `None` instead, as in `1: None`."
)
_CORRECT = (
    "is all that it says correct? A fluent sentence can still be wrong: check its facts one by one."
)
_BORNE_OUT = (
    "does the context bear out all that it says? What the context contradicts or does not mention "
    "is False, however likely it is."
)
_LINE = re.compile(
    r"^[\W_]{0,9}(?:sentence\s)?(\d{1,3})[\s.:)*_-]{1,6}(?=(\w+))([^\n]{1,60})$",
    re.MULTILINE | re.IGNORECASE,
)
# Word pieces carry their leading space, or a line's end, as one of these letters in some servers.
_SPACES = str.maketrans({"\u0120": " ", "\u010a": "\n", "\u2581": " "})
_NO_CLAIM = "none"


def claims_messages(exchange: Exchange, sentences: Sequence[str]) -> tuple[Message]:
    """The prompt that asks a judge about the sentences of a response.

    With retrieved passages each is held against these.

    Args:
        exchange: What to judge.
        sentences: The sentences, which the prompt numbers from 1.
    """
    # Each on a line of its own, so that no text can number a sentence.
    numbered = "\n".join(
        f"{number}. {' '.join(sentence.split())}"
        for number, sentence in enumerate(sentences, start=1)
    )
    task = _TASK.format(question=_BORNE_OUT if exchange.context else _CORRECT, count=len(sentences))
    return (asked_about(exchange, task, response=numbered),)


def read_claims(completion: Completion, count: int) -> Mapping[int, float | None]:
    """What a judge says of sentences.

    Args:
        completion: Its reply.
        count: How many sentences it was given.

    Returns:
        By the number of the sentence from 0, how likely it is true, 0 to 1, from the probabilities
        of its verdict's token where they are there; `None` for a sentence that states nothing. A
        sentence that is named twice, or not as asked, is left out.

    Raises:
        ValueError: The reply names none of them.
    """
    text = completion.text
    by_token = dict(_probabilities(completion.tokens or ()))
    found: dict[int, float | None] = {}
    lines = list(_LINE.finditer(text))
    times = Counter(int(line[1]) for line in lines)
    for line in lines:
        number = int(line[1])
        if times[number] > 1 or not 1 <= number <= count:
            continue
        if line[2].casefold() == _NO_CLAIM:
            found[number - 1] = None
            continue
        value = by_token.get(number, stated(line[3].strip())[0])
        if value is not None:
            found[number - 1] = value
    if not found:
        raise ValueError("the judge's judgement of sentences names none of them")
    return found


def _probabilities(tokens: Sequence[TokenLogprob]) -> Iterator[tuple[int, float]]:
    """P(true) of each line's verdict, by the line's number."""
    pieces = [token.token.translate(_SPACES) for token in tokens]
    text = "".join(pieces)
    starts = [0, *accumulate(map(len, pieces))]
    begin = text.rfind("</think>") + 1
    for line in _LINE.finditer(text, begin):
        value = probability_of_true(tokens[bisect_right(starts, line.start(2)) - 1])
        if value is not None:
            yield int(line[1]), value
