"""Ranges, ratios and results: two numbers whose order matters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from nemoguardrails_trust.agreement import dates, quantities, text
from nemoguardrails_trust.agreement.phrases import words_of

_NUMBER = r"-?[$£€]?\d{1,12}(?:[.,]\d{1,9})*"
# In all languages that share them; `bis` and the like are `until` by now.
_AND = ("and", "und", "et", "y", "e", "en")
_BETWEEN = ("between ", "zwischen ", "entre ", "tra ", "fra ", "tussen ")
_LINK = rf"\s?(?:-|:)\s?|\s(?:to|until|out of|of|in|a|{'|'.join(_AND)})\s"
_PAIR = re.compile(
    rf"(?:from |von |de |da |van |{'|'.join(_BETWEEN)}|about |around |approximately )?"
    rf"(?P<low>{_NUMBER})(?P<low_unit>\s?[^\W\d]+\.?)??"
    rf"(?P<link>{_LINK})(?P<high>{_NUMBER})(?P<unit>(?:\s?%|\s?[^\W\d]+){{0,3}})\W*"
)
_PAIR_IN_PROSE = re.compile(
    r"(?<![\w.,:/-])(\d{1,6})(?:-|:|\sto\s|\sout of\s|\sof\s|\sin\s)(\d{1,6})(?![\w:/-]|[.,]\d)"
)
_TIMES = re.compile(r"(?:from |between )?(.{1,12}?)\s?(?:-|\bto\b|\buntil\b|\band\b)\s?(.{1,12})")
_TOLERANCE = re.compile(
    rf"(?P<number>{_NUMBER})(?:\s?[^\W\d]+)?\s+plusminus (?P<off>{_NUMBER})\s?(?P<unit>%|[^\W\d]+)"
)
_BARE_TOLERANCE = re.compile(rf"(?P<number>{_NUMBER})\s?±\s?(?P<off>{_NUMBER})")
_LONGEST = 60
_SAME = 0.9
"""From this value on, two numbers of a pair are the same one, perhaps rounded."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers that belong together.

    Attributes:
        first: The one that stands first.
        second: The other.
        proportion: Whether they may be a ratio, so that 1:2 is 2:4.
        share: Whether the first is a part of the second, as in `1 in 4`.
    """

    first: quantities.Quantity
    second: quantities.Quantity
    proportion: bool = False
    share: bool = False

    @property
    def are_years(self) -> bool:
        """Whether it is a span of years, as `1962-1965`."""
        years = all(text.is_year(f"{number.plain}") for number in (self.first, self.second))
        return years and self.first.plain < self.second.plain


def pair(folded: str) -> Pair | None:
    """Reads a folded text as two numbers with a dash, a colon or a word between, all of it."""
    written = folded.strip(" .") if len(folded) <= _LONGEST else ""
    if not text.has_digits(written):
        return None
    written = written.replace("  ", " ")  # as signs such as ° leave them
    if "plusminus" in written:
        return _with_tolerance(written)
    if "±" in written:
        bare = _BARE_TOLERANCE.fullmatch(written)
        return _about(bare["number"], bare["off"], "") if bare else None
    times = _TIMES.fullmatch(written)
    if times is not None:
        start, end = map(dates.clock, times.groups())
        if start is not None and end is not None:
            return Pair(_time(start), _time(end))
    if dates.clock(written) is not None:
        return None
    found = _PAIR.fullmatch(written)
    if found is None or (found["link"].strip() in _AND) != written.startswith(_BETWEEN):
        return None
    return _as_pair(found)


def _with_tolerance(written: str) -> Pair | None:
    """`10 ± 2 mm` as from 8 to 12 mm."""
    found = _TOLERANCE.fullmatch(written)
    pair = _about(found["number"], found["off"], found["unit"]) if found else None
    return None if pair is None or pair.first.kind is None else pair


def _about(middle: str, distance: str, unit: str) -> Pair | None:
    number, off = (quantities.quantity(words_of(f"{n} {unit}")) for n in (middle, distance))
    if number is None or off is None:
        return None
    low, high = (
        replace(number, value=number.value + by * off.value, plain=number.plain + by * off.plain)
        for by in (-1, 1)
    )
    return Pair(low, high)


def _time(minutes: int) -> quantities.Quantity:
    return quantities.Quantity(Fraction(minutes), Fraction(minutes), "time of day")


def _as_pair(found: re.Match[str]) -> Pair | None:
    low, high = found["low"], found["high"]
    if len(high) > 1 and high[0] == "0" and high.isdecimal():
        return None  # a telephone number, or a month of a year
    if found["link"].strip() == "-" and text.is_year(low) and len(high) == 2:
        high = low[:2] + high  # 1914-18
    unit = found["unit"]
    first, second = (
        quantities.quantity(words_of(f"{number} {own}"))
        for number, own in ((low, found["low_unit"] or unit), (high, unit))
    )
    if first is None or second is None:
        return None
    link = found["link"].strip()
    return Pair(first, second, proportion=link in (":", "to"), share=link == "in")


def is_share(pair: Pair, number: quantities.Quantity) -> bool:
    """Whether a number is the share that a pair tells: `25%` for `1 in 4`."""
    ours, theirs = pair.first, pair.second
    if not pair.share or ours.kind is not None or theirs.kind is not None or not theirs.plain:
        return False
    share = quantities.exact(float(ours.plain / theirs.plain))
    return not number.label and quantities.compare_quantities(share, number) >= _SAME


def compare_pairs(first: Pair, second: Pair, *, as_ratio: bool = False) -> bool:
    """Whether two pairs are the same one.

    Args:
        first: One.
        second: The other.
        as_ratio: Whether a ratio is asked for, so that only the relation of both numbers counts.
    """
    both = ((first.first, second.first), (first.second, second.second))
    if all(quantities.compare_quantities(one, other) >= _SAME for one, other in both):
        return True
    if not (as_ratio and first.proportion and second.proportion):
        return False
    return (
        first.first.plain * second.second.plain == first.second.plain * second.first.plain
        and first.second.plain != 0 != second.second.plain
    )


def are_reversed(first: str, second: str) -> bool:
    """Whether a pair of numbers stands in one text the other way round than in the other.

    Args:
        first: One text, folded.
        second: The other.
    """
    ours, theirs = _in_prose(first), _in_prose(second)
    turned = {(b, a) for a, b in ours if a != b}
    return bool(turned & theirs) and ours.isdisjoint(theirs)


def _in_prose(folded: str) -> set[Sequence[str]]:
    return set(_PAIR_IN_PROSE.findall(folded))
