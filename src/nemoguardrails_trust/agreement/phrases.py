"""One wording for what is said in several: limits, rates, and what is to be avoided.

`18 or older`, `from 18` and `minimum 18` become `at least 18`; `older than 18` becomes `over 18`,
which is another limit.
"""

import re
from collections.abc import Collection
from decimal import Decimal
from functools import cache
from itertools import pairwise

from nemoguardrails_trust.agreement import (
    counting,
    dates,
    frequencies,
    languages,
    measures,
    number_words,
    text,
    units,
)

_LONGEST_OF_LETTERS = 100
_LETTERS = re.compile("[A-Za-z]+(?: [A-Za-z]+)*")
_LONE = frozenset(("none", "nothing", "nil", "nobody", "second"))
_ASKING_FOR_A_COUNT = frozenset(("many", "much", "number"))
_ASKING_FOR_TIME = text.word_set("unit units long time duration measured si base")
_SIGNED = re.compile(r"\d(?:\+| ?[x×])|±|\+ ?/ ?-|plus(?: or |/)minus")
_OR_MORE = re.compile(r"(?<![\w.,^])([$£€]?\d[\d.,]{0,20})\+(?![\w+]|\s?\d)")
_TIMES = re.compile(r"(?<![\w.,])(\d{1,9}(?:\.\d{1,9})?) ?[x×](?!\w| ?\d)")
_OPERATORS = re.compile(r"[=^*\\]|[+/] ?\d| [-+] ")
_TOLERANCE = re.compile(
    r"(?:±|\+ ?/ ?-|\bplus(?: or |/)minus) ?(?P<number>\d[\d.,]{0,20}(?= ?(?P<unit>%|[^\W\d_]+)))"
)
_AVOIDING = text.word_set("avoid avoided refrain abstain")
_AVOIDED = re.compile(
    r"\b(?:(?:must|should|(?:has|have|is|are|needs?|ought) to) be|(?P<passive>be|is|are)) avoided\b"
    r"|(?P<front>^|\b(?:should|must|please|and|always"
    r"|(?:best|better|important|advised|advisable|recommended|have|has|ought|try) to) )"
    r"(?:avoid|refrain from|abstain from)\b"
)
_MEALS = frozenset(("meal", "meals"))
_WITH_MEALS = re.compile(r"\b(with|without) (?:a |your |each )?meals?\b")
_COMPOUNDS = {
    "businessday": "(?:business|working|work|banking) days?|workdays?",
    "day": "calendar days?",
    "nauticalmile": "nautical miles?",
    "lightyear": "light years?",
    "tonne": "metric tons?|metric tonnes?",
    "shortton": "short tons?",
    "troyounce": "troy (?:ounces?|oz)",
    "fluidounce": "(?:fluid|fl) (?:ounces?|oz)",
}
"""Units of two words, of which the second by itself is another unit."""
_COMPOUND_STARTS = text.word_set(
    "business working work banking workday workdays calendar nautical light metric short troy fluid"
    " fl"
)
_COMPOUND = re.compile(
    r"\b(?:" + "|".join(f"(?P<{unit}>{names})" for unit, names in _COMPOUNDS.items()) + r")\b"
)
_QUARTERS = frozenset(("quarterly", "quarter"))
_QUARTERLY = re.compile(r"\bquarterly\b|\b(?:every|each|per) quarter\b")
_YEARLY = re.compile(r"\b(?:(?<=\d )|(?<=percent ))(?:pa|p a)\b|\bper annum\b")
_IN_A_DAY = re.compile(
    r"(?<=[^\W\d] )(?:in|within|over|during|per|each|every)(?: an?| any| the| one| each)?"
    r" 24 hours?(?: period)?\b"
)
_EVERY_OTHER = re.compile(r"\bevery (?:other|second|2nd) (?=(?:day|week|month|year|hour)s?\b)")
_EVERY_FEW_HOURS = re.compile(r"(?<=\w )every (2|3|4|6|8|12) hours?\b")
_LIMITING = text.word_set(
    "least most over under above below more less fewer greater older longer higher larger heavier "
    "later younger shorter lower smaller lighter earlier up minimum maximum min max from exceeding "
    "exceed excess exceeds starting upwards onwards"
)
_OFTEN = frequencies.EACH_TIME.keys() | text.word_set("pa annum day week month year hour hours")
_NUMBER = r"-?\d+(?:\.\d+)?(?![\w.])"
_MORE = "(?:more|greater|older|longer|higher|larger|heavier|later)"
_LESS = "(?:less|fewer|younger|shorter|lower|smaller|lighter|earlier)"
_BEFORE_NUMBER = re.compile(
    r"\b(?P<not>(?:no|not|never) )?(?:(?P<least>at least|(?<!\d )(?:a )?(?:minimum|min)(?: of)?"
    r"|starting (?:at|from))|(?P<most>at most|up to|(?:a )?(?:maximum|max)(?: of)?)"
    rf"|(?P<over>over|above|exceed(?:ing|s)?|in excess of|{_MORE} than)"
    rf"|(?P<under>under|below|{_LESS} than))(?= (?:the )?(?:age of |ages? )?{_NUMBER})"
)
_IN_FRONT = _LIMITING | text.word_set("to of than at age ages the")
_JOINING = frozenset(("or", "and"))
_LAST = text.word_set("least most minimum maximum max")
_WORKING_WEEK = re.compile(r"\bmonday(?: to| through| until| thru)? friday\b")
_NEXT_BUT_ONE = re.compile(r"\b(?:the )?day (after tomorrow|before yesterday)\b")
_CHEAPER = text.word_set("price fare discount reduction rebate cheaper off")
_HALF_PRICE = re.compile(r"\bhalf (?:the )?(?:\w+ )?(?:price|fare)\b")
_DISCOUNT = re.compile(
    r"(?:\ba )?\b(\d+(?:\.\d+)?) percent (?:discount|reduction|rebate|cheaper)\b"
    r"|(?:\ba )?\b(?:discount|reduction|rebate) of (\d+(?:\.\d+)?) percent\b"
)
_PART_OF_PRICE = re.compile(
    r"(?<=\bpay )(\d{1,2}(?:\.\d+)?) percent of the (?:full |regular |normal )?(?:price|fare)\b"
)
_GETTING = re.compile(r"\b(?:get|pay|receive|save|enjoy)s? (?=\d+(?:\.\d+)? percent off\b)")
_VALID = re.compile(r"\b(?:(?:is|are|remains?|stays?) )?(?:valid|good) for(?= \d)")
_UNADVISED = re.compile(r"\bnot (?:recommended|advised|advisable)\b")
_ADVISED = text.word_set("recommended advised advisable")
_SHORT_MONTHS = {name[:3]: name for name in text.MONTH_NAMES if name != "may"}
_SHORT_MONTHS["sept"] = "september"
_DAYS_FROM_TODAY = frozenset(("tomorrow", "yesterday"))
_REWORDED = (
    _COMPOUND_STARTS | _AVOIDING | _MEALS | _QUARTERS | _SHORT_MONTHS.keys() | _ADVISED
    | _DAYS_FROM_TODAY | _CHEAPER | {"valid", "friday"}
)  # fmt: skip
_TRIGGERS = _REWORDED | _LIMITING | _OFTEN
_LIMITS = {"least": "at least", "most": "at most", "over": "over", "under": "under"}
_DENIED = {"over": "at most", "under": "at least"}
_UNIT = r"(?: (?!or\b|and\b|than\b)[^\W\d]+){0,3}?"
_BEHIND_NUMBER = re.compile(
    rf"(?<![\w.-])(?P<number>{_NUMBER})(?P<unit>{_UNIT}) (?:"
    rf"(?P<least>or {_MORE}|(?:or|and) (?:over|above|older|up|upwards|onwards)|and more$"
    rf"|(?:at least|minimum)$)"
    rf"|(?P<most>or {_LESS}|(?:or|and) (?:under|below|younger)|(?:at most|maximum|max)$))"
    rf"(?! than| {_NUMBER}| the\b| an?\b)"
)
_FROM = re.compile(
    rf"\bfrom(?= (?:the )?(?:age of |ages? )?{_NUMBER}(?: (?:years?|months?|days?|dollar))?"
    r"(?: old| of age| on| onwards| up| upwards)*$)"
)
_ONWARDS = re.compile(rf"\b(at least {_NUMBER}{_UNIT}) (?:on|onwards|up|upwards)$")


