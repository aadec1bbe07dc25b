"""Files as other programs leave them: read as they are meant, or refused with what to do."""

from pathlib import Path

import pytest

from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.scored import read_label
from nemoguardrails_trust.errors import DataError


@pytest.mark.parametrize("blank", ["\n", "\n\n\r\n"])
def test_blank_lines_before_a_header_are_passed_over(tmp_path: Path, blank: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(f"{blank}question,answer\na,b\nc,d\n".encode())
    source = open_source(path)
    assert source.columns == ("question", "answer")
    read = list(source.rows())
    assert [row for _, row in read] == [
        {"question": "a", "answer": "b"},
        {"question": "c", "answer": "d"},
    ]
    assert [row for _, row in source.rows(read[1][0])] == [{"question": "c", "answer": "d"}]


def test_lines_that_end_as_on_old_macs_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"question,answer\ra,b\rc,d\r")
    with pytest.raises(DataError, match=r"rows.csv:1: .* that end in a line feed"):
        open_source(path)


@pytest.mark.parametrize(
    ("right", "wrong"), [("pass", "FAIL"), ("Passed ", "failed"), ("✓", "✗"), ("✅", "❌")]
)
def test_a_test_s_outcome_is_a_label(right: str, wrong: str) -> None:
    assert read_label(right) is True
    assert read_label(wrong) is False
