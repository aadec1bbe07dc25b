"""Do two answers say the same? Pairs of every kind, and properties over thousands of texts."""

import json
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.agreement.compare import SAME, Agreement, agreement

if TYPE_CHECKING:
    from collections.abc import Callable

SAME_ANSWERS = [
    # text
    ("Paris", "paris"),
    ("The Beatles", "Beatles"),
    ("Béla Bartók", "bela bartok"),
    ("Malmö", "Malmo"),
    ("well-known", "well known"),
    ("Hay Fever", "Hayfever"),
    ("Paris.", " Paris !"),
    ("**Paris**", "Paris"),
    ("Marks & Spencer", "Marks and Spencer"),
    ("U.S.A.", "USA"),
    ("Colour", "color"),
    ("“Toy Story”", '"Toy Story"'),
    # names
    ("Dr. John Smith", "John Smith"),
    ("Sir Adrian Boult", "Adrian Boult"),
    ("Queen Elizabeth II", "Elizabeth II"),
    ("Martin Luther King Jr.", "Martin Luther King"),
    ("Henry VIII", "Henry the Eighth"),
    ("World War II", "World War Two"),
    ("World War I", "World War 1"),
    # numbers
    ("1,000", "1000"),
    ("1,000", "one thousand"),
    ("1 000 000", "a million"),
    ("one hundred and twenty", "120"),
    ("twenty-five", "25"),
    ("two and a half", "2.5"),
    ("two thirds", "2/3"),
    ("half", "0.5"),
    ("a dozen", "12"),
    ("1.0", "1"),
    ("007", "7"),
    ("1e3", "1000"),
    ("3 x 10^8", "300,000,000"),
    ("1st", "first"),
    ("minus five", "-5"),
    ("−3", "-3"),
    ("nineteen eighty-four", "1984"),
    ("3.14159", "3.1416"),
    ("1/3", "0.333"),
    ("about 5", "5"),
    # percentages and units
    ("5%", "five per cent"),
    ("5 %", "5 percent"),
    ("5%", "0.05"),
    ("25%", "25"),
    ("12 km", "12 kilometres"),
    ("1 km", "1000 m"),
    ("5 feet 4 inches", "64 inches"),
    ("2 hours", "120 minutes"),
    ("$1.5 million", "1,500,000 dollars"),
    ("€5", "5 euros"),
    ("240 telephone calls", "240 calls"),
    # dates and times
    ("July 4, 1776", "4 July 1776"),
    ("July 4th, 1776", "1776-07-04"),
    ("4th of July 1776", "07/04/1776"),
    ("on Thursday, 4 Jul 1776", "the 4th of July, 1776"),
    ("44 BC", "44 B.C."),
    ("3:10 pm", "15:10"),
    # mathematics
    (r"\frac{1}{2}", "0.5"),
    (r"\frac{1}{2}", "1/2"),
    ("½", "0.5"),
    (r"\boxed{42}", "42"),
    (r"The result is \boxed{\frac{3}{4}}.", "0.75"),
    (r"\dfrac{3}{4}", r"\frac34"),
    (r"\text{east}", "east"),
    (r"90^\circ", "90 degrees"),
    (r"\left(1, 2\right)", "(1,2)"),
    (r"\left[1, \infty\right)", "[1, ∞)"),
    ("(1 2)", "(1, 2)"),
    (r"(-\infty 2) \cup (3 \infty)", r"(-\infty, 2) \cup (3, \infty)"),
    (r"\{1, 2\}", r"\{2, 1\}"),
    (r"2\sqrt{2}", r"\sqrt{8}"),
    ("x^2-1", "(x-1)(x+1)"),
    ("x = 5", "5"),
    (r"3 \pm \sqrt{2}", r"3 - \sqrt2, 3 + \sqrt2"),
    (r"7 \frac{1}{3}", "22/3"),
    (r"3.\overline{3}", "10/3"),
    (r"\frac{4}{3} \text{ inches}", "4/3 inches"),
    (r"156 \text{ kg}", "156"),
    (r"\$5", "$5"),
    (r"10\%", "10"),
    (r"\begin{pmatrix} 1 \\ -2 \end{pmatrix}", r"\begin{bmatrix}1\\-2\end{bmatrix}"),
    # yes and no
    ("Yes", "Yeah, it is."),
    ("Yes", "That is correct."),
    ("True", "Yes"),
    ("No", "Nope"),
    ("No.", "Not at all."),
    ("No", "It is not."),
    ("No", "No, it is not."),
    ("Unfortunately, no.", "no"),
    ("It is not incorrect.", "Yes"),
    ("not wrong", "correct"),
    # choices
    ("B", "(B)"),
    ("Option B", "b."),
    ("B) Paris", "B"),
    # lists
    ("red, green and blue", "blue, red, green"),
    ("- oak\n- ash", "1. Ash\n2. Oak"),
    ("1, 2, 3", "3, 2, 1"),
    # JSON and tool calls
    ('{"a": 1, "b": [1, 2]}', '{"b":[1,2.0],"a":1}'),
    ('```json\n{"a": 1}\n```', '{"a": 1}'),
    ('Here it is:\n```json\n{"a": 1}\n```\nAnything else?', '{"a": 1.0}'),
    (
        '{"id": "x", "function": {"name": "f", "arguments": "{\\"x\\": 1}"}}',
        '{"function": {"arguments": {"x": 1.0}, "name": "f"}, "id": "y"}',
    ),
    # final answers
    ("The answer is 42.", "42"),
    ("Some steps.\n#### 18", "18"),
    ("Let me think. <answer>Paris</answer>", "Paris"),
    ("Answer: Paris", "Paris"),
    ("120 (100 is the general rate for walking)", "120"),
    ("Two, one on each side", "2"),
]