def written_out(folded: str) -> str:
    """Puts words for the signs behind and before numbers in `18+`, `5x` and `±5 mm`."""
    if not text.has_digits(folded) or _SIGNED.search(folded) is None:
        return folded
    folded = _OR_MORE.sub(r"at least \1", folded)
    if _OPERATORS.search(folded) is None:
        folded = _TIMES.sub(r"\1 times", folded)
    return _TOLERANCE.sub(_tolerance, folded)


def _tolerance(found: re.Match[str]) -> str:
    """Before a number without a unit, the sign stands for two values."""
    known = found["unit"] == "%" or units.is_unit(found["unit"])
    return f" plusminus {found['number']}" if known else found[0]


def as_number(words: list[str], asked: Collection[str]) -> list[str]:
    """A word that stands for a number where one is asked for: `none`, and `second` for a place.

    Args:
        words: The words of an answer.
        asked: Those of the prompt.
    """
    if len(words) > 2 or words[-1] not in _LONE or words[0] not in (words[-1], *text.ARTICLES):
        return words
    if words[-1] == "second":
        return words if _ASKING_FOR_TIME.intersection(asked) else ["2"]
    return ["0"] if len(words) == 1 and _ASKING_FOR_A_COUNT.intersection(asked) else words


@cache
def _read() -> frozenset[str]:
    """Words of which one stands in every text, but for some of two words, that is reworded."""
    return _TRIGGERS | number_words.READ | languages.known_words().counted


