"""Measures, times and spans in the words of other languages, brought to those of English.

The words are those of `languages.json`; here is where they stand in a text.
"""

import re
from collections.abc import Collection, Sequence
from functools import cache, lru_cache

from nemoguardrails_trust.agreement import clocks, languages, number_words, text
from nemoguardrails_trust.agreement.languages import LETTER, known_words

_LONGEST = 400
"""Characters of a text whose words are looked at; a longer one is prose."""
_BARE = 24
"""Characters of an answer that is little more than a span of time."""
_BEHIND_NUMBER = re.compile(rf"(\d[\d.,]{{0,20}}\s?)((?:(?:d')?{LETTER}{{2,24}}\.?\s?){{1,3}})")
_CJK = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_DECIMAL = re.compile(r"(\d{1,3}),(\d{1,2})(?!\d)")
_ROMAN = {
    "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10,
    "xi": 11, "xii": 12, "xiii": 13, "xiv": 14, "xv": 15, "xvi": 16, "xvii": 17, "xviii": 18,
    "xix": 19, "xx": 20, "xxi": 21,
}  # fmt: skip
_CENTURY = re.compile(
    r"\b(\d{1,2}|[ivx]{1,5})(\.|th|st|nd|rd|eme|er|e|o|-и|-го|-м|-ом|-е)?\s?([^\W\d_]{3,12})\b"
)
_SHORT_CENTURY = re.compile(r"\b([ivx]{1,5})\sвв?\b\.?")
_CENTURY_IN_WORDS = re.compile(r"(?<!\w)((?:[^\W\d_]{3,20}[- ]){1,3})([^\W\d_]{3,12})\b")
_LONGEST_ORDINAL = 3
_DAYS = {word: day for day, word in enumerate(number_words.ORDINALS)}
_DAYS |= {"twentieth": 20, "thirtieth": 30}
_FIRST = re.compile("first|second|third")
_ENDINGS = ("th", "th.")
_TENS = {word: 10 * tens for tens, word in enumerate(number_words.TENS, start=2)}
_DAY = rf"(?:(twenty|thirty)[- ])?({'|'.join(_DAYS)})"
_MONTH = "|".join(text.MONTH_NAMES)
_DAY_OF_MONTH = re.compile(rf"\b{_DAY}(?= (?:day )?(?:of )?(?:{_MONTH})\b)")
_MONTH_DAY = re.compile(rf"\b({_MONTH}) (?:the )?{_DAY}\b")
_IN_PLACE = re.compile(rf"\b({'|'.join(number_words.TENS)})-second\b(?= of\b|\W*$)")
_CENTURY_BEHIND = re.compile(r"\b([^\W\d_]{3,12})\s([ivx]{1,5})\b")
_HUNDREDS = re.compile(r"\b(?:the )?(1[0-9]|20)00'?s\b")
_DECADE = {
    "twenties": "1920s", "thirties": "1930s", "forties": "1940s", "fifties": "1950s",
    "sixties": "1960s", "seventies": "1970s", "eighties": "1980s", "nineties": "1990s",
}  # fmt: skip
_DECADES = re.compile(rf"\bthe ({'|'.join(_DECADE)})\b")
_QUARTER = re.compile(
    r"\b(first|second|third|fourth|1st|2nd|3rd|4th) quarter(?: of)?,? (\d{4})\b"
    r"|\b(\d{4})[ -]?q([1-4])\b|\bq([1-4])[ /-]?(\d{4})\b"
)
_ENGLISH_QUARTERS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_FISCAL = re.compile(r"\bfy ?'?(\d{4}|\d{2})\b(?![-/])")
_WEEK = re.compile(
    r"\b(\d{4})-?w(\d{1,2})\b|\b(?:calendar )?(?:week|kw) (\d{1,2})(?: of|,)? (\d{4})\b"
)
_MAY_BE_WEEK = re.compile(r"\d-?w\d|week \d|kw \d")
_MAY_BE_DURATION = re.compile(r"pt?\d")
_DURATION = re.compile(
    r"(?<!\w)p(?=\d|t\d)(?:(\d{1,6})w)?(?:(\d{1,6})d)?"
    r"(?:t(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?)?(?!\w)"
)
_DURATION_UNITS = ("week", "day", "hour", "minute", "second")
_OCLOCK = re.compile(
    r"\b(\d{1,2})(?:[.:](\d{2}))?\s?uhr\b(?:\s(\d{2})\b)?"
    r"|(?<![\d.,:])(\d{1,2})(?:h| h )([0-5]\d)\b(?!\s?m)"
)
_HOUR = re.compile(r"h(?:(?<=\dh)\d|(?<=\d h) \d)")
_NUMBER_NAMES = {
    **dict.fromkeys(
        ("anderthalb", "eineinhalb", "полтора", "полторы", "poltora", "poltorej", "anderhalf",
         "anderhalve", "halvannan", "डेढ"), "1.5"),
    **dict.fromkeys(("zweieinhalb", "ढाई"), "2.5"),
    **dict.fromkeys(("dizaine", "decena", "dezena", "decina"), "10"),
    **dict.fromkeys(
        ("dutzend", "douzaine", "docena", "dozzina", "duzia", "dozijn", "dussin", "tuzin",
         "дюжина", "duzine"), "12"),
    "quinzaine": "15", "vingtaine": "20", "ventina": "20", "trentaine": "30", "centaine": "100",
}  # fmt: skip
_NUMBER_NAME = re.compile(
    r"(?<!\w)(?:(?:ein|eine|une|una|uma|een|ett|jeden) )?"
    rf"(demi[- ]|media |meia |mezza |halbes )?({'|'.join(_NUMBER_NAMES)})(?!\w)(?: de | d')?"
)
_BOUNDS = {
    name.replace("_", " "): bound
    for bound, names in {
        "at least": "mindestens wenigstens au_moins al_menos por_lo_menos almeno pelo_menos"
        " ao_menos minstens minst co_najmniej не_менее не_меньше минимум en_az",
        "at most": "hochstens maximal au_plus au_maximum como_maximo a_lo_sumo al_massimo no_maximo"
        " hoogstens maximaal hogst co_najwyzej не_более не_больше максимум en_fazla",
        "under": "unter weniger_als junger_als moins_de menos_de meno_di minder_dan jonger_dan",
        "over": "uber mehr_als alter_als plus_de mas_de piu_di mais_de meer_dan ouder_dan",
        "until": "bis_zum bis jusqu'au jusqu'a hasta_el hasta fino_al fino_a entro_il entro ate_o"
        " ate tot до do",
        "from": "ab_dem ab a_partir_du a_partir_de a_partir_del desde_el desde dal a_partire_dal"
        " vanaf начиная_с",
        "before": "vor_dem vor avant_le avant antes_del prima_del antes_de voor",
        "after": "nach_dem nach apres_le apres despues_del dopo_il depois_de после",
    }.items()
    for name in names.split()
}  # fmt: skip
_PLAIN = re.compile(r"[\d\W]*")
_OF_NUMBER_NAMES = (
    "halb", "utz", "uz", "oz", "docena", "ussin", "полтор", "дюжин", "taine", "zaine",
    "ecena", "ezena", "ecina", "ventina", "poltor", "derhal", "halvan", "डेढ", "ढाई",
)  # fmt: skip
"""Of each of them, letters that few other words have."""
_SIGNS = ("th ", "first", "second", "third", "ies", "century")
_BOUND = re.compile(rf"(?<!\w)({'|'.join(sorted(_BOUNDS, key=len, reverse=True))})\s(?=\d)")
_YEAR_IN_FRENCH = re.compile(r"\bun an( et demi)?\b")  # which would be the article of English
_BEFORE_DIGIT = re.compile(r"([^\W\d_]+)\s\d")
_ENDS_OF_BOUNDS = frozenset(re.findall(r"[^\W\d_]+", name)[-1] for name in _BOUNDS)
_FROM = re.compile(r"(?<=[^\W\d_] )(?:de |d'|di )")


