"""What tells two answers apart that use the same words."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from nemoguardrails_trust.agreement import (
    conditions,
    counts,
    dates,
    echoes,
    frequencies,
    identifiers,
    moments,
    names,
    namesakes,
    operators,
    pairs,
    places,
    polarity,
    prices,
    spelling,
    subjects,
    text,
    units,
)
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.quantities import Quantity
from nemoguardrails_trust.agreement.words import stem

# In front of a name, these make another one of it.
_ANOTHER = text.word_set(
    "north south east west northern southern eastern western vice deputy step new upper lower "
    "half pseudo anti semi equatorial papua assistant democratic"
)
_ANOTHER_NAME = text.word_set("new upper lower")
_EXCEPTIONS = text.word_set(
    "except excepting excluding unless ausser sauf hormis excepto salvo eccetto tranne exceto"
    " behalve"
)
_RESTRICTING = _EXCEPTIONS | {"only"}
_UNIVERSAL = text.word_set("all every each any")
_BOTH = frozenset(map(stem, ("both", "either")))
_ALL = _UNIVERSAL | text.word_set("both either")
_JOINING = _ALL | text.word_set("and or also")
# A single capital in front of another name, or with a full stop, is an initial.
_LETTER = re.compile(r"\b([A-Za-z]{3,}) ([A-HJ-Z])\b(?![.'’&-]|\s[A-Z])")
# Where words go without spaces, or deny by their endings.
_DENYING = re.compile(
    "不|没|未|勿|无法|别(?=[再让关要用动去开])|ません|ないで|(?<=[か-ん])ない(?!と)|ไม่|ห้าม|อย่า"
    "|지 ?[않마못말]|(?<![가-힣])[안못] |없|아니"
)
_FREE_OF = re.compile(r"\b([a-z]{3,})[- ]free\b")
_LONGEST_DENIAL = 24
_DENIED_IN_TURKISH = re.compile(r"(?=(\w{3,}?)m[aeiu]y?(\w{2,9})$)")
_VARIANT = re.compile(r"\b(\d{2,6})-[A-Z]{1,3}\b")
# Without the particles and verbs that make a sentence.
_NAME_IN_SIGNS = re.compile("[\u30a0-\u30ff\u3041-\u3096\u3400-\u9fff]{4,16}")
_SENTENCE_IN_SIGNS = re.compile("[はがをのにで在是的了于於]")
_LONGEST_EXCEPTION = 20
_NAME = 2
_OF_OTHER_EXTENT = ({"1", "last"}, {"1", "both"}, {"either", "both"})
# Not in `30s`, which are seconds.
_DECADE = re.compile(r"\b(\d{2,3}0)'?s\b|(?<=the )(\d0)'?s\b|(?<=')(\d0)s\b")


def tells_apart(first: Answer, second: Answer) -> bool:
    """Whether something small turns one of two answers with like words into another one."""
    checks = _CHECKS
    said = {*first.words, *second.words}
    if not _TURNING.isdisjoint(said):
        checks += tuple(check for words, check in _OF_WORDS if not words.isdisjoint(said))
    if first.numbers or second.numbers:
        checks = _OF_NUMBERS + checks
    if not (first.folded.isascii() and second.folded.isascii()):
        checks = _OF_SIGNS + checks
    for check in checks:  # noqa: SIM110 - `any` takes a step of a generator for each
        if check(first, second):
            return True
    return False


def _opposite_poles(first: Answer, second: Answer) -> bool:
    if not (first.poles and second.poles):
        return False
    short = max(len(first.words), len(second.words)) <= places.SHORT
    ours, theirs = first.value, second.value
    if isinstance(ours, Quantity) and isinstance(theirs, Quantity) and ours.bound == theirs.bound:
        short = short and not ours.bound
    return short and places.are_opposed(first, second)


def _other_units(first: Answer, second: Answer) -> bool:
    if first.has_unit and second.has_unit and units.differ(first.words, second.words):
        return True
    return frequencies.differ(first.words, second.words)


def _reversed_pairs(first: Answer, second: Answer) -> bool:
    if len(first.numbers) < 2 or len(second.numbers) < 2:
        return False
    return pairs.are_reversed(first.folded, second.folded)


def _both_or_one(first: Answer, second: Answer) -> bool:
    """Whether one joins with `and` what the other offers with `or`."""
    if ("or" in first.words) == ("or" in second.words):
        return False
    if "or" not in (first.words if "and" in second.words else second.words):
        return False
    ours, theirs = ({*map(stem, side.words)} - _BOTH for side in (first, second))
    if max(len(ours), len(theirs)) > places.SHORT or ours ^ theirs != {"and", "or"}:
        return False
    return len(first.words) > 2


def _restricted(first: Answer, second: Answer) -> bool:
    """Whether one makes an exception, or names the only one of what the other joins."""
    if max(len(first.words), len(second.words)) > _LONGEST_EXCEPTION:
        return False
    if _RESTRICTING.isdisjoint(first.words) and _RESTRICTING.isdisjoint(second.words):
        return False
    for one, other in ((first, second), (second, first)):
        theirs = other.words
        if not _EXCEPTIONS.isdisjoint(one.words) and _EXCEPTIONS.isdisjoint(theirs):
            return True
        joins = "only" not in theirs and not _JOINING.isdisjoint(theirs)
        if joins and conditions.is_restricted_by_only(one.words):
            more = other.all_terms.keys() - one.all_terms.keys()
            return bool(more) or not _ALL.isdisjoint(theirs) or _denies(one, other)
    return False


def _denies(first: Answer, second: Answer) -> bool:
    ours, theirs = first.all_terms, second.all_terms
    return any(ours[word].negated != theirs[word].negated for word in ours.keys() & theirs.keys())


def _one_word_replaced(first: Answer, second: Answer) -> bool:
    """Whether they are the same but for one word, in whose place another one stands."""
    ours, theirs = first.words, second.words
    if len(ours) != len(theirs) or not 2 <= len(ours) <= places.SHORT:
        return False
    replaced = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    if len(replaced) != 1:
        return False
    if all(map(units.is_unit, replaced[0])):
        return _of_other_lengths(*replaced[0]) and _behind_a_share(ours, replaced[0][0])
    short, long = sorted(replaced[0], key=len)
    if any(start + end == short for start, end in _DENIED_IN_TURKISH.findall(long)):
        return True  # `kapatın`, `kapatmayın`
    if _quantifies(replaced[0]) or {*replaced[0]} in _OF_OTHER_EXTENT:
        return True
    named = not first.capitalised.isdisjoint(replaced[0])
    if len(ours) == _NAME and (named or first.declines):
        return False  # one name in two spellings, perhaps
    if names.is_same_person(first.full_name, second.full_name):
        return False  # one has the initial of what the other has in full
    if sum(word in text.TITLES for word in replaced[0]) == 1:
        return False  # `Dr. Gonzalez`, `Maria Gonzalez`
    if not first.question.function_words.isdisjoint(map(stem, replaced[0])):
        return False
    return all(_says_something(word) for word in replaced[0]) and not _alike(*replaced[0])


def _of_other_lengths(first: str, second: str) -> bool:
    return units.UNITS[first] != units.UNITS[second]


def _behind_a_share(words: Sequence[str], unit: str) -> bool:
    """Whether it says `a day` or `one business day`, and not `5 days`, which goes by value."""
    before = words[: words.index(unit)]
    return bool(before) and not (text.is_number(before[-1]) or units.is_unit(before[-1]))


def _quantifies(words: Sequence[str]) -> bool:
    """Whether one is for all, where the other names some: `all customers`, `Premium customers`."""
    universal = [word for word in words if word in _UNIVERSAL]
    return len(universal) == 1 and any(map(_says_something, words))


def _says_something(word: str) -> bool:
    return not (word in text.STOP_WORDS or polarity.is_negator(word) or text.is_number(word))


def _alike(first: str, second: str) -> bool:
    if stem(first) == stem(second) or spelling.likeness(first, second) > 0:
        return True
    return dates.same_zone(first, second)


def _another_name(first: Answer, second: Answer) -> bool:
    """Whether a name of one is the other's with a word in front that makes another of it."""
    return _is_another(first, second) or _is_another(second, first)