def words_of(folded: str) -> list[str]:
    """The words of a folded text, numbers in digits, what has several wordings in one."""
    words = text.tokens(folded)
    if len(words) != 2 and _read().isdisjoint(words):
        return words
    words = counting.counted(number_words.join_number_words(words))
    if _TRIGGERS.isdisjoint(words):
        return words
    if not _REWORDED.isdisjoint(words):
        words = _in_one_wording(words)
    limits, often = _LIMITING.isdisjoint(words), _OFTEN.isdisjoint(words)
    if not often and "every" in words:
        joined = _EVERY_OTHER.sub("every 2 ", " ".join(words))
        words = _EVERY_FEW_HOURS.sub(_times_a_day, joined).split(" ")
    if (limits and often) or not text.has_digits(joined := " ".join(words)):
        return words
    if not limits and _may_limit(words):
        joined = _with_limits(joined)
    return joined.split(" ") if often else _with_rates(joined)


def _in_one_wording(words: list[str]) -> list[str]:
    """What needs no number beside it: compounds, months, meals, and what is to be avoided."""
    if not _COMPOUND_STARTS.isdisjoint(words):
        words = _COMPOUND.sub(lambda found: found.lastgroup or "", " ".join(words)).split(" ")
    if not _AVOIDING.isdisjoint(words):
        words = _AVOIDED.sub(_not, " ".join(words)).split(" ")
    if not _SHORT_MONTHS.keys().isdisjoint(words):
        words = _with_months(words)
    if "friday" in words:
        words = _WORKING_WEEK.sub("weekdays", " ".join(words)).split(" ")
    if not _ADVISED.isdisjoint(words):
        words = _UNADVISED.sub("not", " ".join(words)).split(" ")
    if not _DAYS_FROM_TODAY.isdisjoint(words):
        words = _NEXT_BUT_ONE.sub(_next_but_one, " ".join(words)).split(" ")
    if not _CHEAPER.isdisjoint(words):
        words = _with_discounts(" ".join(words)).split(" ")
    if "valid" in words:
        words = _VALID.sub("lasts", " ".join(words)).split(" ")
    if not _QUARTERS.isdisjoint(words):
        words = _QUARTERLY.sub("every 3 months", " ".join(words)).split(" ")
    if not _MEALS.isdisjoint(words):
        words = _WITH_MEALS.sub(r"\1 food", " ".join(words)).split(" ")
    return words