def may_be_reworded(folded: str) -> bool:
    """Whether `in_english` may change a text in ASCII that has no digits."""
    if "un an" in folded:
        return True
    return len(folded) <= _LONGEST and _may_say_in_words(folded, ascii_only=True)


def in_english(folded: str) -> str:
    """Writes months, units, scales, times and spans of a folded text as English does."""
    if _PLAIN.fullmatch(folded):
        return folded
    short = len(folded) <= _LONGEST
    ascii_only = folded.isascii()
    if short and _may_say_in_words(folded, ascii_only=ascii_only):
        century = any(map(folded.__contains__, _centuries(ascii_only=ascii_only)))
        folded = _in_words(_ordinals(folded, century=century), century=century)
    if "un an" in folded:
        folded = _YEAR_IN_FRENCH.sub(lambda found: "1.5 year" if found[1] else "1 year", folded)
    if not text.has_digits(folded):
        return folded
    folded = languages.english_months(folded)
    if not short:
        return folded
    folded = _times(_quarters(folded))
    if not _ENDS_OF_BOUNDS.isdisjoint(_BEFORE_DIGIT.findall(folded)):
        folded = _BOUND.sub(lambda found: f"{_BOUNDS[found[1]]} ", folded)
    folded = _era_names().sub(_era, folded)
    return _BEHIND_NUMBER.sub(_unit, folded)


