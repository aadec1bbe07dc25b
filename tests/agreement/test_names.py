"""Acronyms, spellings, roles, refusals, and the scripts of China, Japan and Korea."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.agreement import SAME, agreement
from nemoguardrails_trust.agreement.names import roles_are_swapped, same_but_for_vowels
from nemoguardrails_trust.agreement.scripts import plain_script
from tests.agreement.both_ways import value


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("USA", "United States of America"),
        ("U.S.A.", "the United States of America"),
        ("NYC", "New York City"),
        ("NASA", "National Aeronautics and Space Administration"),
        ("NASA.", "The National Aeronautics and Space Administration"),
        ("UK", "United Kingdom"),
        ("Ulaanbaatar", "Ulan-Bator"),
        ("Mohammed Ali", "Muhammad Ali"),
        ("I'm sorry, but I can't help with that.", "I am unable to assist with this request."),
        ("We cannot provide that information.", "Sorry, I won't answer this."),
    ],
)
def test_these_may_be_the_same_which_only_a_model_can_tell(first: str, second: str) -> None:
    assert value(first, second) >= SAME
    assert not agreement(first, second).settled


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("NASA", "European Space Agency"),
        ("WHO", "World Trade Organization"),
        ("Ulaanbaatar", "Almaty"),
        ("Australia", "Austria"),
        ("Nigeria", "Algeria"),
        ("I'm sorry, but I can't help with that.", "Sure, here is how."),
        (
            "I can't answer that exactly, but the answer is roughly 40.",
            "I am unable to assist with this request.",
        ),
        ("France beat Croatia", "Croatia beat France"),
        ("New Zealand defeated South Africa in 2011.", "South Africa defeated New Zealand."),
        ("Germany beat Brazil.", "Germany was beaten by Brazil."),
        ("Anna wrote to Ben.", "Ben writes to Anna."),
        ("Anna owes Ben 50 euros.", "Ben owes Anna 50 euros."),
        ("Mary is taller than John", "John is taller than Mary"),
    ],
)
def test_these_are_different(first: str, second: str) -> None:
    assert value(first, second) < SAME


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("France met Croatia", "Croatia met France"),
        ("France and Croatia", "Croatia and France"),
        ("Berlin is the capital of Germany", "Germany's capital is Berlin"),
        ("Germany beat Brazil.", "Brazil was beaten by Germany."),
        ("Anna owes Ben 50 euros.", "Ben is owed 50 euros by Anna."),
        ("Shakespeare is the author of Hamlet", "The author of Hamlet is Shakespeare"),
    ],
)
def test_order_without_roles_says_nothing(first: str, second: str) -> None:
    assert value(first, second) >= SAME


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("一共多少?", "二十五", "25"),
        ("几个?", "三百二十个", "320个"),
        ("多少人?", "一亿二千万", "120,000,000"),
        ("什么时候?", "2020年5月3日", "2020-05-03"),
        ("언제입니까?", "2020년 5월 3일", "2020-05-03"),
        ("대한민국의 수도는 어디입니까?", "서울입니다", "대한민국의 수도는 서울이다."),
        ("日本の首都は?", "東京です", "日本の首都は東京です。"),
    ],
)
def test_scripts_without_latin_letters_are_read(prompt: str, first: str, second: str) -> None:
    assert value(first, second, prompt) >= SAME


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("一共多少?", "二十五", "26"),
        ("什么时候?", "2020年5月3日", "2020-05-04"),
        ("수도는 어디입니까?", "서울입니다", "부산입니다"),
        ("日本の首都は?", "東京です", "大阪です"),
    ],
)
def test_what_differs_there_stays_different(prompt: str, first: str, second: str) -> None:
    assert value(first, second, prompt) < SAME


@pytest.mark.parametrize("word", ["千万", "一定", "二〇二〇", "三国", "万一"])
def test_words_with_numerals_in_them_are_no_numbers(word: str) -> None:
    assert plain_script(word) == word


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 9))
def test_each_chinese_numeral_is_its_number(hundreds: int, tens: int, ones: int) -> None:
    digits = "零一二三四五六七八九"
    written = f"{digits[hundreds]}百{digits[tens]}十{digits[ones] if ones else ''}"
    assert plain_script(written) == str(100 * hundreds + 10 * tens + ones)


@given(st.text(max_size=60), st.text(max_size=60))
def test_spelling_and_roles_are_the_same_either_way_round(first: str, second: str) -> None:
    assert same_but_for_vowels(first, second) == same_but_for_vowels(second, first)
    ours, theirs = first.lower().split(), second.lower().split()
    names = {word: word for word in {*ours, *theirs} if len(word) > 2}
    assert roles_are_swapped(ours, theirs, names=names) == roles_are_swapped(
        theirs, ours, names=names
    )


def test_who_is_first_is_a_name_and_no_number() -> None:
    prompt = "Which band was founded first, Hole or The Wolfhounds?"
    short = "The Wolfhounds were founded first."
    long = "The Wolfhounds were founded first. They formed in 1985, and Hole in 1989."
    assert agreement(short, long, prompt=prompt).value >= SAME
    assert agreement(short, "Hole was founded first.", prompt=prompt).value < SAME


def test_a_roman_numeral_alone_is_its_number() -> None:
    prompt = "What is the number 4 in Roman numerals?"
    long = "In Roman numerals, the number 4 is written as IV."
    assert agreement("IV", long, prompt=prompt).value >= SAME
    assert agreement("VI", long, prompt=prompt).value < SAME
