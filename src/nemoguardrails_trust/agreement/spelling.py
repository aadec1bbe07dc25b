"""British spelling brought to American, by the endings and letters that tell them apart."""

import re

_SHORTEST = 4
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (r"(?<=..)our(?=$|s$|ed$|ing|ers?$|ab|ful|less|it|al|y$|ist)", "or"),
        (r"(?<=[a-z]{2})(?<!tim)([bctv])re(?=s?$)", r"\1er"),
        (r"(?<=[a-z]{2}[bctv])red$", "ered"),
        (r"^aeropl", "airpl"),
        (r"^practis", "practic"),
        (r"^moustach", "mustach"),
        (r"(?<=..)ogue(?=s?$)", "og"),
        (r"(?<=...)is(?=(?:e[ds]?|ing|ers?|ations?|able)$)", "iz"),
        (r"(?<=al|ly|ra)ys(?=(?:e[ds]?|ing|ers?)$)", "yz"),
        (r"(?<=..)ence(?=s?$|less$)", "ense"),
        (r"(?<=...)ell(?=(?:ed|ing|ers?|ors?|ery|ous)$)", "el"),
        (r"(?<=....)ll(?=$|ments?$)|(?<=...)ll(?=ful)", "l"),
        (r"ae(?=[^aeiou]+[aeiouy])|oe(?=[^aeiou]+[aeiouy]|u)|(?<=rh)oe", "e"),
        (r"(?<=^m)ould", "old"),
        (r"^gre(?=y)", "gra"),
        (r"^tyre(?=s?$)", "tire"),
        (r"^cheque", "check"),
        (r"lough", "low"),
        (r"^sceptic", "skeptic"),
        (r"^programme(?=s?$)", "program"),
        (r"^jewell?ery$", "jewelry"),
        (r"aluminium", "aluminum"),
        (r"sulph", "sulf"),
        (r"^pyjama", "pajama"),
        (r"^draught", "draft"),
        (r"(?<=dg)e(?=ments?$)", ""),
        (r"^yoghurt", "yogurt"),
        (r"^kerb", "curb"),
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
    for pattern, written in _RULES:
        word = pattern.sub(written, word)
    return word
