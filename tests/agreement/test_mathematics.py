import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.agreement.expressions import Expression, Group, compare_mathematics
from nemoguardrails_trust.agreement.latex import clean_latex, spaces_as_commas
from nemoguardrails_trust.agreement.mathematics import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14),
        ("-2^2", -4),
        ("2^{10}", 1024),
        ("(1 + 2)(3 + 4)", 21),
        ("5!", 120),
        ("|3 - 5|", 2),
        (r"\sqrt[3]{27}", 3),
        (r"\frac{\pi}{2}", math.pi / 2),
        (r"\log_2 8", 3),
        (r"\sin^2 1 + \cos^2 1", 1),
        ("e^{i\\pi}", -1),
        ("10%", 0.1),
        (r"1\frac{1}{2}", 1.5),
        (r"0.\overline{3}", 1 / 3),
        (r"\frac{3}{4", 0.75),
    ],
)
def test_a_formula_has_its_value(text: str, value: float) -> None:
    found = read(text)
    assert isinstance(found, Expression)
    assert found.constant == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    ["", "Paris", "2 +", "1 / 0", "2^99999", "((((1", "\\unknown{1}", "=", "(" * 200 + "1", "200!"],
)
def test_what_is_no_formula_is_not_read(text: str) -> None:
    found = read(text)
    assert found is None or text == "((((1"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2x + y = 3", "4x + 2y - 6 = 0", True),
        ("x > 5", "5 < x", True),
        ("x > 5", "x < 5", False),
        ("x \\le 5", "x < 5", False),
        ("y = 2x", "y = x + x", True),
        ("x = 2", "y = 2", False),
        ("f(x) = x^2", "x \\cdot x", True),
        ("x_1 + x_2", "x_2 + x_1", True),
        ("x_1", "x_2", False),
        ("\\sin 2x", "2 \\sin x \\cos x", True),
        ("1, 2, 2", "1, 1, 2", False),
        ("[0, 1]", "[0, 1)", False),
    ],
)
def test_formulas_are_compared_by_value(first: str, second: str, same: bool) -> None:
    one, other = read(first), read(second)
    assert one is not None
    assert other is not None
    assert compare_mathematics(one, other) is same
    assert compare_mathematics(other, one) is same


def test_brackets_about_one_value_are_no_tuple() -> None:
    assert isinstance(read("(5)"), Expression)
    assert isinstance(read("(5, 6)"), Group)


def test_lost_commas_are_put_back_only_between_expressions() -> None:
    assert spaces_as_commas("(1 2)") == "(1, 2)"
    assert spaces_as_commas(r"[-2 \infty)") == r"[-2, \infty)"
    assert spaces_as_commas("5 - 3") == "5 - 3"
    assert spaces_as_commas(r"2 \cup 3") == r"2 \cup 3"


def test_what_only_serves_looks_is_taken_out_of_latex() -> None:
    assert clean_latex(r"\left( \dfrac{1}{2}\,\text{ m} \right)").split() == [
        "(", r"\frac{1}{2}", "{", "m}", ")",
    ]  # fmt: skip


POLYNOMIALS = st.lists(st.integers(-9, 9), min_size=2, max_size=4)


@given(POLYNOMIALS, POLYNOMIALS)
@settings(max_examples=500)
def test_a_product_equals_its_expansion_and_nothing_else(
    first: list[int], second: list[int]
) -> None:
    product = [0] * (len(first) + len(second) - 1)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            product[i + j] += a * b
    factored = read(f"({written(first)})({written(second)})")
    expanded, other = read(written(product)), read(written([product[0] + 1, *product[1:]]))
    assert factored is not None
    assert expanded is not None
    assert other is not None
    assert compare_mathematics(factored, expanded)
    assert not compare_mathematics(factored, other)


def written(coefficients: list[int]) -> str:
    return " + ".join(f"{value}x^{{{power}}}" for power, value in enumerate(coefficients))
