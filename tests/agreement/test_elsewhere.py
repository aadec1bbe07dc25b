"""What other languages say of amounts, times, lists and denials, and what tells names apart."""

import pytest

from nemoguardrails_trust.agreement import SAME
from tests.agreement.both_ways import value

ALIKE = {
    "halves": [
        ("Wie viel?", "ein halbes Kilo", "500 g"),
        ("Combien ?", "une demi-douzaine", "6"),
        ("Combien de temps ?", "deux heures et demie", "150 minutes"),
        ("¿Cuánto?", "dos kilos y medio", "2,5 kg"),
        ("Quanto tempo?", "meia hora", "30 minutos"),
        ("Kaç kilo?", "iki buçuk kilo", "2,5 kg"),
        ("Сколько?", "полчаса", "30 минут"),
        ("Ile?", "półtora roku", "18 miesięcy"),
        ("كم المدة؟", "نصف ساعة", "30 دقيقة"),
        ("多长时间？", "两个半小时", "2.5小时"),
        ("どのくらい？", "一時間半", "1.5時間"),
        ("얼마나 걸려요?", "한 시간 반", "90분"),
        ("How many?", "half a dozen", "6"),
    ],
    "how often": [
        ("Wie oft?", "dreimal täglich", "alle 8 Stunden"),
        ("Combien de fois ?", "deux fois par jour", "toutes les 12 heures"),
        ("¿Con qué frecuencia?", "cada 8 horas", "tres veces al día"),
        ("Как часто?", "3 раза в день", "каждые 8 часов"),
        ("Ne sıklıkta?", "günde üç kez", "günde 3 kez"),
        ("一天几次？", "每天三次", "每8小时一次"),
        ("How often?", "every other week", "every two weeks"),
    ],
    "parts of a day": [
        ("¿A qué hora?", "a las tres de la tarde", "a las 15:00"),
        ("A che ora?", "alle otto di sera", "alle 20:00"),
        ("Wann?", "um 8 Uhr abends", "20:00"),
        ("Во сколько?", "в три часа дня", "в 15:00"),
        ("¿A qué hora?", "a las ocho y media", "a las 8:30"),
        ("When?", "at 3 in the afternoon", "at 3 pm"),
    ],
    "numbers": [
        ("¿Cuánto?", "mil quinientos", "1.500"),
        ("いくらですか？", "千五百円", "1,500円"),
        ("얼마예요?", "만 오천 원", "15,000원"),
    ],
    "two sides": [
        ("Who won?", "Nadal beat Federer in five sets.", "Federer lost to Nadal in five sets."),
        ("Which came first?", "The radio came before the TV.", "The TV came after the radio."),
        ("Who is the CEO?", "Tim Cook", "Timothy Cook"),
    ],
    "lists and denials": [
        ("Welche Länder?", "Deutschland und die Schweiz", "die Schweiz, Deutschland"),
        ("Brauche ich ein Visum?", "Nein.", "Für die Reise ist kein Visum nötig."),
        ("İptal edebilir miyim?", "Maalesef mümkün değil.", "Hayır."),
        ("誰が勝ちましたか？", "わかりません", "申し訳ありませんが、情報がありません"),
    ],
}
APART = {
    "limits and times": [
        ("何個までですか？", "5個まで", "5個以上"),
        ("Wann?", "ab dem 5. Mai", "bis zum 5. Mai"),
        ("Quando?", "entro il 5 maggio", "dopo il 5 maggio"),
        ("When is it open?", "until 5 May", "from 5 May"),
        ("When is it open?", "on 5 May", "after 5 May"),
        ("¿A qué hora?", "a las 3 de la tarde", "a las 3 de la mañana"),
        ("How often?", "every other day", "every day"),
        ("Is it refundable?", "Only within 24 hours.", "Only after 24 hours."),
        ("いくらですか？", "1,500円", "1.5円"),
    ],
    "lists": [
        ("Which colours?", "red, green and blue", "red, green"),
        ("¿Qué idiomas?", "español, inglés y francés", "español e inglés"),
        ("有哪些颜色？", "红色、绿色和蓝色", "红色和绿色"),
    ],
    "denials": [
        ("我该怎么办？", "不要关闭设备", "关闭设备"),
        ("キャンセルできますか？", "はい、できます", "できません"),
        ("ยกเลิกได้ไหม", "ได้", "ไม่ได้"),
        ("Ne yapmalıyım?", "Cihazı kapatmayın.", "Cihazı kapatın."),
        ("Is it taxable?", "It is tax-free.", "It is taxed."),
        ("È gratuito?", "È gratuito.", "È a pagamento."),
        ("Is Wi-Fi included?", "Wi-Fi is included.", "Wi-Fi costs extra."),
    ],
    "places": [
        ("Who taught whom?", "Plato was Aristotle's teacher.", "Aristotle was Plato's teacher."),
        ("Where?", "He was born in Ulm and died in Rome.", "He was born in Rome and died in Ulm."),
        ("Where?", "Ann lives in Rome and Bob in Oslo.", "Ann lives in Oslo and Bob in Rome."),
        ("Lequel ?", "Paris est plus grand que Lyon.", "Lyon est plus grand que Paris."),
        ("Qual volo?", "da Roma a Milano", "da Milano a Roma"),
        ("Quelles sont les villes ?", "Lyon, ensuite Paris", "Paris, ensuite Lyon"),
        ("Wie ist die Reihenfolge?", "Rom, danach Paris", "Paris, danach Rom"),
        ("누가 이겼나요?", "한국이 일본을 이겼다", "일본이 한국을 이겼다"),
        ("Who won?", "Nadal beat Federer in five sets.", "Nadal lost to Federer in five sets."),
        (
            "How do I reset it?",
            "Unplug it, wait 10 seconds, and plug it in again.",
            "Plug it in, wait 10 seconds and unplug it.",
        ),
    ],
    "names": [
        ("Which singer was it?", "Prince", "Prince Royce"),
        ("Wo liegt das Werk?", "Frankfurt am Main", "Frankfurt (Oder)"),
        ("Which airline was it?", "American", "Pan American"),
        ("Which university?", "Columbia University", "University of British Columbia"),
        ("どの大学ですか？", "東京大学", "東京工業大学"),
    ],
    "commands and choices": [
        ("Which command?", "git push --force", "git push"),
        ("Write it.", "sorted(xs)", "sorted(xs, reverse=True)"),
        ("Which is it?\nA) red\nB) blue", "It isn't A.", "A"),
        ("左还是右？", "向左", "向右"),
    ],
}


@pytest.mark.parametrize(
    ("prompt", "first", "second"), [pair for pairs in ALIKE.values() for pair in pairs]
)
def test_these_say_the_same(prompt: str, first: str, second: str) -> None:
    assert value(first, second, prompt) >= SAME


@pytest.mark.parametrize(
    ("prompt", "first", "second"), [pair for pairs in APART.values() for pair in pairs]
)
def test_these_are_different(prompt: str, first: str, second: str) -> None:
    assert value(first, second, prompt) < SAME