def _may_say_in_words(folded: str, *, ascii_only: bool) -> bool:
    """Whether `_ordinals` or `_in_words` may change a text."""
    if ascii_only:
        return any(map(_may_be_in_words, folded.split()))
    signs = _signs_of_words(ascii_only=False)
    return any(map(folded.__contains__, signs)) or folded.endswith(_ENDINGS)


@lru_cache(maxsize=4096)
def _may_be_in_words(word: str) -> bool:
    """Whether a word may be one of those for which a text in ASCII is to be read by them."""
    inside, starts, ends = _signs_of_a_word()
    return word.endswith(ends) or word.startswith(starts) or any(map(word.__contains__, inside))


@cache
def _signs_of_a_word() -> tuple[Sequence[str], tuple[str, ...], tuple[str, ...]]:
    """What such a word has in it, how it starts, and how it ends."""
    signs = _signs_of_words(ascii_only=True)
    ends = (sign.split(" ")[0] for sign in signs if " " in sign[1:])
    return (
        tuple(sign for sign in signs if " " not in sign),
        tuple(sign[1:] for sign in signs if sign[0] == " "),
        (*ends, *_ENDINGS),
    )


@cache
def _signs_of_words(*, ascii_only: bool) -> Sequence[str]:
    centuries = _centuries(ascii_only=ascii_only)
    signs = (*centuries, *_OF_NUMBER_NAMES, *clocks.SIGNS, *_SIGNS)
    return _shortest(signs, ascii_only=ascii_only)


def _in_words(folded: str, *, century: bool) -> str:
    """Reads names for numbers, decades and centuries, where it may name one of these."""
    if any(map(folded.__contains__, _OF_NUMBER_NAMES)):
        folded = _NUMBER_NAME.sub(_number_name, folded)
    folded = clocks.in_digits(folded)
    if "ies" in folded:
        folded = _DECADES.sub(lambda found: _DECADE[found[1]], folded)
    if century or "century" in folded:
        folded = _CENTURY_BEHIND.sub(_century_behind, folded)
        folded = _CENTURY.sub(_century, folded)
    return folded


