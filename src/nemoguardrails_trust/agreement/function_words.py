"""Articles, copulas and pronouns of other languages, which say nothing of an answer.

Those that also are the number one, as `ein` and `un`, are not among them.
"""

from collections.abc import Set

from nemoguardrails_trust.agreement.text import word_set

_ASKING = word_set(
    """
    wie wo wer wann welche welcher welches welchen warum wieviel wohin ist sind gibt
    quel quelle quels quelles qui quand combien pourquoi est quoi
    que cual cuales cuando cuanto cuantos cuanta quien quienes donde como
    qual quali quando quanto quanti quante chi dove quem onde quantos quantas
    hoe wat waar wanneer welke hoeveel hur vad vem vilken vilket hvad hvem hvilken hvornar
    jaki jaka jakie kiedy kto gdzie ile czy кто что где когда сколько какой какая какое как
    kim nedir nerede kac hangi
    """
)
"""Words that a question in another language has, and one in English has not."""
_ENGLISH = word_set("the is of what who which how when where does did do are was in to and")
_WORDS = word_set(
    """
    der die das den dem des ist sind war waren es sie er ihr ihre
    im in von vom zu zum zur am mit auf
    le la les des du de est sont etait ce cest il elle ils elles on au aux son sa ses
    el los las es son era fue esta estan al del y por su sus
    lo gli e sono della dei di da alla nel nella
    o os as sao foi do dos das no na nos nas seu sua
    het zijn was op van voor te zij hij
    det de ar er var i pa
    jest sa byl byla byly to w na
    это он она оно они в на является был была было были
    bu
    """
)
NONE: Set[str] = frozenset()


def function_words(asked: Set[str]) -> Set[str]:
    """The words that say nothing in answers to a question; none where it is in English.

    Args:
        asked: The words of the question.
    """
    if _ASKING.isdisjoint(asked) or not _ENGLISH.isdisjoint(asked - _WORDS):
        return NONE
    return _WORDS


def may_ask_yes_or_no(asked: Set[str]) -> bool:
    """Whether a question is not in English, and has no word that asks who, what or when.

    Args:
        asked: The words of the question.
    """
    return _ASKING.isdisjoint(asked) and _ENGLISH.isdisjoint(asked)
