"""Text brought to a form in which writing the same thing differently makes no difference."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from nemoguardrails_trust.agreement.scripts import SIGNS_ON_LETTERS, plain_kana, plain_script

WINDOW = 8_000
"""Longest text that is read whole, in characters; of a longer one its two ends are read."""

_MOST_WORDS = 1_000


def word_set(words: str) -> frozenset[str]:
    """The words of a string, as a set."""
    return frozenset(words.split())


ARTICLES = frozenset(("a", "an", "the"))
TITLES = word_set(
    """
    admiral archbishop baron baroness bishop capt captain cardinal col colonel count countess
    dame doctor dr duchess duke earl emperor empress father fr gen general gov governor hon
    honorable honourable judge justice king lady lieutenant lord lt madam madame major miss mister
    monsieur mr mrs ms mx pope pres president prince princess prof professor queen rep
    representative rev reverend sen senator sergeant sgt sir sister
    """
)
SUFFIXES = word_set("cbe dbe esq jr kbe mbe md obe phd sr")
_ORNAMENTS = ARTICLES | TITLES | SUFFIXES
STOP_WORDS = word_set(
    """
    about actually after all also am among an and answer are as at be been before being both but
    by called can could did do does during each final for from had has have he her here hers him
    his how i if in into is it its itself just known like made may me might more most much my
    named of on one only or other our out over own s same shall she should so some such than that
    the their them then there these they this those through thus to too under until up upon us
    very was we well were what when where whether which while who whom whose why will with would
    you your a think believe guess sure
    """
)
_VERBS = word_set("is are was were has had have does did can could would should")
"""The verbs that stand in a sentence, however short, and in no name."""
_SENTENCE = 6

CAPITALISED = re.compile(r"[A-ZÀ-Þ](?<!\w.)[\w'’]*")
_ASIDE = re.compile(r"(?:(?<=\s)|^)[(\[](?=[^()\[\]]*?[a-z]{2})[^()\[\]]*(?:[)\]]|$)")
_PLAIN_PROSE = re.compile(r"[A-Za-z ,.;:!?'\"\n-]{1,1000}")
_GAP = re.compile(r"\s{8,}")
# Accents, and the points that Arabic, Hebrew and Hindi go with and without.
_MARKS = re.compile("[\u0300-\u036f\u093c\u0591-\u05c7\u0640\u064b-\u065f\u0670]+")
_LETTERS = str.maketrans(
    {
        "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "AE",
        "œ": "oe", "Œ": "OE", "ı": "i", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
        "‘": "'", "’": "'", "ʼ": "'", "′": "'", "`": "'", "“": '"', "”": '"', "„": '"',
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-", "⁄": "/", "∕": "/",
        "\u066b": ".", "\u066c": ",", "\u0901": "\u0902",
        "\u00ad": None, "\u200b": None, "\u200c": None, "\u200d": None, "\ufeff": None,
    }
)  # fmt: skip
_INITIAL = re.compile(r"[.*](?<=\b[a-z][.*])")
_INITIALS = re.compile(r"\b(?:[a-z]\. ?){2,}|\b(?:[a-z][.*]){2,}[a-z]\b")
_VULGAR = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8", "⅜": "3/8",
           "⅝": "5/8", "⅞": "7/8", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5"}  # fmt: skip
_MIXED_SIGN = re.compile(r"(?<=\d)\s?([½⅓⅔¼¾⅛⅜⅝⅞⅕⅖⅗⅘])")
_MIXED = re.compile(r"(?<![\w./])(\d{1,9}) (\d{1,2})/(\d{1,2})(?![\w/])")
_SEPARATED = re.compile(r"\d[.,' ]\d")
_DECIMAL_COMMA = re.compile(
    r"(?<![\w.,'])(?:(\d{1,3}(?:[.' ]\d{3})+),(\d{1,2})|(\d{4,}|0),(\d+)"
    r"|(\d{1,3}),(\d{1,2})(?=\s?(?:[€%$£]|(?:eur|euro|euros|kg|g|mg|km|m|cm|mm|l|ml|kwh|uhr|prozent|liter|meter|gramm?|kilos?|grad|watt|gb|mb|tb)\b))"
    r"|(?<=[€$£])(\d{1,3}),(\d{1,2}))"
    r"(?![\w]*,?\d)"
)
# Sums in euros have no three decimals, as prices in dollars may have.
_EURO_GROUPS = re.compile(
    r"(?<![\w.,'])\d{1,3}\.\d{3}(?=\s?(?:€|eur\b|euros?\b))|(?<=€)\d{1,3}\.\d{3}(?![\w.,']*\d)"
)
_CURRENCY_BEFORE = re.compile(
    r"\b(aud|cad|chf|cny|dkk|eur|gbp|inr|jpy|nok|rmb|sek|usd) ?(-?\d[\d.,']*)(?! ?\d)"
)
_OTHER_GROUPS = re.compile(
    r"(?<![\w.,'])\d{1,3}(?:'\d{3})+(?=\.\d{1,2}(?!\d))|"
    r"(?<![\w.,'])(?:\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:'\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?![\w.,']*\d)"
)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])(?<!\d )\d{1,3}(?: \d{3})+(?! ?\d)")
_DOUBLED_POINT = re.compile(r"(?<=\d)\.{2,}(?=\d)")
_WORD = (
    # Scripts without spaces go by the character.
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]"
    # don't, o'brien, c++; in Indian scripts, vowels are signs on letters.
    rf"|[^\W\d_](?:[^\W\d_]|[{SIGNS_ON_LETTERS}]|'(?=[^\W\d_]))*(?:[+#]+(?!\w))?"
    r"|[%$£€¥]"
)
_NUMBER = (
    r"(?:(?<![\w)\]])-(?=[$£€]?\d|[$£€]?\.\d))?[$£€¥]?(?:\d+(?:\.\d+)?|\.\d+)"
    r"(?:e[-+]?\d{1,2}(?![^\W_]))?"  # -$3.50
)
_TOKEN = re.compile(f"{_NUMBER}|{_WORD}")
_WORD_TOKEN = re.compile(_WORD)
# The same, faster, and faster still without signs.
_IN_ASCII = r"[a-z]+(?:'[a-z]+)*(?:[+#]+(?!\w))?|[%$]"
_ASCII_TOKEN = re.compile(f"{_NUMBER}|{_IN_ASCII}")
_ASCII_WORD = re.compile(_IN_ASCII)
_SIGN_OF_A_WORD = re.compile("['+#%$]")
_LETTERS_ALONE = re.compile("[a-z]+")
_DIGIT = re.compile(r"\d")
_ASCII_DIGIT = re.compile("[0-9]")  # the same, faster
_FRACTION = re.compile(r"(?<![\w/.])(\d{1,9})/(\d{1,9})(?![\w/])")
_PER = re.compile(
    r"(\d ?(?:k?m|miles?|mi|ft|feet|[km]?g|mcg|m?l|litres?|liters?|[kmgt]b|gallons?)) ?/ ?"
    r"(s|sec|second|min|minute|h|hr|hour|day|week|month|year|kg|d?l|ml)\b"
    r"(?: ?/ ?(s|sec|second|min|minute|h|hr|hour|d|day|week)\b)?"
)
_SHORT_SPANS = {"s": "second", "d": "day"}
_CLOCK = re.compile(r"\b(\d{1,2})(?:[:.]([0-5]\d))?\s?([ap])(?:m\b|\.\s?m\b\.?)")
_CLOCK_24 = re.compile(r"(?<![\d:.,])([01]?\d|2[0-3]):([0-5]\d)(?![\d:]|[.,]\d)()")
_LONGEST_TIMETABLE = 200
_RATIO = re.compile(r"\b(?:ratio|aspect|scale|odds|score|verse|chapter)")
_MONTH_YEAR = re.compile(r"(?<![\d/.-])(0[1-9]|1[0-2])/((?:19|20)\d\d)(?![\d/])")
_ISO_DATE = re.compile(r"\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b")
MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOMENTS = word_set(
    "weekdays weekends week weekend month quarter year spring summer autumn fall winter morning"
    " afternoon evening night semester season"
).union(MONTH_NAMES, WEEK)
"""Words for days and months, and for spans of them that are told from today."""
_CURRENCIES = "$£€¥"
_SIGNS = {"%": "percent", "$": "dollar", "£": "pound", "€": "euro", "¥": "yen"}
_PLAIN = {**_SIGNS, "percentage": "percent", "colour": "color", "st": "saint", "bce": "bc"}
_NOT_PLAIN = frozenset(_PLAIN)
_ORDINAL_ENDINGS = frozenset(("st", "nd", "rd", "th"))


def fold(text: str) -> str:
    """Takes away case, accents, typographic quotes and dashes, and invisible characters."""
    if text.isascii():
        return text.lower()
    text = plain_script(spaced_fractions(text))
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS)).translate(_LETTERS)
    return plain_kana(_MARKS.sub("", text).casefold())


def spaced_fractions(text: str) -> str:
    """Puts `1 1/2` for `1½`, which would otherwise become `11/2`."""
    return _MIXED_SIGN.sub(lambda found: f" {_VULGAR[found[1]]}", text)


def window(text: str) -> str:
    """The text, or the two ends of one that is too long to read whole; long gaps are closed."""
    if len(text) > WINDOW:
        half = WINDOW // 2
        text = f"{text[:half]}\n{text[-half:]}"
    if "  " not in text and text.isprintable():  # of what is printable, only a space is one
        return text
    return _GAP.sub(lambda gap: "\n" if "\n" in gap[0] else " ", text)


def is_plain_prose(text: str) -> bool:
    """Whether a text of some sentences has but the letters of English and the usual signs."""
    return _PLAIN_PROSE.fullmatch(text) is not None


def without_asides(text: str) -> str:
    """A text without what stands in brackets and has words."""
    return _ASIDE.sub(" ", text) if "(" in text or "[" in text else text


def fewer_words(folded: str) -> str:
    """The two ends of a folded text that has more words than prose has in a `window`."""
    if len(folded) <= _MOST_WORDS:
        return folded
    folded = folded[: 2 * WINDOW]
    count = len(_TOKEN.findall(folded))
    if count <= _MOST_WORDS:
        return folded
    half = len(folded) * _MOST_WORDS // (2 * count)
    return f"{folded[:half]}\n{folded[-half:]}"


def join_thousands(folded: str) -> str:
    """Takes the separators out of `1,000`, `1 000`, `1.000,50` and their like."""
    if _SEPARATED.search(folded) is None:
        return folded
    if "," in folded:
        folded = _DECIMAL_COMMA.sub(_with_point, folded)
    if ("." in folded and "e" in folded) or "€" in folded:
        folded = _EURO_GROUPS.sub(lambda found: found[0].replace(".", ""), folded)
    if "." in folded or "'" in folded or "," in folded:
        folded = _OTHER_GROUPS.sub(lambda found: re.sub(r"\D", "", found[0]), folded)
    if "," in folded:
        folded = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), folded)
    if " " in folded:
        folded = _SPACED_THOUSANDS.sub(lambda found: found[0].replace(" ", ""), folded)
    return folded


def tokens(folded: str) -> list[str]:
    """The words and numbers of a folded text, without punctuation.

    Thousands separators, ordinal endings and possessives are taken off, initials are joined,
    and `%`, `$` and their like become words.
    """
    if "per cent" in folded:
        folded = folded.replace("per cent", "percent")
    if folded.isascii() and folded.replace(" ", "").isalpha():
        found = folded.split()
    else:
        if folded.count(".") + folded.count("*") > 1 and _INITIAL.search(folded):
            folded = _INITIALS.sub(_join_initials, folded)
        if has_digits(folded):
            return _words_and_numbers(folded)
        found = _words(folded)
    if "'" not in folded and _NOT_PLAIN.isdisjoint(found):
        return found
    return [_plain_word(token) if "'" in token else _PLAIN.get(token, token) for token in found]


def _words(folded: str) -> list[str]:
    if not folded.isascii():
        return _WORD_TOKEN.findall(folded)
    return (_ASCII_WORD if _SIGN_OF_A_WORD.search(folded) else _LETTERS_ALONE).findall(folded)


def _words_and_numbers(folded: str) -> list[str]:
    for sign in _CURRENCIES:
        if sign in folded:
            folded = folded.replace(f"{sign}-", f"-{sign}")
    folded = _CURRENCY_BEFORE.sub(r"\2 \1", folded)
    if "am" in folded or "pm" in folded or "a." in folded or "p." in folded:
        folded = _CLOCK.sub(_as_hours, folded)
    if ":" in folded and len(folded) <= _LONGEST_TIMETABLE and _RATIO.search(folded) is None:
        folded = _CLOCK_24.sub(_as_hours, folded)
    if "-" in folded:
        folded = _ISO_DATE.sub(_as_written_date, folded)
    if "/" in folded:
        folded = _MONTH_YEAR.sub(_as_written_month, folded)
        folded = _PER.sub(_in_words, folded)
        folded = _MIXED.sub(_as_mixed, folded)
        folded = _FRACTION.sub(_as_decimal, folded)
    if ".." in folded:
        folded = _DOUBLED_POINT.sub(".", folded)
    found: list[str] = []
    after_digit = False
    pattern = _ASCII_TOKEN if folded.isascii() else _TOKEN
    for token in pattern.findall(join_thousands(folded)):
        first = token[0]
        if "a" <= first <= "z" and not after_digit and "'" not in token:
            found.append(_PLAIN.get(token, token))
        elif (first.isdecimal() or first in "-.$£€¥") and token not in _SIGNS:
            currency = next((c for c in token[:2] if c in _SIGNS), None)
            number = token.replace(currency, "") if currency else token
            found.append(plain_number(number))
            if currency:
                found.append(_SIGNS[currency])
            after_digit = True
        else:
            word = _plain_word(token) if "'" in token else _PLAIN.get(token, token)
            if not (after_digit and token.removesuffix("'s") in _ORDINAL_ENDINGS):
                found.append(word)
            after_digit = False
    return found


def _plain_word(token: str) -> str:
    if "'" in token:
        token = token.removesuffix("'s")
        if not token.endswith("n't"):
            token = token.replace("'", "")
    return _PLAIN.get(token, token)


def plain_number(number: str) -> str:
    """Digits without leading zeros, or trailing ones behind a point."""
    if "e" in number:
        number = f"{Decimal(number):f}"
    sign = "-" if number.startswith("-") else ""
    whole, _, decimals = number.removeprefix("-").partition(".")
    whole = whole.lstrip("0") or "0"
    decimals = decimals.rstrip("0")
    plain = f"{whole}.{decimals}" if decimals else whole
    return plain if plain == "0" else sign + plain


def has_digits(text: str) -> bool:
    """Whether any digit stands in a text."""
    return (_ASCII_DIGIT if text.isascii() else _DIGIT).search(text) is not None


def is_number(token: str) -> bool:
    """Whether a token is digits."""
    return token[-1:].isdecimal() and (token[0].isdecimal() or token[0] == "-")


def numbers(words: Sequence[str]) -> list[str]:
    """Those of an answer's words that are digits."""
    if not has_digits(" ".join(words)):
        return []
    return [word for word in words if is_number(word)]


