"""How far other samples of a model's answer bear out the single sentences of its response.

A sentence that the model makes up, it makes up otherwise the next time, or not at all (Manakul et
al., "SelfCheckGPT: Zero-Resource Black-Box Hallucination Detection for Generative Large Language
Models", EMNLP 2023). As there, a sample counts 1 where it bears a sentence out, 0 where it
contradicts it, and one half where it is silent.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nemoguardrails_trust.agreement import text
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.compare import SAME, compare_answers
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.agreement.words import stem
from nemoguardrails_trust.signals.sentences import split_sentences

SILENT = 0.5
"""What a sample counts that says nothing about a sentence."""

MOST_SAMPLES = 20
_MOST_SENTENCES = 50  # of a sample; what stands behind them is not looked at
_COMPARED = 2  # of a sample's sentences, the ones that share most words with ours
_ABOUT_THE_SAME = 0.5  # of our sentence's words, those of the prompt among them


@dataclass(frozen=True, slots=True)
class _Read:
    """A sentence, and the stems of its words."""

    answer: Answer
    stems: frozenset[str]


def support(
    sentences: Sequence[str],
    samples: Sequence[str],
    *,
    prompt: str = "",
    is_over: Callable[[], bool] = lambda: False,
) -> list[float] | None:
    """How far samples bear out each sentence.

    Compared are a sentence and those of each sample that share most words with it. What there is
    to compare is bounded, however long the texts are.

    Args:
        sentences: Those of the response.
        samples: Other answers of the same model to the same prompt; the first 20 are looked at.
        prompt: The prompt; its own words say nothing about whether sentences agree.
        is_over: Tells when nobody waits for the result any more.

    Returns:
        For each sentence the mean over the samples, 0 to 1; `None` without samples, or once it is
        over.

    Raises:
        MissingDependencyError: The extra `claims` is not installed.
    """
    if not samples:
        return None
    question = Question(prompt)
    ours = [_read(sentence, question) for sentence in sentences]
    totals: list[list[float]] = [[] for _ in ours]
    for sample in samples[:MOST_SAMPLES]:
        listed = split_sentences(sample, most=_MOST_SENTENCES).listed
        theirs = [_read(sentence.text, question) for sentence in listed]
        for read, values in zip(ours, totals, strict=True):
            if is_over():
                return None
            values.append(_borne_out(read, theirs))
    return [min(1.0, math.fsum(values) / len(values)) for values in totals]


def _read(sentence: str, question: Question) -> _Read:
    words = text.tokens(text.fold(text.window(sentence)))
    stems = frozenset(stem(word) for word in words if word not in text.STOP_WORDS)
    return _Read(Answer(sentence, question), stems)


def _borne_out(ours: _Read, theirs: Sequence[_Read]) -> float:
    """What a sample counts for a sentence."""
    same = ours.answer.text

    def rank(other: _Read) -> tuple[bool, int, int]:
        return other.answer.text != same, -len(ours.stems & other.stems), len(other.stems)

    nearest = sorted(theirs, key=rank)[:_COMPARED]
    found = [compare_answers(ours.answer, other.answer).value for other in nearest]
    # What is merely compatible says nothing against a contradiction by the nearest one.
    agreed = max(found) if any(value >= SAME for value in found) else next(iter(found), 0.0)
    shared = max((len(ours.stems & other.stems) for other in nearest), default=0)
    about_it = min(1.0, shared / (_ABOUT_THE_SAME * len(ours.stems))) if ours.stems else 0.0
    # What is about other things cannot contradict it.
    return max(agreed, about_it * agreed + (1.0 - about_it) * SILENT)
