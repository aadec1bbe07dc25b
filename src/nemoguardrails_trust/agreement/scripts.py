"""Chinese, Japanese and Korean: numerals, dates and endings, brought to the form of others.

The characters of traditional and simplified Chinese stand in `characters.json`, which
`python -m tests.agreement.make_languages` makes out of OpenCC's tables.
"""

import json
import re
import unicodedata
from fractions import Fraction
from functools import cache
from importlib.resources import files

SIGNS_ON_LETTERS = "".join(
    letter for letter in map(chr, range(0x900, 0xE00)) if unicodedata.category(letter)[0] == "M"
)
"""Signs of the Indian scripts that are no letters by themselves, and tell words apart."""

_CJK = re.compile("[\u3007-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff66-\uff9f]")
_FORMAL = str.maketrans("壹贰貳叁參肆伍陆陸柒捌玖拾佰仟", "一二二三三四五六六七八九十百千")
_FORMAL_NUMERAL = re.compile("[壹贰貳叁參肆伍陆陸柒捌玖拾佰仟万萬亿億零]{2,24}")
_NUMERAL = re.compile("[〇零一二两三四五六七八九十百千万亿億萬兩]{2,24}")
_HANGUL_NUMERAL = re.compile(
    "(?<![가-힣])[일이삼사오육칠팔구십백천만억](?:[일이삼사오육칠팔구십백천만억]"
    "|(?<=[만억]) ?(?=[일이삼사오육칠팔구]?[십백천])){1,24}(?![가-힣])"
)
_HANGUL_DIGIT = re.compile(
    r"(?<![가-힣])([일이삼사오육칠팔구십백천만])(?= (?:년|개월|초|퍼센트|원|층)(?![가-힣]))"
)
_PART_OF_DATE = re.compile(
    "[〇零一二三四五六七八九十]{1,4}(?=[年月日號号])"
    "|(?<=午前|午后|上午|下午|晚上|早上|凌晨)[一二三四五六七八九十]{1,3}(?=[点時时])"
)
_SIZES = {"十": 10, "百": 100, "千": 1_000, "십": 10, "백": 100, "천": 1_000}
_LARGE = {
    "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "兆": 10**12,
    "만": 10**4, "억": 10**8, "조": 10**12,
}  # fmt: skip
_OTHER_DIGITS = {"〇": 0, "零": 0, "两": 2, "兩": 2}
_OTHER_DIGITS |= {sign: digit for digit, sign in enumerate("일이삼사오육칠팔구", start=1)}
# 3万, 1億2千万, 3만 5천: digits with sizes.
_SIZED = re.compile(
    r"(?<![\d.,])(?:\d{1,12}(?:[,.]\d{1,12}){0,4}\s?[千百천백]?[万萬亿億만억조]\s?){1,4}"
    r"(?:\d{1,4}[千百천백]?(?![\d.,万萬亿億년年월月]))?"
    # By itself, 千 may begin a unit: 千米 is the kilometre.
    r"|(?<![\d.,])\d{1,4}[千百천백](?=\s?[円元원块塊人名件個个명개]|$)"
)
_SIZED_PART = re.compile(r"(\d[\d,.]*)\s?([千百천백]?)([万萬亿億만억조]?)")
_PARTS = re.compile(
    r"([\d一二三四五六七八九十百千]{1,6})分之([\d.一二三四五六七八九十百千零两]{1,8})"
)
_TENS = {
    "열": 10, "스물": 20, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50, "예순": 60, "일흔": 70,
    "여든": 80, "아흔": 90,
}  # fmt: skip
_ONES = {
    "하나": 1, "둘": 2, "셋": 3, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9,
    "한": 1, "두": 2, "세": 3, "네": 4,
}  # fmt: skip
_COUNTED = "개|명|살|마리|시간|시|번|권|대|병|잔|장|달|사람"
_NATIVE = re.compile(
    rf"(?<![가-힣])({'|'.join(_TENS)})?({'|'.join(_ONES)})?(?=\s?(?:{_COUNTED})|(?![가-힣]))"
)
_ERAS = {"明治": 1868, "大正": 1912, "昭和": 1926, "平成": 1989, "令和": 2019}
_ERA = re.compile(rf"({'|'.join(_ERAS)})\s?(\d{{1,2}}|元)年")
_BEFORE_CHRIST = re.compile(
    r"(?:公元前|西元前|纪元前|기원전)\s?(\d{1,4}|[〇零一二三四五六七八九十百]{1,6})\s?[年년]?"
)
_HALF_OF_DAY = re.compile(
    r"(午前|午后|上午|下午|晚上|早上|凌晨|오전|오후)\s?(\d{1,2})(?:[点點時时시:]\s?)(?:(\d{1,2})[分분]?|([半반]))?(?:[整])?"
)
_LATE = frozenset(("午后", "下午", "晚上", "오후"))
_HOUR = re.compile(r"(?<!\d)(\d{1,2})[時时시](?!间|間|간)\s?(?:(\d{1,2})[分분]|([半반]))?")
_CENTURY = re.compile(r"(\d{1,2})\s?(?:世[纪紀]|세기)")
_COUNTER = "[个件枚回次本台名人歳岁天円元%％개명번회장권살원세]"
_BEFORE = {
    "at least": "至少 最少 少なくとも 최소 不少于 不低于",
    "at most": "最多 至多 最大 최대 不超过 不多于",
    "under": "少于 低于 不到",
    "over": "超过 多于",
}
_BEHIND = {
    "at least": "以上 이상",
    "at most": "以下 以内 이하 이내",
    "under": "未満 未满 미만",
    "over": "초과",
}
_BEHIND_COUNTER = {"at most": "まで 까지"}
_BOUNDS = {
    word: limit
    for table in (_BEFORE, _BEHIND, _BEHIND_COUNTER)
    for limit, words in table.items()
    for word in words.split()
}
"""Words that make a limit of a number, with what it is."""