DIFFERENT_ANSWERS = [
    ("1,000", "1,001"),
    ("1000000000000000001", "1000000000000000002"),
    ("1.5 million", "1.5 billion"),
    ("-3", "3"),
    ("+5", "-5"),
    ("1", "10"),
    ("3.14", "3.15"),
    ("5%", "6%"),
    ("$5", "€5"),
    ("5 kg", "5 g"),
    ("12 km", "12 miles"),
    ("12 Monkeys", "12 Angry Men"),
    ("before 1900", "after 1900"),
    ("more than 5", "less than 5"),
    ("<5", ">5"),
    ("Paris", "London"),
    ("John Smith", "Jane Smith"),
    ("World War I", "World War II"),
    ("Henry VII", "Henry VIII"),
    ("Apollo 11", "Apollo 13"),
    ("C++", "C#"),
    ("north", "south"),
    ("yes", "no"),
    ("Yes", "No, it is not"),
    ("yes", "not yes"),
    ("True", "False"),
    ("correct", "incorrect"),
    ("is safe", "is not safe"),
    ("It is safe.", "It isn't safe."),
    ("legal", "illegal"),
    ("typical", "atypical"),
    ("July 4, 1776", "July 5, 1776"),
    ("1776", "1777"),
    ("44 BC", "44 AD"),
    ("10 am", "10 pm"),
    ("x=2", "x=-2"),
    ("x<5", "x>5"),
    ("2n+1", "2n-1"),
    ("x", "y"),
    ("(1,2)", "(2,1)"),
    ("(1,2)", "[1,2]"),
    ("2^3", "23"),
    ("1/2", "1/3"),
    (r"-\frac{1}{2}", r"\frac{1}{2}"),
    (r"\sqrt{2}", r"\sqrt{3}"),
    ("A", "B"),
    ("A. Lincoln", "A. Einstein"),
    ("A) Paris", "B) London"),
    ("red, green", "red, blue"),
    ('{"a": 1}', '{"a": 2}'),
    ('{"a": true}', '{"a": 1}'),
    ('{"name": "f", "arguments": {"x": 1}}', '{"name": "g", "arguments": {"x": 1}}'),
    ("I don't know", "Paris"),
    ("", "x"),
    (" \n", "x"),
]


@pytest.mark.parametrize(("first", "second"), SAME_ANSWERS)
def test_the_same_answer_written_otherwise_agrees(first: str, second: str) -> None:
    assert agreement(first, second).value >= 0.9


@pytest.mark.parametrize(("first", "second"), DIFFERENT_ANSWERS)
def test_different_answers_do_not_agree(first: str, second: str) -> None:
    assert agreement(first, second).value < SAME


