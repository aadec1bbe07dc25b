"""Yes and no in their many wordings, and what a negation turns round."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from nemoguardrails_trust.agreement.synonyms import SYNONYMS
from nemoguardrails_trust.agreement.text import STOP_WORDS, fold, is_number, word_set

YES_WORDS = word_set(
    """
    yes yeah yep yup yea aye true correct right affirmative absolutely indeed certainly
    definitely sure positive agreed exactly surely naturally
    ja jawohl oui si sim da tak evet igen kylla ano да так richtig wahr vrai verdadero vero
    verdadeiro cierto waar sant prawda верно правда
    """
)
_NO = word_set(
    """
    no nope nah false incorrect wrong negative untrue never
    nein non nao nee nej nei nie hayir nem нет ні falsch unwahr faux falso onwaar falskt falsz
    неверно
    """
)
_PHRASES = {
    "of course": True, "it is": True, "it does": True, "they do": True, "they are": True,
    "that is so": True, "i do": True, "i am": True, "he did": True, "she did": True,
    "it was": True, "it has": True, "it did": True, "it can": True, "by all means": True,
    "not at all": False, "by no means": False, "no way": False, "on the contrary": False,
    "hardly": False, "not really": False, "not": False, "of course not": False,
}  # fmt: skip
_FILLERS = word_set(
    """
    i think believe guess say would that s is it this it's that's i'd answer the a statement
    unfortunately sadly fortunately actually well sorry it they he she there we you are was were
    does do did has have had can could will would i'm that'd case
    claim to be very most so and quite my response was totally completely entirely
    absolutely certainly definitely indeed statement's assertion sentence
    leider moglich malheureusement possible c'est lo siento posible purtroppo possibile e
    infelizmente possivel helaas mogelijk tyvarr mojligt niestety mozliwe к сожалению это возможно
    maalesef mumkun
    """
)
_OPENING = re.compile(
    r"^\W*(?!no\W{1,2}\d)(yes|no|yeah|yep|nope|true|false)\b(?:\s*$|\W*[,.;:!-]"
    r"|\s+(?:it|that|he|she|they|there|this|these|those|the|because|i|we|you|not)\b)"
)
_OTHER_OPENING = re.compile(
    r"^\W*(ja|oui|si|sim|tak|evet|igen|да|так|nein|non|nao|nee|nej|nei|nie|hayir|nem|нет|ні)"
    r"\s*(?:$|[,.;:!])"
)
_OPENING_WORD = re.compile(r"^\W*(?:yes|yeah|yep|no|nope|ja|oui|si|sim|da|tak|nein|non)\b\W+", re.I)
_SIGNS_OF_YES = ("是的", "是", "对", "對", "可以", "能", "有", "はい", "네", "예")
_SIGNS_OF_NO = (
    "不是", "不可以", "不能", "不会", "不會", "不行", "不对", "不對", "不", "没有", "沒有", "否",
    "いいえ", "아니요", "아니오", "아닙니다",
)  # fmt: skip
_OPENING_SIGNS = re.compile(
    rf"^\W*(?:({'|'.join(map(fold, _SIGNS_OF_YES))})|{'|'.join(map(fold, _SIGNS_OF_NO))})"
    r"(?:$|[\s,.!。、])"
)
_QUESTION = re.compile(
    r"(?:^|[.!?:,\n]\s*)(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|am"
    r"|may|might|must|isn't|aren't|doesn't|don't|didn't|true or false|yes or no)\b[^?]*\??\s*$"
)
NEGATORS = word_set(
    """
    not no never neither nor none nobody nothing nowhere without cannot cant dont doesnt isnt
    arent wasnt werent wont lacks lacking barely hardly
    nicht kein keine keinen niet geen inte ikke pas non nao jamais nunca nem не нельзя нет немає
    nie neni nelze nincs nu ei degil tidak bukan khong δεν לא אין لا ليس ليست لن لم नही नहीं
    """
)
_OPPOSITES = {
    "incorrect": "correct", "wrong": "correct", "right": "correct", "false": "true",
    "untrue": "true", "impossible": "possible", "unsafe": "safe", "illegal": "legal",
    "unlikely": "likely", "unable": "able", "invalid": "valid", "improper": "proper",
    "irrelevant": "relevant", "inaccurate": "accurate", "unlawful": "lawful", "inactive": "active",
    "unavailable": "available", "unknown": "known", "insufficient": "sufficient",
    "incomplete": "complete", "disagree": "agree", "disallowed": "allowed", "unhealthy": "healthy",
    "forbidden": "allowed", "prohibited": "allowed", "permitted": "allowed", "fails": "succeeds",
    "failed": "succeeded", "unsuccessful": "successful", "dead": "alive", "odd": "even",
    "decreased": "increased", "decrease": "increase", "decreases": "increases",
    "fell": "rose", "falling": "rising", "minimum": "maximum", "lowest": "highest",
    "smallest": "largest", "shortest": "longest", "slowest": "fastest", "worst": "best",
    "closed": "open", "shut": "open", "disabled": "enabled", "denied": "approved",
    "declined": "accepted", "unnecessary": "necessary", "loses": "wins", "lost": "won",
    "rejected": "accepted", "rejects": "accepts", "excluded": "included", "passed": "succeeded",
    "contraindicated": "safe",
}  # fmt: skip
# Words that mean little by themselves, but not beside their opposite.
_POLES = (
    ("before", "after"), ("up", "down"), ("on", "off"), ("over", "under"), ("with", "without"),
    ("above", "below"), ("all", "some"), ("more", "less"), ("most", "least"), ("in", "out"),
    ("inside", "outside"), ("into", "out"), ("always", "sometimes"),
    ("north", "south"), ("east", "west"), ("northern", "southern"), ("eastern", "western"),
    ("left", "right"), ("more", "fewer"), ("top", "bottom"), ("upper", "lower"), ("min", "max"),
    ("asc", "desc"), ("ascending", "descending"), ("profit", "loss"), ("gain", "loss"),
    ("credit", "debit"), ("import", "export"), ("income", "expense"), ("internal", "external"),
    ("acute", "chronic"), ("systolic", "diastolic"), ("hot", "cold"), ("male", "female"),
    ("mother", "father"), ("brother", "sister"), ("son", "daughter"), ("husband", "wife"),
    ("morning", "evening"), ("clockwise", "counterclockwise"),
    ("includes", "excludes"), ("included", "excluded"), ("covers", "excludes"),
    ("covered", "excluded"), ("fixed", "variable"), ("was", "will"), ("were", "will"),
    ("n", "s"), ("e", "w"), ("within", "after"), ("same", "next"),
    ("morning", "bedtime"), ("morning", "night"), ("morning", "afternoon"),
    ("breakfast", "dinner"), ("sender", "recipient"), ("buyer", "seller"), ("light", "dark"),
    ("off", "more"), ("few", "most"), ("few", "many"),
)  # fmt: skip
_COMPARATIVES = (
    ("beat", "lost"), ("beats", "loses"), ("defeated", "lost"), ("larger", "smaller"),
    ("bigger", "smaller"), ("older", "younger"), ("taller", "shorter"), ("longer", "shorter"),
    ("heavier", "lighter"), ("faster", "slower"), ("higher", "lower"), ("better", "worse"),
    ("earlier", "later"), ("stronger", "weaker"), ("lent", "borrowed"), ("bought", "sold"),
)  # fmt: skip
IN_SHORT = frozenset(word for pair in _COMPARATIVES for word in pair)
"""Which oppose each other in short texts only, as longer ones compare several things."""
POLE_WORDS = IN_SHORT.union(word for pair in _POLES for word in pair)
_OTHER_POLES = {
    word: frozenset(other for pair in _POLES + _COMPARATIVES if word in pair for other in pair)
    - {word}
    for word in POLE_WORDS
}
_SAME_SIDE = frozenset(("right", "permitted", "passed"))
_VERDICTS = frozenset(("allowed", "possible", "available", "accepted", "approved", "included"))
"""Which answer whether something may be done, though the question has another word for it."""
_ASKING_LEAVE = frozenset(("can", "could", "may", "allowed", "possible", "able"))
_PREFIXES = ("un", "in", "im", "il", "ir", "non", "dis", "a")
_COMPARING = frozenset(("than", "before", "after"))
# A full stop behind fewer letters may be an abbreviation's.
_SENTENCES = re.compile(r"[.!?\n](?:(?<=\n)|(?<=[^\s.]{4}[.!?])(?<![.!?]{2})(?<!\bprof\.)[.!?]*\s)")
_WORDY = re.compile(r"[^\W_]|[$%£€¥]")  # what has words
_PAUSE = (
    r"[;!?\n(){}\[\].:,](?:(?<=[;!?\n(){}\[\]])|(?<=[.:])(?!(?<=\d[.:])\d)(?<!\b[a-z]\.)(?<!\b[djms][rst]\.)(?<!\bmrs\.)(?<!\bprof\.)"
    r"|(?<=,)\s*(?:and|so|which|since)?\s)"
)
_DASH = r"\s-+\s"
_CONJUNCTIONS = (
    "but", "however", "although", "though", "because", "whereas", "while", "rather", "instead",
)  # fmt: skip
_JOINED = rf"\b(?:{'|'.join(_CONJUNCTIONS)})\b"
_CLAUSES = {
    (has_dash, joined): re.compile("|".join([_PAUSE, *[_DASH] * has_dash, *[_JOINED] * joined]))
    for has_dash in (False, True)
    for joined in (False, True)
}
"""By whether there is a dash, and a conjunction: for what there is not, it takes long to look."""


def sentences(folded: str) -> list[str]:
    """The sentences and lines of a text."""
    return [part for part in _SENTENCES.split(folded) if _WORDY.search(part)]


def clauses(folded: str) -> list[str]:
    """The parts of a text over which a negation reaches."""
    joined = any(map(folded.__contains__, _CONJUNCTIONS))
    if not joined and folded.replace(" ", "").isalpha():
        return [folded]
    parts = _CLAUSES["-" in folded, joined].split(folded)
    return [part for part in parts if _WORDY.search(part)]


def negations(words: Sequence[str], asked: Collection[str] = ()) -> int:
    """How many words of a clause turn it into its opposite.

    Args:
        words: The clause.
        asked: The words of the prompt. Where it negates itself, a negation of one of its words
            only repeats it.
    """
    if NEGATORS.isdisjoint(words) and "n't" not in " ".join(words):
        return 0
    places = [place for place, word in enumerate(words) if is_negator(word)]
    if not places:
        return 0
    negates = any(map(is_negator, asked))
    count = 0
    for place in places:
        if not _is_abbreviation(words, place):
            following = (word for word in words[place + 1 :] if word not in STOP_WORDS)
            count += not (negates and next(following, "") in asked)
    return count


def _is_abbreviation(words: Sequence[str], place: int) -> bool:
    """Whether a `no` stands for number, as in `no. 5`."""
    return words[place] == "no" and place + 1 < len(words) and is_number(words[place + 1])


def is_negator(word: str) -> bool:
    """Whether a word negates."""
    return word in NEGATORS or word.endswith("n't")


def positive(word: str) -> tuple[str, bool]:
    """A word without its built-in negation, and whether it had one."""
    base = _OPPOSITES.get(word)
    if base is None:
        return word, False
    return base, word not in _SAME_SIDE


@lru_cache(maxsize=4096)
def without_prefix(word: str) -> Sequence[str]:
    """What is left of a word without each negating prefix (`typical` of `atypical`).

    Words that begin with the same letter as what is left of them are none of these.
    """
    if not word.startswith(_PREFIXES):
        return ()
    bases = [word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix)]
    return tuple(base for base in bases if len(base) > 3 and base[0] != word[0])


def at_opposite_poles(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether of two texts' `POLE_WORDS` one says `before` where the other says `after`."""
    ours, theirs = first - second, second - first
    return bool(theirs) and any(not _OTHER_POLES[word].isdisjoint(theirs) for word in ours)


