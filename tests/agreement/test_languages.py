"""Answers in other languages than English."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from nemoguardrails_trust.agreement import counting, languages, text
from tests.agreement.both_ways import same
from tests.agreement.make_languages import CHARACTERS, FILE, LANGUAGES, make, make_characters

PARKING = "Ist das Parken hier erlaubt?"
REFUND = "可以退款吗？"


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Wie viele Monate hat ein Jahr?", "zwölf", "12"),
        ("Wie viele?", "Es sind zweihundertfünfzig Stück.", "250"),
        ("Combien ?", "quatre-vingt-onze", "91"),
        ("¿Cuántos?", "Son treinta y uno.", "31"),
        ("Wie lange?", "zwei Jahre", "2 Jahre"),
        ("Wie lange?", "zwei Minuten", "2 minutes"),
        ("Wie lange?", "anderthalb Stunden", "1,5 Stunden"),
        ("Combien de temps ?", "Il dure une heure.", "1 heure"),
        ("¿Cuánto dura?", "dos años", "2 años"),
        ("Hoe lang?", "één week", "1 week"),
        ("Ile trwa?", "dwie godziny", "2 godziny"),
        ("Сколько?", "две недели", "2 недели"),
        ("كم؟", "سنتان", "2 سنوات"),
        ("كم؟", "ثلاث سنوات", "3 سنوات"),
        ("얼마입니까?", "삼 년입니다.", "3년"),
        ("얼마입니까?", "만 원", "10,000원"),
        ("几点开始？", "下午三点", "15:00"),
        ("Ile?", "dwadzieścia złotych", "20 zł"),
        ("¿Cuántos?", "dos mil trescientos", "2300"),
        ("Сколько?", "двенадцать", "12"),
        ("Wann?", "3. Mai 1808", "1808-05-03"),
        ("Wann?", "Am 3. Mai 1808.", "May 3, 1808"),
        ("Quand ?", "le 14 juillet 1789", "14/07/1789"),
        ("¿Cuándo?", "12 de octubre de 1492", "1492-10-12"),
        ("Kiedy?", "3 maja 1791", "1791-05-03"),
        ("Mikor?", "1848. március 15.", "1848-03-15"),
        ("Когда?", "3 мая 1808", "1808-05-03"),
        ("いつ？", "三月五日", "3月5日"),
        ("什么时候？", "二〇二四年五月三日", "2024-05-03"),
        ("Was kostet es?", "1.000,50 €", "1000,5 Euro"),
        ("Сколько?", "12,5", "12.5"),
        (PARKING, "Ja.", "Das Parken ist hier erlaubt."),
        (PARKING, "Nein.", "Das Parken ist hier nicht erlaubt."),
        (PARKING, "Ja, hier schon.", "Ja"),
        ("¿Está permitido?", "Sí", "Sí, está permitido."),
        (REFUND, "可以", "是的，可以退款。"),
        (REFUND, "不可以", "不，不能退款。"),
        ("한국의 수도는?", "서울입니다", "대한민국의 수도는 서울이다."),
        ("เมืองหลวงของไทยคืออะไร", "กรุงเทพ", "เมืองหลวงของไทยคือกรุงเทพ"),
        ("Combien ?", "soixante-seize", "76"),
        ("몇 개?", "칠십이", "72"),
        ("몇 개?", "삼백오십입니다", "350"),
        ("Сколько будет 15 * 4?", "15 × 4 = 60", "60"),
        ("36 × 25 =", "计算结果为：36×25=900", "900"),
        ("Когда?", "9 мая 1945 года", "1945-05-09"),
        ("Kiedy?", "3 maja 1791 roku", "1791-05-03"),
        ("Quién?", "OEA", "Organización de los Estados Americanos"),
        ("Who?", "Tchaikovsky", "Tschaikowsky"),
        ("Who?", "Gorbachev", "Gorbatschow"),
        ("Where?", "Kazakhstan", "Kasachstan"),
        ("", "Das weiß ich leider nicht... ich weiß es nicht.", "Ich habe keine Informationen."),
        ("", "Je ne sais pas.", "Désolé, je n'ai pas d'information."),
        ("", "No lo sé.", "Lo siento, no puedo responder."),
        ("", "Non lo so.", "Mi dispiace, non ho informazioni."),
        ("", "我不清楚。", "抱歉，我无法回答这个问题。"),
        ("", "わかりません。", "すみません、お答えできません。"),
        ("", "Не знаю.", "Извините, я не могу ответить на это."),
        ("", "I don't know.", "I'm not sure, sorry."),
        ("", "Unknown", "Sorry, I have no information about that."),
    ],
)
def test_these_are_the_same(prompt: str, first: str, second: str) -> None:
    assert same(first, second, prompt)


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Wie viele?", "zwölf", "13"),
        ("Wie viele?", "zwölf Äpfel", "12 Birnen"),
        ("¿Cuántos?", "Lo vi una vez, once más no.", "1"),
        ("How many?", "It happened once to him.", "11"),
        ("Wann?", "3. Mai 1808", "1808-06-03"),
        ("Quand ?", "14 juillet 1789", "15 juillet 1789"),
        ("Сколько?", "12,5", "12.6"),
        (PARKING, "Nein.", "Das Parken ist hier erlaubt."),
        (PARKING, "Ja.", "Das Parken ist hier nicht erlaubt."),
        (PARKING, "Ja.", "Das Parken ist hier kostenlos."),
        ("Est-ce permis ?", "Oui", "Non"),
        ("返品できますか？", "返品できます。", "返品はできません。"),
        ("هل يمكنني الإرجاع؟", "يمكنك الإرجاع.", "لا يمكنك الإرجاع."),
        ("Czy mogę?", "Może Pan zwrócić towar.", "Nie może Pan zwrócić towaru."),
        (REFUND, "可以", "不，不能退款。"),
        ("한국의 수도는?", "서울입니다", "대한민국의 수도는 부산이다."),
        ("", "I don't know.", "I'm not sure. Paris?"),
        ("", "Mars 2020", "Mars 2021"),
        ("", "2 + 2 = 5", "2 + 2 = 4"),
        ("Combien ?", "soixante-seize", "66"),
        ("Wie lange?", "zwei Jahre", "ein Jahr"),
        ("Combien de temps ?", "deux minutes", "trois minutes"),
        ("¿Cuánto dura?", "un año", "dos años"),
        ("Ile trwa?", "jedna godzina", "dwie godziny"),
        ("Сколько?", "одна неделя", "две недели"),
        ("كم؟", "سنة واحدة", "سنتان"),
        ("얼마입니까?", "이 년", "일 년"),
        ("Combien ?", "Il y a une table.", "1"),
        ("몇 개?", "칠십이", "27"),
        ("Когда?", "9 мая 1945 года", "9 июня 1945 года"),
        ("Qui ?", "L'Espagne a battu le Portugal", "Le Portugal a battu l'Espagne"),
        ("谁赢了？", "法国战胜德国", "德国战胜法国"),
        ("", "No sé si es Madrid o Sevilla.", "No lo sé."),
        ("", "我不清楚。", "北京"),
        ("Where?", "Slovakia", "Slovenia"),
    ],
)
def test_these_are_different(prompt: str, first: str, second: str) -> None:
    assert not same(first, second, prompt)


@pytest.mark.parametrize(
    "text",
    [
        "the fire hours",
        "It is due days later.",
        "six minutes",
        "Bartolomeu Dias",
        "after a second term",
    ],
)
def test_english_words_in_front_of_a_unit_stay_as_they_are(text: str) -> None:
    words = text.lower().rstrip(".").split()
    assert counting.counted(words) == words


def test_the_file_is_what_its_sources_give() -> None:
    assert json.loads(FILE.read_text("utf-8")) == make()
    assert json.loads(CHARACTERS.read_text("utf-8")) == make_characters()


@settings(max_examples=60)
@given(number=st.integers(0, 9_999), language=st.sampled_from(sorted({*LANGUAGES} - {"it", "hu"})))
def test_a_number_in_words_is_read_as_it_is_written(number: int, language: str) -> None:
    written = text.tokens(text.fold(num2words(number, lang=LANGUAGES[language])))
    assert languages.in_digits(written, lambda value: value == number) == [f"{number}"]


@given(words=st.lists(st.text(st.characters(categories=["L"]), min_size=1, max_size=9)))
def test_other_words_stay_as_they_are(words: list[str]) -> None:
    assert languages.in_digits(words, lambda value: False) is None


@given(folded=st.text(max_size=60))
def test_reading_months_never_raises_and_ends_at_once(folded: str) -> None:
    once = languages.english_months(folded)
    assert languages.english_months(once) == once
