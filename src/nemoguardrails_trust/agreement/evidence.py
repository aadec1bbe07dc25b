"""What a text says of where its answer is from, and nothing of the answer itself."""

import re

_OF_ITS_OWN = (
    r"(?:(?:common|general|public|publicly|widely|currently|available|known|provided|given|current"
    r"|historical|training|existing|personal|background|my|own|the|this|your|our)\s){0,4}"
    r"(?:knowledge|information|data|context|documents?|documentation|text|passage|sources)"
    r"(?:\s(?:available|provided|given|above|cutoff))?(?:\s(?:to|by)\s(?:me|us|you))?"
)
_EVIDENCE = (
    r"(?:as|so)\sfar\sas\s(?:i|we)(?:'m|\sam|\sare)?\s(?:know|can\s(?:tell|see)|aware|concerned)"
    r"|from\swhat\s(?:i|we)\s(?:know|can\s(?:tell|see)|understand)"
    r"|to\s(?:the\sbest\sof\s)?(?:my|our)\sknowledge"
    rf"|(?:based\s(?:up)?on|according\sto|going\sby|judging\s(?:by|from))\s{_OF_ITS_OWN}"
    r"|soweit\s(?:ich|wir)\s(?:weiß|weiss|wissen)|meines\swissens|unseres\swissens"
    r"|(?:nach|gemäß|laut)\s(?:den|meinen)\s(?:(?:mir\s)?(?:vorliegenden|verfügbaren)\s)?"
    r"(?:informationen|angaben|daten)"
    r"|à\s(?:ma|notre)\sconnaissance|(?:pour\s)?autant\sque\sje\s(?:le\s)?sache"
    r"|d['’]après\s(?:les|mes)\s(?:informations|données|connaissances)(?:\s(?:fournies|disponibles))?"
    r"|que\syo\ssepa|(?:hasta\sdonde|por\slo\sque)\s(?:yo\s)?sé"
    r"|según\s(?:la\sinformación|los\sdatos|mis\sconocimientos)"
    r"(?:\s(?:disponibles?|proporcionad[ao]s?))?"
    r"|(?:per\squanto|a\squanto|per\squel\sche)\s(?:ne\s)?so|che\sio\ssappia"
    r"|in\sbase\salle\s(?:mie\s(?:conoscenze|informazioni)"
    r"|informazioni(?:\s(?:disponibili|fornite))?)"
    r"|que\seu\ssaiba|(?:até\sonde|pelo\sque)\s(?:eu\s)?sei"
    r"|(?:de\sacordo|com\sbase)\s(?:com|em|n)[ao]?s?\s(?:minhas\s)?"
    r"(?:informações|dados|conhecimentos?)(?:\s(?:disponíveis|fornecid[ao]s))?"
    r"|(?:voor\s)?zover\sik\sweet|bij\smijn\sweten"
)
_AT_THE_START = re.compile(rf"(?:{_EVIDENCE}),\s*(?=\S)", re.IGNORECASE)
_LATER = re.compile(rf",\s*(?:{_EVIDENCE})(?=\s*(?:[,.;!]|$))", re.IGNORECASE)


def without_evidence(written: str) -> str:
    """A text without `as far as I know`, `based on the information provided` and the like.

    That `Based` has a capital letter would make a name of it, and `know` a part of the answer.
    """
    if "," not in written:
        return written
    found = _AT_THE_START.match(written)
    return _LATER.sub("", written if found is None else written[found.end() :])