def _any_of(table: dict[str, str]) -> str:
    return "|".join(" ".join(table.values()).split())


_BOUND_BEHIND = re.compile(
    rf"(?<![\d,.])(\d[\d,.]{{0,30}}\s?)(?:({_COUNTER}?)\s?({_any_of(_BEHIND)})"
    rf"|({_COUNTER})\s?({_any_of(_BEHIND_COUNTER)}))"
)
_BOUND_BEFORE = re.compile(rf"({_any_of(_BEFORE)})\s?(?=\d)")
_SPAN = "小时|时间|시간|天|日间|周|周间|年|개월|か月|个月|月|分|分钟|分间|公里|公斤|キロ|斤|米"
_SHORT = 40
_DIGIT_BEFORE = re.compile(
    r"(?<![一二两三四五六七八九十百千万第星期周])([一二两三四五六七八九])"
    rf"(?=\s?(?:个半|个?(?:{_SPAN})(?!月)|[个次回本件块岁歳元枚]))"
)
_AND_A_HALF = re.compile(rf"(\d+)\s?(?:个半(?=(?:{_SPAN}))|个?({_SPAN})\s?[半반](?!\w?[价額天]))")
_HALF_OF = re.compile(
    r"(?<![\d点时上下前后一大多过夜])[半반]\s?个?(?=小时|时间|시간|年(?!前|后)|년|天|日|月|公里|公斤|斤|キロ)"
)
_OFTEN = re.compile(
    r"(?:(?:每|毎|1|一)([天日周月年])|(?:(하루|매일|1일)|(일주일|매주|1주)|(한 달|매달))(?:에)?)"
    r"(?:に|各)?\s?(\d{1,2})\s?[次回번회](?!목)"
)
_EACH = re.compile(
    r"[每毎]\s?(\d{1,3})\s?个?(小时|时间|天|日|周|分钟)(?:一次|1次)?"
    r"|(\d{1,3})\s?(小时|时间|시간|日|일|분|分)(?:ごと|おき|마다)(?:に|에)?"
)
_IN_ENGLISH = {
    sign: span
    for span, signs in (
        ("day", "天 日 일"), ("week", "周 주"), ("month", "月"), ("year", "年"),
        ("hour", "小时 时间 시간"), ("minute", "分钟 分 분"),
    )
    for sign in signs.split()
}  # fmt: skip
# Longest first: 美元 before 元.
_UNITS = {
    "美元": "usd", "日元": "yen", "日圆": "yen", "欧元": "euro", "ユーロ": "euro", "ドル": "usd",
    "韩元": "krw", "人民币": "cny", "元": "cny", "円": "yen", "원": "krw",
    "달러": "usd", "유로": "euro",
}  # fmt: skip
_UNIT = re.compile(rf"(?<=\d)\s?({'|'.join(_UNITS)})")
_DATE = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号號일]")
_COPULA = re.compile("(?<=[가-힣])(?:입니다|이에요|예요|이다)(?![가-힣])")
_PARTICLE = re.compile("(?<=[가-힣]{2})[은는을를의](?![가-힣])")
_VOICED = re.compile("[\u3040-\u30ff][\u3099\u309a]")
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