def _is_another(short: Answer, long: Answer) -> bool:
    if len(long.words) > places.SHORT // 2 or not set(short.words) < set(long.words):
        return False
    return any(
        word in _ANOTHER
        and word not in short.words
        and following in short.words
        and (word not in _ANOTHER_NAME or {word, following} <= long.capitalised)
        for word, following in pairwise(long.words)
    )


def _one_of_several(first: Answer, second: Answer) -> bool:
    """Whether one names a single one of the things that the other lists, and several are asked."""
    if (first.parts is None) == (second.parts is None) or not first.question.asks_for_several:
        return False
    one, listed = (second, first) if second.parts is None else (first, second)
    items = listed.items or ()
    return " ".join(one.key) in items and listed.enumerates


def _named_after(first: Answer, second: Answer) -> bool:
    if "university" in first.words and namesakes.are_two_universities(first.words, second.words):
        return True
    ours = first.name_words
    theirs = second.name_words if ours else ()
    if not theirs:
        return False
    asked = first.question.words
    if namesakes.differ_in_a_numeral(ours, theirs, asked) or namesakes.differ_in_number(
        ours, theirs, asked
    ):
        return True
    short, long = sorted((ours, theirs), key=len)
    return namesakes.is_named_after(short, long, asked) or namesakes.has_more(short, long, asked)