def is_year(token: str) -> bool:
    """Whether a token is four digits that may be a year."""
    return len(token) == 4 and token.isdecimal() and token[0] in "12"


def is_sentence(words: list[str]) -> bool:
    """Whether an answer's words are a sentence, and no mere name, number or phrase."""
    return len(words) >= _SENTENCE or not _VERBS.isdisjoint(words)


def without_ornaments(words: list[str]) -> list[str]:
    """Leaves out articles and titles that stand before another word, and endings such as PhD."""
    if _ORNAMENTS.isdisjoint(words):
        return words
    last = len(words) - 1
    kept = [
        word
        for place, word in enumerate(words)
        if word not in _ORNAMENTS
        or not (
            (place < last and (word in ARTICLES or word in TITLES))
            or (place > 0 and word in SUFFIXES)
        )
    ]
    return kept or words


def _join_initials(found: re.Match[str]) -> str:
    return found[0].replace(".", "").replace("*", "").replace(" ", "") + " "


def _in_words(found: re.Match[str]) -> str:
    # `s` by itself would be taken for an ending.
    return " per ".join(_SHORT_SPANS.get(part, part) for part in found.groups() if part)


def _as_written_date(found: re.Match[str]) -> str:
    return f"{found[3]} {MONTH_NAMES[int(found[2]) - 1]} {found[1]}"


def _as_written_month(found: re.Match[str]) -> str:
    return f"{MONTH_NAMES[int(found[1]) - 1]} {found[2]}"


def _as_hours(found: re.Match[str]) -> str:
    """A time of day in hours, since `am` by itself would be taken for a verb."""
    hour = int(found[1]) + int(found[2] or 0) / 60
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "p" else 0)
    space = " " if found.string[found.end() : found.end() + 1].isalnum() else ""
    return f"{plain_number(f'{hour:.4f}')} oclock{space}"


def _with_point(found: re.Match[str]) -> str:
    whole, decimals = (group for group in found.groups() if group is not None)
    return f"{re.sub(r'[^0-9]', '', whole)}.{decimals}"


def _as_mixed(found: re.Match[str]) -> str:
    whole, top, bottom = map(int, found.groups())
    if not 0 < top < bottom:
        return found[0]
    return plain_number(f"{whole + top / bottom:.12f}")


def _as_decimal(found: re.Match[str]) -> str:
    top, bottom = int(found[1]), int(found[2])
    return plain_number(f"{top / bottom:.12f}") if bottom else found[0]
