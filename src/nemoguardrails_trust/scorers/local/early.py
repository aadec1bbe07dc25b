"""Whether what is still to come can change a decision."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a score's signals, and what is not.

    Attributes:
        known: The signals that are there for good, consistency left out.
        open: The signals that may still come, with any value from 0 to 1, or fail.
        agreements: The least and the most that each sample's agreement may yet become, in the
            order of the samples.
        samples_to_come: How many further samples may come. Fewer may, and none.
        rephrased: As `agreements`, of answers to rephrasings of the question.
        rephrased_to_come: How many further ones may come, likewise.
    """

    known: Mapping[str, float]
    open: Sequence[str]
    agreements: Sequence[Interval]
    samples_to_come: int
    rephrased: Sequence[Interval] = ()
    rephrased_to_come: int = 0


def score_range(
    outlook: Outlook,
    score_of: Callable[[Mapping[str, float]], float | None],
    consistency_of: Callable[[Sequence[float], Sequence[float]], float],
) -> Interval | None:
    """The least and the greatest score that can still come of it.

    A score is monotone in each signal, and consistency is monotone in each agreement. So among
    all outcomes with the same signals and the same number of samples, the least is had with every
    unknown at its least, and the greatest likewise; and which signals and how many samples there
    will be is tried out case by case. That includes the case in which nothing more comes, so the
    score that is made at once lies in the range too.

    The floats keep this exact: adding, multiplying and dividing round monotonely, as long as the
    samples stand in the same order.

    Args:
        outlook: What is known and what is not.
        score_of: Makes a score of signals, monotone in each; `None` where there are none.
        consistency_of: Makes the consistency signal of agreements, those of samples of the
            question itself and of answers to rephrasings; monotone in each.

    Returns:
        The range, or `None` where there may be no score at all.
    """
    scores = [
        score_of({**outlook.known, **opened, **consistency})
        for end in (0, 1)
        for opened in _ways(outlook.open, float(end))
        for consistency in _consistencies(outlook, end, consistency_of)
    ]
    found = [score for score in scores if score is not None]
    return (min(found), max(found)) if found and len(found) == len(scores) else None


def _ways(names: Sequence[str], value: float) -> list[dict[str, float]]:
    """Each of the signals at `value`, or not there."""
    return [
        {name: value for name, there in zip(names, choice, strict=True) if there}
        for choice in product((False, True), repeat=len(names))
    ]


def _consistencies(
    outlook: Outlook, end: int, consistency_of: Callable[[Sequence[float], Sequence[float]], float]
) -> list[dict[str, float]]:
    """Consistency with every agreement at one end, for each number of samples still to come."""
    own = [agreement[end] for agreement in outlook.agreements]
    rephrased = [agreement[end] for agreement in outlook.rephrased]
    known = bool(own or rephrased)
    counts = product(range(outlook.samples_to_come + 1), range(outlook.rephrased_to_come + 1))
    with_samples = [
        {"consistency": consistency_of([*own, *[float(end)] * m], [*rephrased, *[float(end)] * n])}
        for m, n in counts
        if known or m or n
    ]
    return with_samples if known else [{}, *with_samples]


def decides(score_range: Interval | None, threshold: float) -> bool:
    """Whether every score of the range lies on the same side of the threshold."""
    if score_range is None:
        return False
    least, greatest = score_range
    return greatest < threshold or least >= threshold
