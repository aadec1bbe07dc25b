"""How much, how often and at what time of day, in the words of other languages.

`deux heures et demie` is 2.5 hours, `drei Mal am Tag` three times a day, `a las tres de la tarde`
15:00.
"""

from fractions import Fraction

from nemoguardrails_trust.agreement import languages, text, units
from nemoguardrails_trust.agreement.languages import known_words

_ARTICLES = (["a"], ["an"])
_BEFORE_A_SPAN = text.word_set("in within after lasts lasting last takes taking take")
"""Behind which an article in front of a unit of time is a number."""
_NO_COUNTS = text.word_set("to on en et ni ti")
"""Number words that by themselves are no numbers in front of a unit."""
_NO_ENGLISH_COUNTS = (
    _NO_COUNTS | languages.ENGLISH_TOO | text.word_set("due fire hat kirk lima pat pet sex")
)
"""The same in front of a unit that is spelled as in English."""
_ONE_BEHIND = frozenset(("واحد", "واحدة", "אחד", "אחת"))
"""Which stand behind what there is one of."""
_ONE = text.word_set("a an ein eine einen einer un une una uno uma um en ett et een ena")
_AND = text.word_set("and und et y e en och og i и с și si e o un ve")
_PER = text.word_set("pro por par")
"""Between two units: `5 mg pro kg`."""
_LONGEST_PHRASE = 4
_OCLOCK = text.word_set(
    "uhr h heures heure horas hora hores ore часа часов час godzina godzinie godziny oclock"
    " clockface uur बजे gio timen orakor"
)
"""Behind the number of a time of day."""
_AT = text.word_set(
    "at um a la las les alle as om o в kl klockan klo saat jam pukul στις la ora ore"
)
"""In front of it."""
_HALF_A_DAY = 12


_AND_IN_IT = frozenset(("bucuk", "ونصف", "וחצי"))
_ALL_OF = frozenset((("toutes", "les"), ("tous", "les"), ("om", "de")))


def counted(words: list[str]) -> list[str]:
    """Puts digits for number words of another language in front of a unit: `deux ans` as `2 year`.

    The unit may be spelled as in English (`deux minutes`), but not the number (`six minutes`).
    """
    known = known_words()
    if known.counted.isdisjoint(words):
        return words
    if not known.period_ends.isdisjoint(words):
        words = _in_hours(words)
    written: list[str] = []
    for word in words:
        unit = known.units.get(word)
        if word in known.wholes:
            written += known.wholes[word]
        elif word in _ONE_BEHIND and written and written[-1] in known.units:
            written[-1:] = ["1", known.units[written[-1]]]
        elif unit is not None or word in units.UNITS:
            _put_unit(written, word, unit)
        elif word in known.times:
            _put_times(written, word)
        elif word not in known.halves or not _add_half(written):
            written.append(word)
        if word in known.share_ends:
            _put_share(written)
    if written[:1] == ["per"] and len(written) > 3 and text.is_number(written[2]):
        return [*written[2:], *written[:2]]
    return written


def _put_unit(words: list[str], word: str, unit: str | None) -> None:
    """Puts a unit behind words, the number in front of it in digits.

    Elsewhere than behind a number, it may be a name, as `Dias`.
    """
    if len(words) > 1 and words[-1] in _PER and not units.is_time(unit or word):
        words[-1] = "per" if units.is_unit(words[-2]) else words[-1]
    is_half = bool(words) and words[-1] in known_words().halves
    if is_half and not (len(words) > 1 and text.is_number(words[-2])):
        _put_half(words, word)
    else:
        _put_digits(words, word)
    is_counted = bool(words) and text.is_number(words[-1])
    place = len(words) - 1 - is_counted
    if place >= 0 and units.is_time(unit or word):
        if words[place] in known_words().every:
            words[place], is_counted = "every", True
        elif tuple(words[place - 1 : place + 1]) in _ALL_OF:
            words[place - 1 : place + 1] = ["every"]
    words.append(unit if unit and is_counted else word)


def _put_half(words: list[str], unit: str) -> None:
    """Puts digits for `eine halbe`, `iki buçuk` and `два с половиной`, which words end with."""
    has_and = words.pop() in _AND_IN_IT
    if words and words[-1] in _AND and not has_and:
        has_and = True
        words.pop()
    if has_and:
        _put_digits(words, unit)
        if words and text.is_number(words[-1]):
            words[-1] = _more(words[-1])
            return
    if words and words[-1] in _ONE:
        words.pop()
    words.append("0.5")


