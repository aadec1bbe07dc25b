"""Answers that decline to answer, or do not know, in whatever words."""

import re
from collections.abc import Sequence

from nemoguardrails_trust.agreement.text import word_set

_MOST_WORDS = 40
_REFUSAL = re.compile(
    r"\b(?:i|we)(?: (?:can't|cannot|can not|won't|will not|could not|couldn't|must decline"
    r"|have to decline|do not feel comfortable|don't feel comfortable)"
    r"|(?:'m| am|'re| are) (?:unable|not able|not allowed|not permitted|not in a position) to)"
    r"\b(?:\W+\w+){0,3}?\W+(?:help|helping|assist|assisting|answer|answering|provide|providing"
    r"|comply|fulfill?|discuss|discussing|share|support)\b"
    r"|\b(?:not|isn't) something (?:that )?(?:i|we)(?: can|'m able to| am able to) (?:help|assist)"
)
_UNKNOWN = re.compile(
    r"\b(?:i|we)(?: (?:really |just |honestly )?(?:do not|don't|cannot|can't|could not|couldn't)"
    r" (?:know|tell|say|determine|find (?:that|this|any|it|the answer))"
    r"| (?:do not|don't) have (?:\w+ ){0,3}(?:information|knowledge|data|answer|details)"
    r"|(?:'m| am|'re| are) (?:\w+ )?(?:not (?:\w+ )?(?:sure|certain|aware)|unsure|uncertain)"
    r"|(?: have|'ve) no (?:idea|information|knowledge|clue))\b"
    r"|^(?:that |it |this |the answer )?(?:is )?(?:unknown|no idea|not (?:sure|known))\W*$"
)
# The usual wordings of other languages, folded.
_UNKNOWN_ELSEWHERE = re.compile(
    r"\b(?:ich weiss|weiss ich) (?:es |das |die antwort )?(?:leider )?nicht\b"
    r"|\bkeine (?:ahnung|informationen)\b"
    r"|\bkann ich (?:\w+ ){0,3}nicht (?:sagen|beantworten|helfen)\b"
    r"|\bkann (?:\w+ ){0,3}nicht (?:sagen|beantworten|helfen)\b"
    r"|\bje ne (?:le )?sais pas\b|\bje n['’]ai (?:pas|aucune) (?:\w+['’ ]){0,2}"
    r"(?:information|reponse|idee)|\bje ne peux pas (?:\w+['’ ]){0,3}(?:repondre|aider)\b"
    r"|\bno (?:lo )?se\W*$|\bno (?:tengo|dispongo de) (?:\w+ ){0,2}"
    r"(?:informacion|respuesta|datos|idea)\b|\bno puedo (?:\w+ ){0,3}(?:responder|ayudar)"
    r"|\bnon (?:lo )?so\b|\bnon ho (?:\w+ ){0,2}(?:informazioni|idea)\b"
    r"|\bnon posso (?:\w+ ){0,3}(?:rispondere|aiutar)"
    r"|\bnao (?:o )?sei\b|\bnao tenho (?:\w+ ){0,2}informac|\bnao posso (?:\w+ ){0,2}responder\b"
    r"|\bik weet (?:het|dat) niet\b|\bgeen (?:idee|informatie)\b"
    r"|\bне знаю\b|\bнеизвестно\b|\bнет (?:\w+ ){0,2}(?:информации|данных)\b"
    r"|\bне могу (?:\w+ ){0,3}(?:ответить|помочь|сказать)\b"
    r"|\bnie wiem\b|\bnie mam (?:\w+ ){0,2}informacji\b"
    r"|لا اعرف|لا اعلم|ليس لدي (?:اي )?معلومات|मुझे नहीं पता|मैं नहीं जानत|मुझे नहीं मालूम"
    r"|\bbilmiyorum\b|\bjag vet (?:det )?inte\b|\bvet jag inte\b|\bjeg ved (?:det )?ikke\b"
    r"|\bjeg vet (?:det )?ikke\b|\ben tieda\b|\bnevim\b|\bneviem\b|\bnem tudom\b|\bnu stiu\b"
    r"|\btoi khong (?:biet|chac|ro)\b|\b(?:saya )?tidak tahu\b|\bδεν (?:ξερω|γνωριζω)\b"
    r"|אני לא יודע|(?:^|ฉัน|ผม|ดิฉัน)ไม่(?:ทราบ|รู้)\W*$"
    r"|不(?:太)?(?:知道|清楚|了解|确定|確定)|[无無]法(?:回答|提供|确定|確定)|没有(?:相关|这方面的)?信息"
    r"|[分わ]かりません|存じません|答え..?きません|모르겠|모릅니다|알 수 없"
)
_SIGNS = ("i ", "i'", "we ", "we'", "something", "unknown", "no idea", "not sure", "not known")
"""Of refusals in English."""
# Each of those in Latin letters has one of these words.
_WORDS_ELSEWHERE = word_set("nicht ahnung informationen sais nai peux no non nao weet geen nie")
_POLITE = re.compile(
    r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|please|contact|consult|check|let me know"
    r"|leider|entschuldigung|desolee?|lo siento|mi dispiace|desculpe|извините|сожалению)\b"
    r"|抱歉|对不起|對不起|请|すみません|申し訳|죄송"
)
_AND_YET = re.compile(
    r"\b(?:however|instead|the answer is)\b|\bbut (?!i\b|we\b)"
    r"|\b(?:aber|sondern|mais|pero|sino|perche|mas|но)\b|但|しかし|하지만"
)


def is_refusal(folded: str, words: Sequence[str], sentences: Sequence[str]) -> bool:
    """Whether an answer only declines, or says that it does not know, and offers nothing.

    Args:
        folded: The answer, folded.
        words: Its words.
        sentences: Its sentences.
    """
    elsewhere = not folded.isascii() or not _WORDS_ELSEWHERE.isdisjoint(words)
    # What every refusal holds, all but few texts do not.
    may_refuse = elsewhere or any(map(folded.__contains__, _SIGNS))
    if len(words) > _MOST_WORDS or not may_refuse:
        return False
    if _REFUSAL.search(folded) is None and not _knows_nothing(sentences, elsewhere=elsewhere):
        return False
    return _AND_YET.search(folded) is None


def _knows_nothing(sentences: Sequence[str], *, elsewhere: bool) -> bool:
    said = [
        bool(_UNKNOWN.search(sentence) or (elsewhere and _UNKNOWN_ELSEWHERE.search(sentence)))
        for sentence in sentences
    ]
    # `I am not sure. Paris?` does offer something.
    rest = zip(said, sentences, strict=True)
    return any(said) and all(unknown or _POLITE.search(sentence) for unknown, sentence in rest)
