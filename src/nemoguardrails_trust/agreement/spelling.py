"""Two spellings of one word: British and American, and slips of a letter."""

import re

from nemoguardrails_trust.agreement.text import is_number

SHORTEST_LIKE = 5
"""Letters of the shortest word that a slip of spelling is looked for in."""
_LONGEST_SLIP = 4
"""Most letters of which one has moved."""
_SHORTEST = 4
_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (part, re.compile(pattern), written)
    for part, pattern, written in (
        ("our", r"(?<=..)our(?=$|s$|ed$|ing|ers?$|ab|ful|less|it|al|y$|ist)", "or"),
        ("re", r"(?<=[a-z]{2})(?<!tim)([bctv])re(?=s?$)", r"\1er"),
        ("red", r"(?<=[a-z]{2}[bctv])red$", "ered"),
        ("aeropl", r"^aeropl", "airpl"),
        ("practis", r"^practis", "practic"),
        ("moustach", r"^moustach", "mustach"),
        ("ogue", r"(?<=..)ogue(?=s?$)", "og"),
        ("is", r"(?<=...)is(?=(?:e[ds]?|ing|ers?|ations?|able)$)", "iz"),
        ("ys", r"(?<=al|ly|ra)ys(?=(?:e[ds]?|ing|ers?)$)", "yz"),
        ("ence", r"(?<=..)ence(?=s?$|less$)", "ense"),
        ("ell", r"(?<=...)ell(?=(?:ed|ing|ers?|ors?|ery|ous)$)", "el"),
        ("ll", r"(?<=....)ll(?=$|ments?$)|(?<=...)ll(?=ful)", "l"),
        ("ae", r"ae(?=[^aeiou]+[aeiouy])", "e"),
        ("oe", r"oe(?=[^aeiou]+[aeiouy]|u)|(?<=rh)oe", "e"),
        ("ould", r"(?<=^m)ould", "old"),
        ("grey", r"^gre(?=y)", "gra"),
        ("tyre", r"^tyre(?=s?$)", "tire"),
        ("cheque", r"^cheque", "check"),
        ("lough", r"lough", "low"),
        ("sceptic", r"^sceptic", "skeptic"),
        ("programme", r"^programme(?=s?$)", "program"),
        ("jewel", r"^jewell?ery$", "jewelry"),
        ("aluminium", r"aluminium", "aluminum"),
        ("sulph", r"sulph", "sulf"),
        ("pyjama", r"^pyjama", "pajama"),
        ("draught", r"^draught", "draft"),
        ("dge", r"(?<=dg)e(?=ments?$)", ""),
        ("yoghurt", r"^yoghurt", "yogurt"),
        ("kerb", r"^kerb", "curb"),
    )
)
_MAY_BE_BRITISH = re.compile(
    "our|[bctv]re[sd]?$|oust|ractis|ogue|is[ei]|isa|ys[ei]|ence|ell|ll$|ll[mf]|ae|oe|ould|grey|tyre|cheq|lough|scep"
    "|amme|lumini|ulph|pyj|draug|dgem|yogh|kerb"
)


def american(word: str) -> str:
    """A word in American spelling; what is made of others only has to be the same each time."""
    if len(word) < _SHORTEST or _MAY_BE_BRITISH.search(word) is None:
        return word
    for part, pattern, written in _RULES:
        if part in word:
            word = pattern.sub(written, word)
    return word


def likeness(first: str, second: str) -> float:
    """How far two words may be the same one, differently spelled.

    0.8 for two longer words that differ by one slip, 0.6 for one that begins the other
    (`Chris`, `Christopher`), 0.0 for others.

    A slip is a letter too many, missing, replaced, or moved past its neighbours.
    """
    if first[:1] != second[:1]:
        return 0.0
    size, more = len(first), len(second) - len(first)
    short, long = (first, second) if more >= 0 else (second, first)
    if more < 0:
        size, more = size + more, -more
    if size < SHORTEST_LIKE or is_number(long):
        return 0.0
    if more > 1:
        return 0.6 if long.startswith(short) else 0.0
    start = 1
    while start < size and short[start] == long[start]:
        start += 1
    if size - start > _LONGEST_SLIP and short[-1] != long[-1]:
        return 0.0
    end = 0
    while end < size - start and short[-1 - end] == long[-1 - end]:
        end += 1
    left = size - start - end
    if left <= 1:
        return 0.8 if left == 0 or (more == 0 and size > SHORTEST_LIKE) else 0.0
    moved = left <= _LONGEST_SLIP and not more
    moved = moved and sorted(short[start : size - end]) == sorted(long[start : size - end])
    return 0.8 if moved else 0.0