def _with_months(words: list[str]) -> list[str]:
    """Months in full, where they are next to a number: `26 mar 2006`."""
    beside = zip(["", *words], words, [*words[1:], ""], strict=False)
    return [
        _SHORT_MONTHS.get(word, word) if before[-1:].isdecimal() or behind[:1].isdecimal() else word
        for before, word, behind in beside
    ]


def _may_limit(words: list[str]) -> bool:
    """Whether a limit may stand before a number or behind one, as all but few texts have none."""
    return words[-1] in _LAST or any(
        (before in _IN_FRONT and word[-1:].isdecimal())
        or (before in _JOINING and word in _LIMITING)
        for before, word in pairwise(words)
    )


def _with_rates(joined: str) -> list[str]:
    """Puts `3 per day` for `3 daily`, `3 a day` and `3 in 24 hours`."""
    joined = _YEARLY.sub("per year", joined)
    if "24 hour" in joined:
        # By itself, `within 24 hours` is a limit.
        joined = _IN_A_DAY.sub(
            lambda found: "per day" if text.has_digits(joined[: found.start()]) else found[0],
            joined,
        )
    words = joined.split(" ")
    # In `the daily dose is 4 g` it is no share.
    start = next((place for place, word in enumerate(words) if text.is_number(word)), len(words))
    return [*words[:start], *frequencies.with_per(words[start:])]


def _with_limits(joined: str) -> str:
    joined = _BEHIND_NUMBER.sub(_put_before, joined)
    joined = _BEFORE_NUMBER.sub(_limit, joined)
    return _ONWARDS.sub(r"\1", _FROM.sub("at least", joined)) if "from" in joined else joined


def _with_discounts(joined: str) -> str:
    """Puts `50 percent off` for `half price`, `a discount of 50 percent` and their like."""
    joined = _HALF_PRICE.sub("50 percent off", joined)
    if "percent" not in joined:
        return joined
    joined = _DISCOUNT.sub(lambda found: f"{found[1] or found[2]} percent off", joined)
    joined = _PART_OF_PRICE.sub(
        lambda found: f"{text.plain_number(str(100 - Decimal(found[1])))} percent off", joined
    )
    return _GETTING.sub("", joined)


def _times_a_day(found: re.Match[str]) -> str:
    return f"{24 // int(found[1])} times per day"


def _next_but_one(found: re.Match[str]) -> str:
    """`the day after tomorrow` as one word, which is none of those that it consists of."""
    return found[1].replace(" ", "")


def _put_before(found: re.Match[str]) -> str:
    limit = "at least" if found["least"] else "at most"
    return f"{limit} {found['number']}{found['unit']}"


def _limit(found: re.Match[str]) -> str:
    limit = found.lastgroup or ""
    if not found["not"]:
        return _LIMITS[limit]
    return _DENIED.get(limit, found[0])


def _not(found: re.Match[str]) -> str:
    """`must be avoided` as `not`; `to avoid delays` is left, as it tells what for."""
    if found["front"] is not None:
        return f"{found['front']}not"
    return f"not {found['passive'] or ''}".rstrip()


def key_of_letters(part: str, asked: Collection[str]) -> list[str] | None:
    """The key of a text of a few plain letters, in which nothing but its words is to be read.

    Args:
        part: The text.
        asked: The words of the prompt.

    Returns:
        The same as `Answer.key`; `None` for a text in which there may be more.
    """
    if len(part) > _LONGEST_OF_LETTERS or not _LETTERS.fullmatch(part) or "nswer" in part.lower():
        return None
    folded = dates.days_in_full(part).lower()
    if measures.may_be_reworded(folded) and measures.in_english(folded) != folded:
        return None
    return text.without_ornaments(as_number(words_of(folded), asked))
