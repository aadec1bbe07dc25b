"""What costs nothing, and for whom."""

import re
from collections.abc import Collection, Sequence

from nemoguardrails_trust.agreement import polarity, text
from nemoguardrails_trust.agreement.words import stem

_LONGEST_FREE = 10
_FREE = re.compile(
    r"\bfree\b(?! \w+ing)|\bno(?: \w+)? (?:fees?|charges?|costs?)\b|\bcosts? nothing\b"
    r"|\bwithout (?:a |any )?(?:fee|charge|cost)\b|\bcomplimentary\b|\bon (?:us|the house)\b"
)
MONEY = text.word_set("dollar dollars euro euros pound pounds percent usd eur gbp yen")
_FREE_ELSEWHERE = text.word_set(
    "kostenlos kostenfrei gratis umsonst gratuit gratuite gratuits gratuites gratuito gratuita"
    " gratuitos gratuitas bezplatne bezplatny bezplatna darmowe darmowy darmowa ucretsiz 무료"
    " бесплатно бесплатный бесплатная бесплатное"
)
_NOTHING = text.word_set("nichts niets nada nulla niente rien ничего 免 无")
_COSTS_NOTHING = re.compile(
    r"\b(?:kostet|kost) (?:nichts|niets)\b|\bничего не стоит\b"
    r"|\b(?:no|non|nao|ne) (?:\w+ )?(?:cuesta|costa|coute) (?:nada|nulla|niente|rien)\b"
    r"|免 费|无 料"
)
_CHARGES = frozenset(("fee", "fees", "charge", "charges", "cost", "costs"))
_CHARGED = re.compile(
    r"\b(?:is|are|for|with|pay) (?:an? |the )?(?!no\b|not\b|without\b)(?:\w+ )?(?:fee|charge)s?\b"
    r"(?! of)|\b(?:fees?|charges?) appl(?:y|ies)\b|\bcosts? (?:extra|more|money)\b"
)
_CHARGED_ELSEWHERE = text.word_set(
    "kostenpflichtig kostenpflichtige payant payante payants payantes pagamento"
    " pago paga pagos pagas"
    " betaald platne platny platna odplatne ucretli платно платныи платная платное 유료"
)
_LONGEST = 20
_ON_CONDITION = re.compile(
    r"\b(?:(?:free(?: of charge)?|no(?: \w+)? (?:fees?|charges?|costs?)|costs? nothing"
    r"|complimentary|without (?:a |any )?(?:fee|charge|cost)) (?:for|with|on|if|when|while|during"
    r"|in|at|until|till|after|before|from|within|above|over|below|under|up to|at least|at most)"
    r"|(?:included|available|allowed|covered|waived) (?:for|with|if|when)) (.+)"
)
# Each way to say that has one of these.
OFFERED = text.word_set(
    "free fee fees charge charges cost costs complimentary included available allowed covered "
    "waived"
)
_EVERYBODY = text.word_set("all any every each everyone everybody anyone anybody you")
_NOT_FREE = re.compile(
    r"\b(?:not|never|isn't|aren't|unless|if|only|except|nicht|niet|pas|no es|non e|nao e|nie|не) "
    r"|\bnot$"
)


def is_free(words: Sequence[str]) -> bool:
    """Whether a short answer says that something costs nothing."""
    if len(words) > _LONGEST_FREE:
        return False
    said = " ".join(words)
    if not _NOTHING.isdisjoint(words) and _COSTS_NOTHING.search(said):
        return True
    free = _FREE.search(said) is not None or not _FREE_ELSEWHERE.isdisjoint(words)
    return free and not _NOT_FREE.search(said)


def is_charged(words: Sequence[str]) -> bool:
    """Whether an answer says that there is a charge, without the sum."""
    if not _CHARGED_ELSEWHERE.isdisjoint(words):
        return not any(map(polarity.is_negator, words))
    return not _CHARGES.isdisjoint(words) and _CHARGED.search(" ".join(words)) is not None


def costs_nothing(words: Sequence[str], asked: Collection[str]) -> bool | None:
    """Whether a short answer says that something is free, or what it costs; `None` for others.

    Args:
        words: The words of the answer.
        asked: Stems of the prompt's words.
    """
    if is_free(words):
        return None if conditions(words, asked) else True
    if len(words) > _LONGEST_FREE or MONEY.isdisjoint(words):
        return None
    return False if any(text.is_number(word) and word != "0" for word in words) else None


def conditions(words: Sequence[str], asked: Collection[str]) -> frozenset[str]:
    """For whom or when something is free or included; nothing where it is so for everybody.

    Args:
        words: The words of a short answer.
        asked: Stems of the prompt's words, which are no conditions of the answer.

    Returns:
        The stems of the words that say so.
    """
    if len(words) > _LONGEST or OFFERED.isdisjoint(words):
        return frozenset()
    found = _ON_CONDITION.search(" ".join(words))
    behind = found[1].split(" ") if found else ()
    if not _EVERYBODY.isdisjoint(behind):
        return frozenset()
    return frozenset(stem(word) for word in behind if word not in text.STOP_WORDS) - frozenset(
        asked
    )
