"""The sentences of answers, and where they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.signals.sentences import MOST_CHARACTERS, split_sentences
from tests.signals.hostile import HOSTILE

PIECES = st.sampled_from(
    [
        "Dr. Ng is 3.5 m.", "Is it so?", "- item\n", "1. ", "\n\n", "\r\n", "\t", "\0", "\ud800",
        "| a | b |\n|---|---|\n| 1 | 2 |\n", "```\ncode. More.\n```\n", "> quoted. Twice.\n",
        "# Head\n", "北京是首都。", "    indented.\n", "z.B. am 3. Mai. ", "😀 ok. ", "「はい。」",
        "*bold.* ", "<b>x</b> y. ",
    ]
)  # fmt: skip


def sentences(answer: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(answer, most=100).listed]


@given(st.one_of(st.text(), st.lists(PIECES, max_size=20).map("".join)))
def test_sentences_are_in_order_apart_and_stand_where_they_say(answer: str) -> None:
    found = split_sentences(answer, most=10).listed
    last = 0
    for sentence in found:
        assert last <= sentence.start < sentence.end <= len(answer)
        assert sentence.text == answer[sentence.start : sentence.end]
        assert sentence.text == sentence.text.strip()
        last = sentence.end
    assert len(found) <= 10


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Dr. Smith paid $3.50 in the U.S. on Jan. 5. He left.",
         ["Dr. Smith paid $3.50 in the U.S. on Jan. 5.", "He left."]),
        ("J. K. Rowling wrote it, e.g. in Fig. 3. It is 1.5 m.",
         ["J. K. Rowling wrote it, e.g. in Fig. 3.", "It is 1.5 m."]),
        ("Am 3. Mai 1808 kam z.B. Prof. Dr. Meier. Es kostet 1.000,50 €.",
         ["Am 3. Mai 1808 kam z.B. Prof. Dr. Meier.", "Es kostet 1.000,50 €."]),
        ("M. Dupont est né en 1950. Il vit à Paris.",
         ["M. Dupont est né en 1950.", "Il vit à Paris."]),
        ("А. С. Пушкин родился в 1799 г. в Москве. Он умер в 1837 году.",
         ["А. С. Пушкин родился в 1799 г. в Москве.", "Он умер в 1837 году."]),
        ("北京是中国的首都。人口约2100万！", ["北京是中国的首都。", "人口约2100万！"]),
        ("東京は首都です。人口は1400万人です。", ["東京は首都です。", "人口は1400万人です。"]),
        ("यह पहला है। यह दूसरा है।", ["यह पहला है।", "यह दूसरा है।"]),
        ("400", ["400"]),
        ("Yes.", ["Yes."]),
    ],
)  # fmt: skip
def test_running_text_is_split_in_several_languages(answer: str, expected: list[str]) -> None:
    assert sentences(answer) == expected


def test_markdown_is_taken_apart() -> None:
    answer = (
        "# Planets\n\nHere they are:\n\n- **Mars** is red. It is\n  small.\n2. Venus\n\n"
        "> It is hot.\n> Very.\n\n| planet | moons |\n|---|---|\n| Mars | 2 |\n\n"
        "```py\nx = 1. # It is.\n```\n"
    )
    assert sentences(answer) == [
        "**Mars** is red.", "It is\n  small.", "Venus", "It is hot.", "Very.", "Mars | 2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        "",
        " \n",
        "How can I help?",
        "它在哪里？",
        "# Title",
        "---",
        "Here:",
        "`",
        "😀",
        "```\nx\n```",
    ],
)
def test_what_states_nothing_is_no_sentence(answer: str) -> None:
    assert sentences(answer) == []


def test_ends_of_lines_of_any_system_keep_places() -> None:
    answer = "First line.\r\n\r\n- Second\r\n- Third\rFourth"
    found = split_sentences(answer, most=100).listed
    assert [answer[finding.start : finding.end] for finding in found] == [
        "First line.", "Second", "Third\rFourth",
    ]  # fmt: skip


def test_a_long_answer_is_cut_and_that_is_told() -> None:
    long = split_sentences("This is one. " * 10_000, most=100)
    assert len(long.listed) == 100
    assert not long.is_whole
    assert split_sentences("This is one. " * 100, most=100).is_whole
    assert not split_sentences("x" * (MOST_CHARACTERS + 1), most=100).is_whole
    assert not split_sentences("a\n" * 2_000, most=100).is_whole


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_no_text_makes_it_raise(answer: str) -> None:
    split_sentences(answer, most=100)