def _add_half(words: list[str]) -> bool:
    """Whether words end with a measure to which a half is added: `1 year et`, `demi`."""
    end = len(words)
    while end > 1 and (words[end - 1] in _AND or words[end - 1] in _ONE):
        end -= 1
    if end == 1 < len(words) and words[1] in _AND and words[0] in known_words().units:
        unit = known_words().units[words[0]]  # `ano y medio`
        words[:] = ["1.5", unit] if units.is_time(unit) else words
        return units.is_time(unit)
    measured = end > 1 and text.is_number(words[end - 2]) and units.is_unit(words[end - 1])
    if not measured:
        return False
    words[end - 2 :] = [_more(words[end - 2]), words[end - 1]]
    return True


def _more(number: str) -> str:
    return text.plain_number(f"{float(number) + 0.5:.6f}")


def _put_digits(words: list[str], unit: str) -> None:
    """Puts digits for the number words that the words in front of a unit end with."""
    if words[-1:] in _ARTICLES and not _BEFORE_A_SPAN.isdisjoint(words[-2:]):
        # In `within a second attempt` it is no unit.
        words[-1] = "1" if units.is_time(unit) and unit != "second" else words[-1]
    prefixes = known_words().prefixes
    if not words or words[-1][: languages.PREFIX] not in prefixes:
        return
    excepted = _NO_ENGLISH_COUNTS if unit in units.UNITS else _NO_COUNTS
    for start in range(max(0, len(words) - languages.LONGEST_RUN), len(words)):
        run = words[start:]
        if run[0][: languages.PREFIX] in prefixes and not (len(run) == 1 and run[0] in excepted):
            value = next(languages.values("".join(run)), None)
            if value is not None:
                words[start:] = [str(value)]
                return


def _put_times(words: list[str], word: str) -> None:
    """Puts `times` behind a number; `una vez` may be `once`, unless it tells how often."""
    if words and words[-1] not in _ONE:
        _put_digits(words, word)
    words.append("times" if words and text.is_number(words[-1]) else word)


def _put_share(words: list[str]) -> None:
    """Puts `per day` for `am Tag`, where words tell how much or how often."""
    known = known_words()
    for size in range(min(_LONGEST_PHRASE, len(words)), 0, -1):
        span = known.shares.get(tuple(words[-size:]))
        if span is None:
            continue
        before = words[:-size]
        if before[-2:-1] and before[-2] in _ONE and before[-1] in known.times:
            before[-2:] = ["1", "times"]
        elif before[-1:] == ["einmal"]:
            before[-1:] = ["1", "times"]
        if not before or any(map(text.is_number, before)):
            words[:] = [*before, "per", span]
        return


def _in_hours(words: list[str]) -> list[str]:
    """Puts `15 oclock` for `three in the afternoon`, `um 3 Uhr nachmittags` and their like."""
    known = known_words()
    for place, word in enumerate(words):
        if word not in known.period_ends:
            continue
        for size in range(min(_LONGEST_PHRASE, place + 1), 0, -1):
            half = known.periods.get(tuple(words[place + 1 - size : place + 1]))
            if half is not None:
                return _with_hour(words, place + 1 - size, place + 1, half) or words
    return words


def _with_hour(words: list[str], start: int, end: int, half: str) -> list[str] | None:
    """Words with the hour in front of a part of the day, or behind it, in the count of 24."""
    first, last = start, start  # of the number in front
    if first and words[first - 1] in _OCLOCK:
        first -= 1
    hour = _hour(words[first - 1]) if first else None
    if hour is not None:
        first -= 1
        said_at = first > 0 and words[first - 1] in _AT
        is_time = end - start > 1 or last - first > 1 or said_at
        rest = end
    else:
        first, rest = start, end
        if words[rest : rest + 1] and words[rest] in _AT:
            rest += 1
        hour = _hour(words[rest]) if rest < len(words) else None
        behind = words[rest + 1 : rest + 2]
        is_time = rest > end or bool(behind and behind[0] in _OCLOCK)
        rest += 1 + bool(behind and behind[0] in _OCLOCK)
    if hour is None or not is_time:
        return None
    while first and words[first - 1] in _AT:
        first -= 1
    hour %= _HALF_A_DAY
    if half == "pm" or (half == "night" and hour >= _HALF_A_DAY / 2):
        hour += _HALF_A_DAY
    return [*words[:first], text.plain_number(f"{float(hour):.4f}"), "oclock", *words[rest:]]


def _hour(word: str) -> Fraction | None:
    """The hour that a word names, up to twelve."""
    if text.is_number(word):
        hour = Fraction(word)
    else:
        value = next(languages.values(word), None) if word not in _ONE | _AT else None
        hour = Fraction(-1 if value is None else value)
    return hour if 0 < hour < _HALF_A_DAY + 1 else None