def _ordinals(folded: str, *, century: bool) -> str:
    """Reads ordinals in words, and centuries that go by one, where it may name one of these."""
    if (
        "th " in folded
        or "first" in folded
        or "second" in folded
        or "third" in folded
        or folded.endswith(_ENDINGS)
    ):
        folded = _days(folded)
    is_english = folded.isascii() and (" the " in folded or " of " in folded)
    if century and not is_english:
        folded = _CENTURY_IN_WORDS.sub(_century_in_words, _SHORT_CENTURY.sub(_in_short, folded))
    return folded


def _days(folded: str) -> str:
    """`the twenty-first of june` as `the 21 of june`, and `thirty-second` as a place."""
    if "-second" in folded:
        folded = _IN_PLACE.sub(lambda found: f"{_TENS[found[1]] + 2}", folded)
    if any(map(folded.__contains__, text.MONTH_NAMES)):
        folded = _DAY_OF_MONTH.sub(lambda found: _day(found[1], found[2]), folded)
        folded = _MONTH_DAY.sub(lambda found: f"{found[1]} {_day(found[2], found[3])}", folded)
    return folded


def _day(tens: str | None, ones: str) -> str:
    return str(_TENS.get(tens or "", 0) + _DAYS[ones])


@cache
def _centuries(*, ascii_only: bool) -> Sequence[str]:
    """What a text has that may name a century; in ASCII, fewer names come into question."""
    names = [name for name, unit in known_words().units.items() if unit == "century"]
    written = [name for name in (*names, "в") if " " not in name.strip()]
    return _shortest(written, ascii_only=ascii_only)


def _shortest(parts: Collection[str], *, ascii_only: bool) -> Sequence[str]:
    """Those that hold no other: whatever holds `arhundrade` holds `arh`, too."""
    found: list[str] = []
    for part in sorted(parts, key=len):
        may_occur = part.isascii() or not ascii_only
        if may_occur and not any(other in part for other in found):
            found.append(part)
    return tuple(found)


def _in_short(found: re.Match[str]) -> str:
    return f"{_ROMAN[found[1]]}th century" if found[1] in _ROMAN else found[0]


def _century_in_words(found: re.Match[str]) -> str:
    """`le dix-neuvieme siecle` as `le 19th century`."""
    if known_words().units.get(found[2]) != "century":
        return found[0]
    words = re.split("[- ]", found[1].rstrip("- "))
    for count in range(min(_LONGEST_ORDINAL, len(words)), 0, -1):
        number = known_words().ordinals.get("".join(words[-count:]))
        if number is not None:
            before = "".join(f"{word} " for word in words[:-count])
            return f"{before}{number}th century"
    return found[0]


def _number_name(found: re.Match[str]) -> str:
    number = _NUMBER_NAMES[found[2]]
    if found[1]:
        number = text.plain_number(f"{float(number) / 2}")
    return number + " " * (found.end() > found.end(2))


@cache
def _eras() -> dict[str, str]:
    """The eras by their names without spaces behind full stops."""
    eras: dict[str, str] = {}
    for name, era in known_words().eras.items():
        eras.setdefault(_closed_up(name), era)
    return eras


@cache
def _era_names() -> re.Pattern[str]:
    names = sorted(known_words().eras, key=len, reverse=True)
    written = (re.escape(_closed_up(name)).replace(r"\.", r"\.\s?") for name in names)
    return re.compile(rf"(?<=\d)\s?({'|'.join(written)})(?!\w)\.?")


def _era(found: re.Match[str]) -> str:
    era = _eras().get(_closed_up(found[1]))
    return found[0] if era is None else f" {era}"


def _closed_up(name: str) -> str:
    return re.sub(r"\.\s*", ".", name)


def _quarters(folded: str) -> str:
    if "q" in folded:
        folded = _QUARTER.sub(_quarter, folded)
    known = known_words().quarters
    head, _, year = folded.strip(" .").rpartition(" ")
    if len(year) == 4 and year.isdecimal():
        words = head.split()
        while words and words[-1] in ("de", "des", "del", "von", "of"):
            words.pop()
        quarter = known.get(" ".join(words))
        if quarter is not None:
            return f"q{quarter} {year}"
    return folded