def _other_aside(first: Answer, second: Answer) -> bool:
    """Whether a name goes on in brackets, and the other otherwise: `Frankfurt (Oder)`."""
    if "(" not in first.final and "(" not in second.final:
        return False
    return any(
        namesakes.goes_on_otherwise(one.final, other.final)
        for one, other in ((first, second), (second, first))
    )


def _longer_within(first: Answer, second: Answer) -> bool:
    """Whether one name has more in its midst, as `東京工業大学` has than `東京大学`."""
    short, long = sorted((first.folded.strip(" ."), second.folded.strip(" .")), key=len)
    if not (_NAME_IN_SIGNS.fullmatch(long) and _NAME_IN_SIGNS.fullmatch(short)):
        return False
    if _SENTENCE_IN_SIGNS.search(long):
        return False
    return len(long) - len(short) > 1 and any(
        long.startswith(short[:end]) and long.endswith(short[end:])
        for end in range(2, len(short) - 1)
    )


def _decade_or_year(first: Answer, second: Answer) -> bool:
    for one, other in ((first, second), (second, first)):
        if not other.numbers:
            continue
        years = _decades(one).intersection(other.numbers)
        if years and years.isdisjoint(_decades(other)):
            return True
    return False


def _decades(answer: Answer) -> set[str]:
    return {"".join(found) for found in _DECADE.findall(answer.folded)}


def _other_complexities(first: Answer, second: Answer) -> bool:
    ours, theirs = first.final, second.final
    return operators.complexities_differ(ours, theirs) or operators.calls_differ(ours, theirs)


def _other_designations(first: Answer, second: Answer) -> bool:
    if max(len(first.words), len(second.words)) > places.SHORT:
        return False
    return identifiers.designations_differ(first.final, second.final)


def _other_letters(first: Answer, second: Answer) -> bool:
    """Whether they name `Plan A` and `Plan B`, or `hepatitis B` and `hepatitis C`."""
    if not all(any(len(word) == 1 for word in side.capitalised) for side in (first, second)):
        return False
    ours, theirs = (_letters(answer.final) for answer in (first, second))
    return any(ours[noun].isdisjoint(theirs[noun]) for noun in ours.keys() & theirs.keys())