def are_converse(
    first: Sequence[str], second: Sequence[str], ours: frozenset[str], theirs: frozenset[str]
) -> bool:
    """Whether both say the same from two sides: `x came before y` and `y came after x`.

    Args:
        first: The words of one text.
        second: Those of the other.
        ours: The `POLE_WORDS` of the first.
        theirs: Those of the second.
    """
    for word in ours - theirs:
        for other in _OTHER_POLES[word] & theirs:
            (x, y), (a, b) = (
                ({*words[:place]}, {*words[place + 1 :]})
                for words, place in ((first, first.index(word)), (second, second.index(other)))
            )
            if (x & b) - a - y and (y & a) - b - x:
                return True
    return False


def is_yes_no_question(folded_prompt: str) -> bool:
    """Whether a prompt asks for yes or no."""
    return bool(_QUESTION.search(folded_prompt[-1000:].strip()))


def stance(folded: str, words: Sequence[str]) -> bool | None:
    """Whether an answer says yes or no by itself; `None` where it does neither.

    Args:
        folded: The answer, folded.
        words: Its words.
    """
    if not words:
        return None
    if len(words) <= 8:
        bare = _bare_stance(words)
        if bare is not None:
            return bare
    signs = None if folded.isascii() else _OPENING_SIGNS.match(folded)
    if signs is not None:
        return signs[1] is not None
    opening = _OPENING.match(folded) or _OTHER_OPENING.match(folded)
    return None if opening is None else opening[1] in YES_WORDS