def plain_script(text: str) -> str:
    """Writes numerals and dates in digits, and takes copulas and particles off Korean words.

    Numerals are read only where they name a digit and a size, as `二十五` and not `千万` or
    `万一`, which also are words. Chinese is written in simplified characters.
    """
    if _CJK.search(text) is None:
        return text
    text = text.translate(_simplified())
    text = _FORMAL_NUMERAL.sub(lambda found: found[0].translate(_FORMAL), text)
    text = _BEFORE_CHRIST.sub(lambda found: f"{_plain_digits(found[1])} bc", text)
    text = _PARTS.sub(_as_share, text)
    text = _NUMERAL.sub(lambda found: _in_digits(found[0]), text)
    text = _PART_OF_DATE.sub(lambda found: _sign_by_sign(found[0]), text)
    text = _SIZED.sub(lambda found: _sized(found[0]), text)
    text = _ERA.sub(_common_year, text)
    text = _DATE.sub(lambda found: f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}", text)
    text = _PARTICLE.sub("", _COPULA.sub("", text))
    text = _NATIVE.sub(_native, text)
    if len(text) <= _SHORT:  # in prose, `一个` may be but an article
        text = _DIGIT_BEFORE.sub(lambda found: f"{_digit(found[1])}", text)
    if "半" in text or "반" in text:
        text = _AND_A_HALF.sub(lambda found: f"{found[1]}.5{found[2] or ''}", text)
        text = _HALF_OF.sub("0.5", text)
    text = _measures(text)
    text = _HANGUL_NUMERAL.sub(lambda found: _in_digits(found[0].replace(" ", "")), text)
    text = _HANGUL_DIGIT.sub(lambda found: _plain_digits(found[1]), text)
    return _UNIT.sub(lambda found: f" {_UNITS[found[1]]} ", text)


def plain_kana(folded: str) -> str:
    """Joins the marks of voiced kana to them again, and writes katakana as hiragana."""
    if _CJK.search(folded) is None:
        return folded
    folded = _VOICED.sub(lambda found: unicodedata.normalize("NFC", found[0]), folded)
    return folded.translate(_KATAKANA)


@cache
def _simplified() -> dict[int, int]:
    stored = json.loads(files(__package__).joinpath("characters.json").read_text("utf-8"))
    return str.maketrans(stored["traditional"], stored["simplified"])


def _measures(text: str) -> str:
    """Times of day, centuries and bounds in the words that English has for them."""
    text = _HALF_OF_DAY.sub(_time_of_half, text)
    text = _HOUR.sub(lambda found: _time(int(found[1]), found[2], found[3]), text)
    text = _CENTURY.sub(lambda found: f"{found[1]}th century", text)
    text = _OFTEN.sub(_often, text)
    text = _EACH.sub(_each, text)
    text = _BOUND_BEHIND.sub(_bound, text)
    return _BOUND_BEFORE.sub(lambda found: f"{_BOUNDS[found[1]]} ", text)


