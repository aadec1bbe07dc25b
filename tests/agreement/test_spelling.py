import pytest

from nemoguardrails_trust.agreement.spelling import likeness


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("avocado", "avacado", 0.8),
        ("hayley", "haley", 0.8),
        ("austen", "austin", 0.8),
        ("goebbels", "geobbels", 0.8),
        ("chris", "christopher", 0.6),
        ("paris", "london", 0.0),
        ("iran", "iraq", 0.0),
        ("paris", "parks", 0.0),
        ("12345", "12346", 0.0),
        ("cat", "car", 0.0),
    ],
)
def test_slips_of_spelling_are_near(first: str, second: str, expected: float) -> None:
    assert likeness(first, second) == likeness(second, first) == expected
