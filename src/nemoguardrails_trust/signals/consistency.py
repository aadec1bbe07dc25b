"""How far other samples of a model's answer agree with the response: observed consistency.

The value is the mean agreement, as in Chen & Mueller, "Quantifying Uncertainty in Answers from
any Language Model and Enhancing their Trustworthiness" (ACL 2024). The semantic entropy is the
discrete one of Kuhn et al., "Semantic Uncertainty" (ICLR 2023): over groups of like answers.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from nemoguardrails_trust.agreement import structures
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.compare import SAME, Agreement, compare_answers
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.scores import Signal


@dataclass(frozen=True, slots=True)
class Comparison:
    """A response compared with other samples of its model.

    Attributes:
        agreements: How far each sample agrees with the response, in order.
        groups: For each sample the number of its group of like answers, in order of appearance;
            samples that agree with the response are in group 0.
        samples: The samples.
        rephrased: How many of the samples, the last ones, answer the question in other words.
        fields: For a JSON object or a tool call as response, the share of samples that give the
            same value, for each field; half of it for an empty one, where the prompt holds a text.
            Else `None`.
    """

    agreements: tuple[Agreement, ...]
    groups: tuple[int, ...]
    samples: tuple[str, ...]
    fields: Mapping[str, float] | None = None
    rephrased: int = 0

    @property
    def value(self) -> float | None:
        """The consistency, 0 to 1; `None` without samples."""
        if not self.agreements:
            return None
        values = [agreement.value for agreement in self.agreements]
        own = len(values) - self.rephrased
        return consistency_value(values[:own], values[own:])

    @property
    def unsettled(self) -> tuple[int, ...]:
        """Places of the samples that plain comparing could not settle."""
        return tuple(
            place for place, agreement in enumerate(self.agreements) if not agreement.settled
        )

    @property
    def distinct(self) -> int:
        """How many different answers the samples give."""
        return len(set(self.groups))

    @property
    def semantic_entropy(self) -> float:
        """The entropy over the groups of like samples, in nats; 0.0 where all say the same."""
        total = len(self.groups)
        shares = [self.groups.count(group) / total for group in set(self.groups)]
        return max(0.0, -sum(share * math.log(share) for share in shares))

    @property
    def alternatives(self) -> tuple[str, ...]:
        """One answer for each group that disagrees with the response, most frequent first."""
        others = [group for group in dict.fromkeys(self.groups) if group != 0]
        others.sort(key=lambda group: -self.groups.count(group))
        found = (self.samples[self.groups.index(group)] for group in others)
        return tuple(answer for answer in found if answer.strip())

    @property
    def contradicting(self) -> str | None:
        """The most frequent answer that disagrees with the response."""
        return next(iter(self.alternatives), None)

    def with_settled(self, values: Mapping[int, float]) -> "Comparison":
        """Adds a model's word on agreements that plain comparing could not settle.

        It counts twice as much as what plain comparing found: the model knows that two names are
        one thing, but a weak one errs more often than words do (docs/scoring.md).

        Args:
            values: For places in `unsettled`, the agreement that the model found, 0 to 1. Places
                that were settled already are left as they are.

        Raises:
            ValueError: A value is not from 0 to 1.
        """
        if not values:
            return self
        agreements, groups = list(self.agreements), list(self.groups)
        fresh = max(groups, default=0) + 1
        for place in self.unsettled:
            if place not in values:
                continue
            value = values[place]
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"the agreement of sample {place} is {value!r}, not from 0 to 1")
            both = settled_agreement(agreements[place].value, value)
            agreements[place] = Agreement(both, settled=True)
            if both >= SAME:
                groups[place] = 0
            elif groups[place] == 0:
                groups[place] = fresh
        return replace(self, agreements=tuple(agreements), groups=tuple(groups))


def compare(
    response: str, samples: Sequence[str], *, prompt: str = "", rephrased: int = 0
) -> Comparison:
    """Compares a response with other samples of its model's answer.

    Args:
        response: The response.
        samples: Other answers of the same model to the same prompt.
        prompt: The prompt; its own words say nothing about whether answers agree.
        rephrased: How many of the samples, the last ones, answer the question in other words.
    """
    question = Question(prompt)
    read = {answer: Answer(answer, question) for answer in (response, *samples)}
    ours = read[response]
    found = {answer: compare_answers(ours, theirs) for answer, theirs in read.items()}
    agreements = tuple(found[sample] for sample in samples)
    worth = _worth(ours)
    weighed = (
        agreements
        if worth == 1.0
        else tuple(replace(agreed, value=agreed.value * worth) for agreed in agreements)
    )
    return Comparison(
        agreements=weighed,
        groups=_group(samples, agreements, read),
        samples=tuple(samples),
        fields=_compare_fields(ours, [read[sample] for sample in samples]),
        rephrased=rephrased,
    )


def settled_agreement(plain: float, judged: float) -> float:
    """What an agreement counts, 0 to 1, that plain comparing left open and a model has judged.

    It rises with both.

    Args:
        plain: What plain comparing found, 0 to 1.
        judged: What the model said, 0 to 1.
    """
    return (plain + 2.0 * judged) / 3.0


def consistency_value(agreements: Sequence[float], rephrased: Sequence[float] = ()) -> float:
    """The consistency of single agreements: their mean.

    With answers to rephrasings, it is the mean of their agreements, less up to half of it as the
    samples of the question itself disagree. So a model that answers the same question otherwise
    when it is put otherwise has contradicted itself, however much its own samples agree (Zhang
    et al. 2023); and where the rephrasings agree, its own samples still tell how sure it is.

    It never falls when an agreement rises, so that setting those still to come to 0 and to 1
    bounds it.

    Args:
        agreements: Those of samples of the question itself.
        rephrased: Those of answers to rephrasings of it.

    Raises:
        ValueError: There are no agreements.
    """
    if not rephrased:
        if not agreements:
            raise ValueError("consistency needs at least one agreement")
        return _mean(agreements)
    if not agreements:
        return _mean(rephrased)
    return _mean(rephrased) * (0.5 + 0.5 * _mean(agreements))


def _mean(agreements: Sequence[float]) -> float:
    return min(1.0, max(0.0, math.fsum(agreements) / len(agreements)))


def consistency_signal(comparison: Comparison) -> Signal:
    """The signal of a comparison, with details ready for JSON."""
    if comparison.value is None:
        return Signal(None, error="there are no samples to compare with")
    failures = Counter(
        agreed.failure for agreed in comparison.agreements if agreed.failure is not None
    )
    details: dict[str, Any] = {
        "agreements": [round(agreed.value, 4) for agreed in comparison.agreements],
        "distinct": comparison.distinct,
        "semantic_entropy": comparison.semantic_entropy,
    }
    if comparison.rephrased:
        details["rephrased"] = comparison.rephrased
    if failures:
        details["not_comparable"] = dict(failures)
    return Signal(comparison.value, details=MappingProxyType(details))


def _group(
    samples: Sequence[str], agreements: Sequence[Agreement], read: Mapping[str, Answer]
) -> tuple[int, ...]:
    """Puts each sample into the response's group, or the first other one that it agrees with."""
    leaders: list[Answer] = []
    by_text: dict[str, int] = {}
    for sample, agreed in zip(samples, agreements, strict=True):
        if sample in by_text:
            continue
        if agreed.value >= SAME:
            by_text[sample] = 0
            continue
        answer = read[sample]
        for number, leader in enumerate(leaders, start=1):
            if compare_answers(leader, answer).value >= SAME:
                by_text[sample] = number
                break
        else:
            leaders.append(answer)
            by_text[sample] = len(leaders)
    return tuple(by_text[sample] for sample in samples)