def _quarter(found: re.Match[str]) -> str:
    if found[1]:
        return f"q{_ENGLISH_QUARTERS.get(found[1]) or found[1][0]} {found[2]}"
    return f"q{found[4] or found[5]} {found[3] or found[6]}"


def _times(folded: str) -> str:
    if "00" in folded and len(folded) <= _BARE:  # `the early 1900s` may be the decade
        folded = _HUNDREDS.sub(lambda found: f"{int(found[1]) + 1}th century", folded)
    if "w" in folded and _MAY_BE_WEEK.search(folded):
        folded = _WEEK.sub(
            lambda found: f"week {int(found[2] or found[3])} {found[1] or found[4]}", folded
        )
    if _MAY_BE_DURATION.search(folded):
        folded = _DURATION.sub(_duration, folded)
    if "fy" in folded:
        folded = _FISCAL.sub(lambda found: f"fiscal year {_full_year(found[1])}", folded)
    if "uhr" in folded or _HOUR.search(folded):
        folded = _OCLOCK.sub(_oclock, folded)
    return folded


def _full_year(year: str) -> str:
    return year if len(year) == 4 else f"20{year}"


def _oclock(found: re.Match[str]) -> str:
    hour, minute = found[1] or found[4], found[2] or found[3] or found[5] or "00"
    return f"{hour}:{minute}"


def _duration(found: re.Match[str]) -> str:
    """`pt1h30m` as `1 hour 30 minute`."""
    parts = zip(found.groups(), _DURATION_UNITS, strict=True)
    written = " ".join(f"{number} {unit}" for number, unit in parts if number)
    return written or found[0]


def _century(found: re.Match[str]) -> str:
    """`19. jahrhundert` as `19th century`; of `19 jahrhunderte` a span is left."""
    number, ending, word = found.groups()
    is_century = known_words().units.get(word) == "century" or word == "century"
    if not is_century or not (number.isdecimal() or number in _ROMAN):
        return found[0]
    if number.isdecimal() and not ending and (word == "century" or word.endswith("e")):
        return found[0]
    return f"{_ROMAN.get(number, number)}th century"


def _century_behind(found: re.Match[str]) -> str:
    if found[2] not in _ROMAN or known_words().units.get(found[1]) != "century":
        return found[0]
    return f"{_ROMAN[found[2]]}th century"


def _unit(found: re.Match[str]) -> str:
    """A number with what stands behind it: its scale, its unit and its era."""
    number, words = found[1], found[2]
    if _CJK.search(words):
        return _unit_in_signs(number, words)
    known = known_words()
    rest = _FROM.sub("", words).split(" ") if "d" in words else words.split(" ")
    scale = ""
    for count in (2, 1):
        name = " ".join(rest[:count]).rstrip(". ")
        if name in known.scales:
            scale, rest = known.scales[name], rest[count:]
            break
    for count in (3, 2, 1):
        name = " ".join(rest[:count]).rstrip(". ")
        unit = known.units.get(name)
        if unit is not None and len(rest) >= count:
            rest = [unit, *rest[count:]]
            break
    else:
        if not scale:
            return found[0]
    number = _DECIMAL.sub(r"\1.\2", number)
    end = " " if words.endswith(" ") else ""
    return " ".join(filter(None, (number.strip(), scale, *rest))) + end


def _unit_in_signs(number: str, words: str) -> str:
    """The same in a script without spaces, where the unit is the longest start of the words."""
    known = known_words()
    for end in range(min(12, len(words)), 0, -1):
        name = words[:end].strip()
        unit = known.units.get(name) or known.scales.get(name)
        if unit is not None:
            return f"{number.strip()} {unit} {words[end:].strip()}".rstrip()
    return f"{number}{words}"
