"""Numbers in words brought to digits: `twenty one thousand` as `21000`."""

from collections.abc import Sequence
from fractions import Fraction

from nemoguardrails_trust.agreement import frequencies
from nemoguardrails_trust.agreement.text import is_number, plain_number


def _words(table: str) -> list[str]:
    return table.split()


_ONES = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
TENS = _words("twenty thirty forty fifty sixty seventy eighty ninety")
ORDINALS = _words(
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)
_SMALL: dict[str, int] = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: 10 * value for value, word in enumerate(TENS, start=2)},
    **{word: value for value, word in enumerate(ORDINALS) if word != "second"},
    **{f"{word[:-1]}ieth": 10 * value for value, word in enumerate(TENS, start=2)},
}
_SCALES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "hundreds": 10**2, "thousands": 10**3, "millions": 10**6, "billions": 10**9,
    "hundredth": 10**2, "thousandth": 10**3, "mn": 10**6, "bn": 10**9, "dozen": 12,
    "crore": 10**7, "lakh": 10**5,
}  # fmt: skip
NUMBER_WORDS = frozenset((*_SMALL, *_SCALES, "half"))
_LARGE = {word: size for word, size in _SCALES.items() if size >= 1000}
_PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixths": 6, "sevenths": 7, "eighth": 8, "eighths": 8, "ninths": 9,
    "tenth": 10, "tenths": 10,
}  # fmt: skip
_AND_A_PART = frozenset(("a", part) for part in ("half", "quarter", "third"))
_MINUS = frozenset(("minus", "negative"))
_LAST_ROMAN = {"i": "1", "v": "5", "x": "10"}
# As in `Henry VIII` and `World War II`; those that are letters or words too are left out.
_ROMAN = {
    "ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9", "xi": "11",
    "xii": "12", "xiii": "13", "xiv": "14", "xv": "15", "xvi": "16", "xvii": "17", "xviii": "18",
    "xix": "19", "xx": "20",
}  # fmt: skip
READ = NUMBER_WORDS.union(frequencies.IN_WORDS, _MINUS, _PARTS, _ROMAN, _LAST_ROMAN)
"""Words of which a text has one if numbers are read in it, or two words such as `a kilo`."""


def join_number_words(words: Sequence[str]) -> list[str]:
    """Puts digits for spelled-out numbers: `twenty one thousand` becomes `21000`."""
    if READ.isdisjoint(words) and (len(words) != 2 or words[0] not in frequencies.ONE):
        return list(words)
    words = frequencies.in_digits(words)
    if len(words) > 1 and words[0] == "a" and words[1] in _PARTS and words[2:3] in ([], ["of"]):
        part = _written(Fraction(1, _PARTS[words[1]]))
        return [part, *words[2:]]
    if not _ROMAN.keys().isdisjoint(words):
        first = words[:1] if len(words) > 1 else []  # it may be an initial
        words = [*first, *(_ROMAN.get(word, word) for word in words[len(first) :])]
    if len(words) > 1 and words[-1] in _LAST_ROMAN:
        words = [*words[:-1], _LAST_ROMAN[words[-1]]]
    if _MINUS.isdisjoint(words) and NUMBER_WORDS.isdisjoint(words):
        return list(words)
    joined: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        digits = is_number(word)
        if word in _SMALL or ((digits or word == "a") and _has_scale(words, place + 1)):
            number, place = _read_number(words, place)
            joined.append(number)
        elif digits:
            place += 1
            if word[0] != "-" and place + 1 < len(words) and words[place + 1] in _LARGE:
                # `$1.5 million` comes as 1.5, dollar, million.
                scale = _LARGE[words[place + 1]]
                joined += [_written(Fraction(word) * scale), words[place]]
                place += 2
                continue
            joined.append(word)
        elif word == "half" and len(words) == 1:
            return ["0.5"]
        else:
            joined.append(word)
            place += 1
            continue
        if len(joined) > 1 and joined[-2] in _MINUS and not joined[-1].startswith("-"):
            joined[-2:] = [f"-{joined[-1]}"]
    return joined


def _has_scale(words: Sequence[str], place: int) -> bool:
    return place < len(words) and words[place] in _SCALES


def _read_number(words: Sequence[str], place: int) -> tuple[str, int]:
    total: int | Fraction = 0
    group: int | Fraction = 0
    previous = None
    while place < len(words):
        word = words[place]
        if word in _SCALES and previous is not None:
            scale = _SCALES[word]
            if scale <= 100:
                group *= scale
            else:
                total, group = total + group * scale, 0
            previous = "scale"
        elif word == "and" and previous == "scale" and _is_small(words, place + 1):
            pass
        elif word in _SMALL and _may_follow(previous, _SMALL[word]):
            group += _SMALL[word]
            previous = "tens" if _SMALL[word] >= 20 else "ones"
        elif word in _SMALL and not total and 10 <= group < 100 and _SMALL[word] >= 10:
            group = 100 * group + _SMALL[word]  # a year, as in nineteen eighty-four
            previous = "tens" if _SMALL[word] >= 20 else "ones"
        elif word in _PARTS and previous == "ones":
            group, previous = Fraction(group) / _PARTS[word], "part"
        elif word == "and" and tuple(words[place + 1 : place + 3]) in _AND_A_PART:
            group += Fraction(1, _PARTS[words[place + 2]])
            place, previous = place + 2, "part"
        elif previous is None or (previous == "scale" and is_number(word) and "." not in word):
            group += 1 if word == "a" else Fraction(word)
            previous = "digits"
        else:
            break
        place += 1
    return _written(total + group), place


def _is_small(words: Sequence[str], place: int) -> bool:
    return place < len(words) and (words[place] in _SMALL or is_number(words[place]))


def _may_follow(previous: str | None, value: int) -> bool:
    return previous in (None, "scale") or (previous == "tens" and 0 < value < 10)


def _written(number: int | Fraction) -> str:
    if number.denominator == 1:
        return str(number.numerator)
    try:
        return plain_number(f"{float(number):.9f}")
    except OverflowError:  # beyond all floating-point numbers
        return str(round(number))