EMPTY_COUNTS = 0.5
"""What agreement on an empty value counts, where there was a text to take it from. A model that
overlooks something overlooks it again, so that this tells as much for the one as for the other."""

_LEAST_TEXT = 40
"""The least words of a prompt that holds a text to take values from, and not a request alone."""


def _worth(answer: Answer) -> float:
    """What agreement with an answer counts, 0 to 1: less, the more of its values are empty."""
    value = answer.structure
    if value is None or len(answer.question.in_order) < _LEAST_TEXT:
        return 1.0
    values = list((structures.fields(value) or {"": value}).values())
    empty = sum(map(_is_empty, values))
    return 1.0 - (1.0 - EMPTY_COUNTS) * empty / len(values)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def _compare_fields(ours: Answer, samples: Sequence[Answer]) -> Mapping[str, float] | None:
    wanted = None if ours.structure is None else structures.fields(ours.structure)
    if not wanted or not samples:
        return None
    has_text = len(ours.question.in_order) >= _LEAST_TEXT
    given = [
        structures.fields(sample.structure) or {} if sample.structure is not None else {}
        for sample in samples
    ]

    def share(name: str, value: Any) -> float:
        same = sum(
            name in fields and structures.same_value(value, fields[name]) for fields in given
        )
        return same * (EMPTY_COUNTS if has_text and _is_empty(value) else 1.0) / len(samples)

    return MappingProxyType({name: share(name, value) for name, value in wanted.items()})