WATER = "Is it safe to drink the water in Paris?"
BIGGER = "Which is bigger, the sun or the moon?"
BORN = "When was Einstein born?"
CAPITAL = "What is the capital of Australia?"
DOLLARS = "How many dollars does she make every day at the market?"


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        ("Where? A. Rome B. Paris", "B. Paris", "B"),
        (WATER, "Yes", "It is safe to drink the water in Paris."),
        (WATER, "No.", "It is not safe to drink the water."),
        (WATER, "It is unsafe to drink the water in Paris.", "No"),
        (WATER, "Yes", "Yes, the water in Paris is safe since it is treated."),
        (CAPITAL, "Canberra", "The capital of Australia is Canberra."),
        (CAPITAL, "It's Canberra.", "Australia's capital is Canberra, not Sydney."),
        (DOLLARS, "18", "She makes 18 dollars every day at the market."),
        (DOLLARS, "She sells 9 eggs at 2 dollars each, so that is 18 dollars.", "18"),
        (BORN, "1879", "Einstein was born in 1879."),
        (BORN, "Einstein was born on March 14, 1879", "14 March 1879"),
        (BIGGER, "the sun", "The sun is bigger than the moon."),
        ("Which of these is not a planet: Mars or Pluto?", "Pluto", "Pluto is not a planet."),
        ("Who had a No 1 hit with Kiss You All Over?", "Exile", "Exile had a No 1 hit with it."),
    ],
)
def test_what_an_answer_repeats_of_its_prompt_is_left_out(
    prompt: str, first: str, second: str
) -> None:
    assert agreement(first, second, prompt=prompt).value >= 0.85


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        (
            WATER,
            "It is safe to drink the water in Paris.",
            "It is not safe to drink the water in Paris.",
        ),
        (CAPITAL, "The capital of Australia is Sydney.", "The capital of Australia is Canberra."),
        (DOLLARS, "She makes 18 dollars.", "She makes 20 dollars."),
        (BORN, "Einstein was born in 1879.", "Einstein was born in 1880."),
        (BORN, "14 March 1879", "15 March 1879"),
        (BIGGER, "the sun", "the moon"),
        (BIGGER, "The sun is bigger than the moon", "the moon"),
    ],
)
def test_the_same_words_about_the_prompt_are_no_agreement(
    prompt: str, first: str, second: str
) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME


def test_a_close_number_counts_for_more_than_a_far_one_but_not_as_the_same() -> None:
    close, far = agreement("29", "30"), agreement("29", "3000")
    assert 0.0 < far.value < close.value < 0.2


def test_a_json_answer_with_more_equal_fields_is_nearer_but_not_the_same() -> None:
    near = agreement('{"a":1,"b":2,"c":3}', '{"a":1,"b":2,"c":4}')
    far = agreement('{"a":1,"b":2,"c":3}', '{"a":1,"b":5,"c":4}')
    assert 0.0 < far.value < near.value < SAME


def test_order_counts_where_the_prompt_asks_for_it() -> None:
    prompt = "List the three planets in order of size."
    assert agreement("Mars, Venus, Earth", "Earth, Venus, Mars").value == 1.0
    assert agreement("Mars, Venus, Earth", "Earth, Venus, Mars", prompt=prompt).value < 1.0


def test_a_coarser_date_is_left_unsettled() -> None:
    found = agreement("July 1776", "July 4, 1776")
    assert found.value > SAME
    assert not found.settled


@pytest.mark.parametrize(
    ("first", "second", "settled"),
    [
        ("42", "43", True),
        ("yes", "no", True),
        ("Paris", "paris", True),
        ("Mark Twain", "Samuel Clemens", False),
        ("The cat sat on the mat", "A feline rested upon the rug", False),
    ],
)
def test_only_what_plain_comparing_can_tell_is_settled(
    first: str, second: str, settled: bool
) -> None:
    assert agreement(first, second).settled is settled


@pytest.mark.parametrize("blank", ["", " ", "\n\t ", "\u3000"])
def test_a_blank_answer_agrees_with_nothing_but_a_blank_one(blank: str) -> None:
    assert agreement(blank, "") == Agreement(1.0, settled=True)
    assert agreement(blank, "Paris") == Agreement(0.0, settled=True)
    assert agreement("Paris", blank) == Agreement(0.0, settled=True)