def without_opening(answer: str) -> str:
    """An answer without the yes or no that it begins with."""
    return _OPENING_WORD.sub("", answer, count=1)


def _bare_stance(words: Sequence[str]) -> bool | None:
    """The stance of an answer that consists of nothing else."""
    phrase = _PHRASES.get(" ".join(words))
    if phrase is not None:
        return phrase
    if _is_abbreviation(words, 0):
        return None
    said: bool | None = None
    turned = 0
    for place, word in enumerate(words):
        if word in YES_WORDS or word in _NO:
            if said is None:
                turned += words[place + 1 : place + 2] == ["not"]  # certainly not
                said = (word in YES_WORDS) == (turned % 2 == 0)
        elif is_negator(word):
            turned += 1
        elif word not in _FILLERS:
            return None
    if said is None and turned == 1:
        return False  # it is not, they don't
    return said


def implied_stance(words: Sequence[str], prompt_words: Sequence[str]) -> bool | None:
    """What a statement says to a yes/no question that it repeats.

    `Paris is not the capital` to `Is Paris the capital?` is a no. `None` where the statement
    repeats too little, or adds something of its own before it has repeated all.
    """
    content = [word for word in words if word not in STOP_WORDS and not is_negator(word)]
    asked = [word for word in prompt_words if word not in STOP_WORDS and not is_negator(word)]
    told = _VERDICTS if not _ASKING_LEAVE.isdisjoint(prompt_words) else frozenset()
    repeated, turned = _repeated(content, asked, told)
    stems = set(map(_positive_stem, asked))
    if not repeated or len({*map(_positive_stem, repeated)}) < 0.5 * len(stems):
        return None
    if not _COMPARING.isdisjoint(prompt_words) and _order(repeated) != _order(asked):
        return None
    own = sum(positive(word)[1] for word in repeated)
    theirs = sum(positive(word)[1] for word in {*asked})
    turned += own + theirs + negations(words) + negations([*{*prompt_words}])
    return turned % 2 == 0


def _repeated(
    content: Sequence[str], asked: Sequence[str], told: Collection[str]
) -> tuple[Sequence[str], int]:
    """The words of a question that a statement repeats, and how many opposites it has for them.

    Nothing is repeated where it adds something of its own before it has repeated all.
    """
    stems = set(map(_positive_stem, asked))
    left, turned = set(stems), 0
    repeated: list[str] = []
    for word in content:
        base, opposite = positive(word)
        poles = _OTHER_POLES.get(word, frozenset()).intersection(asked)
        if _positive_stem(word) in stems and (word in asked or not is_number(word)):
            repeated.append(word)
            left.discard(_positive_stem(word))
        elif poles:
            turned += 1
            repeated += poles
            left -= set(map(_positive_stem, poles))
        elif base in told:
            turned += opposite
        elif left and not word.endswith("ly"):
            return (), 0
    return repeated, turned


@lru_cache(maxsize=4096)
def _positive_stem(word: str) -> str:
    base = positive(word)[0]
    return SYNONYMS.get(base, base).rstrip("s")


def _order(words: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(map(_positive_stem, words)))
