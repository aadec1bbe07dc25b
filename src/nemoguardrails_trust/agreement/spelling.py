"""British spelling brought to American, by the endings and letters that tell them apart."""

import re

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