LONG = 1_000_000


@pytest.mark.parametrize(
    "piece",
    ["a", "a ", "1", "1,", "1 ", "(", "[1,", '{"a":', r"\frac{", r"\boxed{", "not ", "1/", "$a",
     "answer is ", "<answer>", "- x\n", "one ", "漢", "\ud800", "\x00", "ﷺ", "a.b.", "x=1,", "^",
     "(a ", " (aa", "answer is\n", "1\n", " \n", "{ ", "²", "yes, ", "#### "],
)  # fmt: skip
def test_a_megabyte_of_anything_takes_no_more_than_moments(piece: str) -> None:
    text = f"1 {piece * (LONG // len(piece))} x"
    started = time.process_time()
    for other in (text + "b", "Paris", "5"):
        found = agreement(text, other, prompt=text)
        assert 0.0 <= found.value <= 1.0
    assert time.process_time() - started < 6.0  # some 0.5 s; the rest is for slow machines


# Texts of any characters, and texts of the pieces that the comparing looks out for.
ANY_TEXT = st.text(
    st.characters(exclude_categories=()), max_size=60
)  # lone surrogates and control characters too
PIECES = st.lists(
    st.sampled_from(
        ["1", "2", "0", "-3", "1/2", r"\frac{1}{2}", r"\sqrt", "{", "}", "(", ")", "[", "]", "x",
         "y", "^", "_", "+", "-", "*", "/", "=", "<", r"\pi", "e", "i", "!", "%", "$", "and", "or",
         "not", "yes", "no", "one", "hundred", "half", "a", "the", "km", "july", "4", "1776", ".",
         ",", ";", ":", "\n", '"', "\\", "é", "½", "²", r"\pm", "|", "million", "minus", "1e99",
         "99999999999999999999", ".5", r"\boxed{", "answer is", "1:30", "pm", "Paris", "London",
         "Mr", "isn't", "- ", "1. ", " ", " ", " ", r"\begin{pmatrix}", "&", "…", "—"]
    ),
    max_size=10,
).map("".join)  # fmt: skip
TEXTS = ANY_TEXT | PIECES
NUMBERS = st.integers(-(10**15), 10**15)


@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=500)
def test_it_is_symmetric_bounded_and_never_raises(first: str, second: str, prompt: str) -> None:
    found = agreement(first, second, prompt=prompt)
    assert 0.0 <= found.value <= 1.0
    assert agreement(second, first, prompt=prompt) == found


@given(TEXTS, TEXTS)
@settings(max_examples=500)
def test_an_answer_agrees_with_itself(text: str, prompt: str) -> None:
    assert agreement(text, text, prompt=prompt) == Agreement(1.0, settled=True)


WORDS = st.sampled_from(
    [
        "paris",
        "london",
        "river",
        "mount",
        "green",
        "house",
        "york",
        "saint",
        "michael",
        "table",
        "ocean",
        "king",
        "purple",
        "seven",
        "winter",
        "garden",
        "bridge",
        "castle",
        "velvet",
        "copper",
        "Zürich",
        "Málaga",
        "São",
        "Łódź",
        "Ångström",
    ]
)
PHRASES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)


@given(PHRASES, st.data())
@settings(max_examples=500)
def test_case_articles_punctuation_spacing_and_accents_make_no_difference(
    phrase: str, data: st.DataObject
) -> None:
    rewritings: dict[str, Callable[[str], str]] = {
        "upper": str.upper,
        "title": str.title,
        "article": lambda text: f"The {text}",
        "full stop": lambda text: f"{text}.",
        "quotes": lambda text: f'"{text}"',
        "bold": lambda text: f"**{text}**",
        "spaces": lambda text: "  " + text.replace(" ", "   ") + " \n",
        "hyphens": lambda text: text if ":" in text else text.replace(" ", "-"),
        "answer": lambda text: f"The answer is: {text}",
        "ascii": lambda text: text.translate(str.maketrans("üáãŁóźÅö", "uaaLozAo")),
    }
    rewritten = phrase
    for name in data.draw(st.lists(st.sampled_from(sorted(rewritings)), unique=True, max_size=3)):
        rewritten = rewritings[name](rewritten)
    assert agreement(phrase, rewritten) == Agreement(1.0, settled=True)


