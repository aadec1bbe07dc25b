"""Chinese, Japanese and Korean: numerals, dates and endings, brought to the form of others."""

import re
import unicodedata

_NUMERAL = re.compile("[〇零一二两三四五六七八九十百千万亿億萬兩]{2,24}")
_HANGUL_NUMERAL = re.compile("(?<![가-힣])[일이삼사오육칠팔구십백천만억]{2,24}(?![가-힣])")
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
    text = _NUMERAL.sub(lambda found: _in_digits(found[0]), text)
    text = _PART_OF_DATE.sub(lambda found: _sign_by_sign(found[0]), text)
    text = _DATE.sub(lambda found: f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}", text)
    text = _PARTICLE.sub("", _COPULA.sub("", text))
    return _HANGUL_NUMERAL.sub(lambda found: _in_digits(found[0]), text)


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