def _letters(answer: str) -> dict[str, set[str]]:
    """The letters behind nouns, by the noun."""
    found: dict[str, set[str]] = {}
    for noun, letter in _LETTER.findall(answer):
        found.setdefault(noun.lower(), set()).add(letter)
    return found


def _other_variant(first: Answer, second: Answer) -> bool:
    """Whether one names the form 1040-EZ, and the other the form 1040."""
    for one, other in ((first, second), (second, first)):
        if not other.numbers:
            continue
        variants = _VARIANT.findall(one.final)
        if any(number in other.numbers for number in variants):
            return not _VARIANT.search(other.final)
    return False


def _denied_in_signs(first: Answer, second: Answer) -> bool:
    """Whether only one denies, in a script without spaces: `できます`, `できません`."""
    if max(len(first.folded), len(second.folded)) > _LONGEST_DENIAL:
        return False
    denied, other_denied = (
        answer.said_stance is False or _DENYING.search(answer.folded) is not None
        for answer in (first, second)
    )
    both_said = first.said_stance is not None and second.said_stance is not None
    return denied != other_denied and not both_said and not first.declines


def _free_of(first: Answer, second: Answer) -> bool:
    """Whether only one says that something is free of what the other has: `tax-free`, `taxed`."""
    if ("free" in first.words) == ("free" in second.words):
        return False
    free, other = (first, second) if "free" in first.words else (second, first)
    found = _FREE_OF.search(free.folded)
    return (
        found is not None
        and stem(found[1]) in map(stem, other.words)
        and not any(map(polarity.is_negator, other.words))
    )


def _other_option(first: Answer, second: Answer) -> bool:
    """Whether only one of two commands has an option: `git push --force`, `git push`."""
    for one, other in ((first, second), (second, first)):
        options = {name for name in one.addresses if name.startswith("-")}
        if options and not any(name.startswith("-") for name in other.addresses):
            return not any(name.strip("-") in other.words for name in options)
    return False


def _other_person(first: Answer, second: Answer) -> bool:
    ours, theirs = first.full_name, second.full_name
    if not (ours and theirs):
        return False
    if names.is_same_person(ours, theirs) is False or names.differ_in_gender(ours, theirs):
        return True
    return names.differ_in_a_double_name(ours, theirs)


_Checks = tuple[Callable[[Answer, Answer], bool], ...]
_OF_NUMBERS: _Checks = (
    _other_units,
    counts.differ,
    _reversed_pairs,
    conditions.other_limits,
    _decade_or_year,
    _other_variant,
)
"""Those that only answers with numbers need."""
_OF_SIGNS: _Checks = (_longer_within, _denied_in_signs)
"""Those that only answers in other scripts need."""
_CHECKS: _Checks = (
    _opposite_poles,
    _one_word_replaced,
    _one_of_several,
    _named_after,
    _other_aside,
    conditions.other_conditions,
    conditions.free_or_priced,
    moments.other_moment,
    moments.other_days,
    _other_complexities,
    _other_designations,
    _other_letters,
    _other_person,
    places.marks_changed_places,
    places.owners_changed_places,
    places.other_steps,
    _other_option,
    places.changed_places,
    echoes.only_one_answers,
    subjects.other_subject,
)
_OF_WORDS = (
    (frozenset(("or",)), _both_or_one),
    (_RESTRICTING, _restricted),
    (_ANOTHER, _another_name),
    (conditions.UNDONE_OR_REFUSED, conditions.undone_by_one),
    (prices.OFFERED, conditions.free_for_some),
    (moments.BEYOND, moments.beyond_one),
    (frozenset(("free",)), _free_of),
)
"""Those that tell nothing apart but where one of the answers has one of certain words."""
_TURNING = frozenset().union(*(words for words, _ in _OF_WORDS))