TITLES = st.sampled_from(["Mr.", "Mrs", "Dr.", "Sir", "Professor", "President", "Lady", "Rev."])


@given(TITLES, st.sampled_from(["John", "Mary", "Émile"]), st.sampled_from(["Smith", "O'Brien"]))
@settings(max_examples=100)
def test_a_title_makes_no_difference_to_a_name(title: str, first: str, last: str) -> None:
    assert agreement(f"{title} {first} {last}", f"{first} {last}").value == 1.0


@given(NUMBERS)
@settings(max_examples=500)
def test_thousands_separators_make_no_difference(number: int) -> None:
    for written in (f"{number:,}", f"{number:,}".replace(",", " "), f"{number}.0", f"${number:,}"):
        assert agreement(str(number), written.replace("$-", "-$")).value >= 0.97


@given(NUMBERS, NUMBERS)
@settings(max_examples=500)
def test_different_whole_numbers_never_agree(first: int, second: int) -> None:
    if first != second:
        assert agreement(f"{first:,}", str(second)).value < 0.2


@given(st.integers(0, 10**12 - 1))
@settings(max_examples=500)
def test_numbers_in_words_are_the_numbers_in_digits(number: int) -> None:
    assert agreement(in_words(number), str(number)) == Agreement(1.0, settled=True)


def in_words(number: int) -> str:
    small = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ]
    tens = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if number < 20:
        return small[number]
    if number < 100:
        return tens[number // 10] + (f"-{small[number % 10]}" if number % 10 else "")
    for size, name in (
        (10**9, "billion"),
        (10**6, "million"),
        (1000, "thousand"),
        (100, "hundred"),
    ):
        if number >= size:
            rest = number % size
            joint = " and " if size == 100 else " "
            head = f"{in_words(number // size)} {name}"
            return head + (joint + in_words(rest) if rest else "")
    raise AssertionError(number)


@given(st.integers(-999, 999), st.sampled_from([2, 4, 5, 8, 10, 20, 25, 50, 100]))
@settings(max_examples=400)
def test_fractions_decimals_and_latex_are_one(top: int, bottom: int) -> None:
    writings = [
        f"{top}/{bottom}",
        rf"\frac{{{top}}}{{{bottom}}}",
        rf"\dfrac{{{top}}}{{{bottom}}}",
        rf"$\frac{{{top}}}{{{bottom}}}$",
        rf"\boxed{{\frac{{{top}}}{{{bottom}}}}}",
        rf"\( {top} / {bottom} \)",
        f"{top / bottom:.6f}",
        rf"x = \left( {top / bottom} \right)",
    ]
    for written in writings:
        assert agreement(writings[0], written).value >= 0.95, written


ITEMS = st.lists(WORDS, min_size=2, max_size=6, unique_by=str.casefold)


@given(ITEMS, st.randoms(use_true_random=False))
@settings(max_examples=500)
def test_the_order_of_a_list_makes_no_difference(items: list[str], draw: object) -> None:
    other = list(reversed(items))
    for written in (
        ", ".join(other),
        " and ".join(other),
        "\n".join(f"- {item}" for item in other),
    ):
        assert agreement(", ".join(items), written).value == 1.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
OBJECTS = st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=5)


@given(OBJECTS)
@example({"```": None})
@settings(max_examples=400)
def test_the_order_and_spacing_of_json_make_no_difference(value: dict[str, object]) -> None:
    turned = dict(reversed(list(value.items())))
    for written in (
        json.dumps(turned),
        json.dumps(turned, indent=2),
        json.dumps(value, ensure_ascii=False, separators=(",", ":")),
        f"```json\n{json.dumps(value, indent=1)}\n```",
    ):
        assert agreement(json.dumps(value), written) == Agreement(1.0, settled=True)


@given(OBJECTS, st.integers())
@settings(max_examples=500)
def test_json_with_another_field_does_not_agree(value: dict[str, object], extra: int) -> None:
    changed = {**value, "another field": extra}
    assert agreement(json.dumps(value), json.dumps(changed)).value < SAME