def _bound(found: re.Match[str]) -> str:
    bound, counter = found[3] or found[5], found[2] or found[4]
    return f"{_BOUNDS[bound]} {found[1]}{counter}"


def _often(found: re.Match[str]) -> str:
    korean = zip("日周月", found.groups()[1:4], strict=True)
    span = found[1] or next(span for span, said in korean if said)
    return f"{found[5]} times per {_IN_ENGLISH[span]} "


def _each(found: re.Match[str]) -> str:
    return f"every {found[1] or found[3]} {_IN_ENGLISH[found[2] or found[4]]} "


def _time_of_half(found: re.Match[str]) -> str:
    hour = int(found[2])
    if hour <= 12:
        hour = hour % 12 + (12 if found[1] in _LATE else 0)
    return _time(hour, found[3], found[4])


def _time(hour: int, minutes: str | None, half: str | None) -> str:
    return f"{hour}:{30 if half else int(minutes or 0):02}"


def _common_year(found: re.Match[str]) -> str:
    """A year of a Japanese era by the common count."""
    year = 1 if found[2] == "元" else int(found[2])
    return f"{_ERAS[found[1]] + year - 1}年"


def _native(found: re.Match[str]) -> str:
    """A Korean number word; one of a single syllable only before what is counted."""
    if not found[0]:
        return ""
    counted = found.end() < len(found.string) and found.string[found.end()] != "."
    if len(found[0]) == 1 and not (
        counted and re.match(rf"\s?(?:{_COUNTED})", found.string[found.end() :][:4])
    ):
        return found[0]
    return str(_TENS.get(found[1] or "", 0) + _ONES.get(found[2] or "", 0))


def _as_share(found: re.Match[str]) -> str:
    """`百分之五` as `5%`, `三分之一` as `1/3`."""
    whole, part = map(_plain_digits, (found[1], found[2]))
    if whole == "100":
        return f"{part}%"
    return f"{part}/{whole}" if part.isdecimal() and whole.isdecimal() else found[0]


def _plain_digits(numeral: str) -> str:
    if numeral[0].isdecimal():
        return numeral
    if numeral in _SIZES or numeral in _LARGE:
        return str(_SIZES.get(numeral) or _LARGE[numeral])
    if any(sign in _SIZES for sign in numeral):
        return _in_digits(numeral)
    return "".join(str(_digit(sign)) if not sign.isdecimal() else sign for sign in numeral)


def _sized(written: str) -> str:
    """`3万` as 30000."""
    total = Fraction(0)
    group = Fraction(0)
    for number, size, large in _SIZED_PART.findall(written):
        plain = number.replace(",", "").rstrip(".")
        if plain.count(".") > 1:
            return written
        group += Fraction(plain) * _SIZES.get(size, 1)
        if large:
            total, group = total + group * _LARGE[large], Fraction(0)
    total += group
    if total.denominator > 1:
        return written
    space = " " if written.endswith(" ") else ""
    return f"{total.numerator}{space}"


def _sign_by_sign(signs: str) -> str:
    """A year or a day that names its digits: `二〇二四`."""
    return _in_digits(signs) if "十" in signs else "".join(str(_digit(sign)) for sign in signs)


def _digit(sign: str) -> int:
    found = _OTHER_DIGITS.get(sign)
    return int(unicodedata.numeric(sign)) if found is None else found


def _in_digits(numeral: str) -> str:
    total = group = digit = 0
    has_digit = has_size = False
    if _is_cut_short(numeral):
        return numeral
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


def _is_cut_short(numeral: str) -> bool:
    """Whether the last digit may stand for tens or ones: `一百五` is 150 to some, 105 to others."""
    if len(numeral) < 3 or numeral[-1] in _SIZES or numeral[-1] in _LARGE:
        return False
    before = _SIZES.get(numeral[-2]) or _LARGE.get(numeral[-2], 0)
    return before >= 100 and numeral[-1] < "가"
