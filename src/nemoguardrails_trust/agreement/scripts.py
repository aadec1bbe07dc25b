"""Chinese, Japanese and Korean: numerals, dates and endings, brought to the form of others."""

import re
import unicodedata
from fractions import Fraction
from functools import cache

from nemoguardrails_trust.agreement.stored import stored

_NUMERAL = re.compile("[〇零一二两三四五六七八九十百千万亿億萬兩]{2,24}")
_HANGUL_NUMERAL = re.compile("(?<![가-힣])[일이삼사오육칠팔구십백천만억]{2,24}(?![가-힣])")
_FOREIGN_DIGIT = re.compile(r"[^\D0-9\uff10-\uff19]")
_ARABIC_MARKS = str.maketrans("٫٬٪", ".,%")
_CHARACTER = re.compile("[\u3400-\u9fff]")
_DIGITS_AND_SIZES = re.compile(
    r"(?<![\w.,])(\d[\d,]*(?:\.\d+)?) ?([千百천백]?)([万亿億만억]|[千천](?![\w]))"
    r"(?: ?(\d{1,4})([千百천백]?)([万만]?)(?![\d.,]))?"
)
_COUNTED = re.compile(
    "(?<![\u3400-\u9fff])([一二两三四五六七八九十])(?=[个位天人次名只条本张年岁周公分小])"
)
_MEASURE = re.compile("(?<=\\d)个(?=小时|月|星期|钟头)")
_PERCENT = re.compile("百分之([〇零一二两三四五六七八九十百]{1,6}|\\d+(?:\\.\\d+)?)")
_REIWA = re.compile("(令和|平成|昭和)\\s?(\\d{1,2}|元)年")
_REIGNS = {"令和": 2018, "平成": 1988, "昭和": 1925}
_NATIVE_TENS = ("열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_NATIVE_ONES = ("하나 한", "둘 두", "셋 세", "넷 네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE = {word: 10 * value for value, word in enumerate(_NATIVE_TENS, start=1)} | {
    word: value for value, words in enumerate(_NATIVE_ONES, start=1) for word in words.split()
}
_NATIVE_NUMERAL = re.compile(
    rf"(?<![가-힣])({'|'.join(_NATIVE_TENS)})({'|'.join(_NATIVE_ONES).replace(' ', '|')})?"
    "(?= ?(?:살|명|개|시|번|마리|권|대|장|잔|병|시간|입|이|$|\\W))"
)
_PART_OF_DATE = re.compile("[〇零一二三四五六七八九十]{1,4}(?=[年月日號号])")
_SIZES = {"十": 10, "百": 100, "千": 1_000, "십": 10, "백": 100, "천": 1_000}
_LARGE = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "만": 10**4, "억": 10**8}
_OTHER_DIGITS = {"〇": 0, "零": 0, "两": 2, "兩": 2}
_OTHER_DIGITS |= {sign: digit for digit, sign in enumerate("일이삼사오육칠팔구", start=1)}
_DATE = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号號일]")
_COPULA = re.compile("(?<=[가-힣])(?:입니다|이에요|예요|이다)(?![가-힣])")
_PARTICLE = re.compile("(?<=[가-힣]{2})[은는을를의](?![가-힣])")


def plain_script(text: str) -> str:
    """Writes numerals and dates in digits, and takes copulas and particles off Korean words.

    Numerals are read only where they name a digit and a size, as `二十五` and not `千万` or
    `万一`, which also are words.
    """
    if _FOREIGN_DIGIT.search(text):
        text = _FOREIGN_DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), text)
        text = text.translate(_ARABIC_MARKS)
    if _CHARACTER.search(text):
        text = _plain_characters(text)
    text = _DIGITS_AND_SIZES.sub(_as_digits, text)
    text = _NATIVE_NUMERAL.sub(
        lambda found: f"{_NATIVE[found[1]] + _NATIVE.get(found[2], 0)}", text
    )
    text = _NUMERAL.sub(lambda found: _in_digits(found[0]), text)
    text = _PART_OF_DATE.sub(lambda found: _sign_by_sign(found[0]), text)
    text = _DATE.sub(lambda found: f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}", text)
    text = _PARTICLE.sub("", _COPULA.sub("", text))
    return _HANGUL_NUMERAL.sub(lambda found: _in_digits(found[0]), text)


def _plain_characters(text: str) -> str:
    """Simplified characters, and numerals beside other signs in digits."""
    text = text.translate(_simplified())
    text = _PERCENT.sub(lambda found: f"{_short_numeral(found[1])}%", text)
    text = _REIWA.sub(
        lambda found: f"{_REIGNS[found[1]] + int(found[2].replace('元', '1'))}年", text
    )
    text = _COUNTED.sub(lambda found: _short_numeral(found[1]), text)
    return _MEASURE.sub("", text)


@cache
def _simplified() -> dict[int, str]:
    traditional, simplified = stored()["characters"]
    return {ord(old): new for old, new in zip(traditional, simplified, strict=True)}


def _short_numeral(signs: str) -> str:
    if signs[0].isdecimal():
        return signs
    return "10" if signs == "十" else _in_digits(signs) if len(signs) > 1 else f"{_digit(signs)}"


def _as_digits(found: re.Match[str]) -> str:
    """`3万` as `30000`, and `1億2千万` as `120000000`."""
    number, middle, size, rest, rest_size, rest_large = found.groups()
    sizes = {"": 1, None: 1} | _SIZES | _LARGE
    value = Fraction(number.replace(",", "")) * sizes[middle] * sizes[size]
    if rest:
        value += int(rest) * sizes[rest_size] * sizes[rest_large]
    return f"{value.numerator}" if value.denominator == 1 else found[0]


def _sign_by_sign(signs: str) -> str:
    """A year or a day that names its digits: `二〇二四`."""
    return _in_digits(signs) if "十" in signs else "".join(str(_digit(sign)) for sign in signs)


def _digit(sign: str) -> int:
    found = _OTHER_DIGITS.get(sign)
    return int(unicodedata.numeric(sign)) if found is None else found


def _in_digits(numeral: str) -> str:
    total = group = digit = 0
    has_digit = has_size = False
    for sign in numeral:
        if sign in _SIZES:
            group += (digit or 1) * _SIZES[sign]
            digit, has_size = 0, True
        elif sign in _LARGE:
            has_size = has_size or group + digit > 0
            total += (group + digit or 1) * _LARGE[sign]
            group = digit = 0
        elif digit:
            return numeral  # digits in a row: no number in words
        else:
            digit = _digit(sign)
            has_digit = has_digit or digit > 0
    return str(total + group + digit) if has_digit and has_size else numeral
