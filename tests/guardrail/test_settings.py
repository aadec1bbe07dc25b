import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.guardrail.settings import (
    TrustSettings,
    is_trust_flow,
    read_flow_line,
    read_settings,
)


def test_defaults_are_those_of_the_documentation() -> None:
    read = read_settings(None)
    assert (read.threshold, read.scorer, read.quality) == (0.6, "local", "medium")
    assert (read.on_untrustworthy, read.on_error, read.timeout) == ("warn", "flag", 20.0)
    assert (read.model, read.explain, read.cache) == (None, False, 1024)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"threshold": 1.1}, "threshold"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": math.nan}, "threshold"),
        ({"threshold": "high"}, "threshold"),
        ({"treshold": 0.5}, "treshold"),
        ({"quality": "superb"}, "quality"),
        ({"on_untrustworthy": "shout"}, "on_untrustworthy"),
        ({"on_error": "ignore"}, "on_error"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": math.inf}, "timeout"),
        ({"cache": -1}, "cache"),
        ({"rounds": 0}, "rounds"),
    ],
)
def test_a_bad_setting_is_an_error_that_names_the_key(values: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError, match=f"custom_data.trust.{key}") as caught:
        read_settings({"trust": values})
    assert caught.value.key == key


@pytest.mark.parametrize("name", ["Trust", "TRUST", "turst", "trusts"])
def test_a_misspelt_section_is_told(name: str) -> None:
    with pytest.raises(
        SettingsError, match=f"{name} has no effect; did you mean custom_data.trust"
    ):
        read_settings({name: {"threshold": 0.9}})


def test_other_data_of_the_users_own_is_let_alone() -> None:
    assert read_settings({"tenant": "a", "translate": True}) == TrustSettings()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"threshold": 2}, "threshold is 2; it must be at most 1"),
        ({"timeout": 0}, "timeout is 0; it must be above 0"),
        ({"rounds": 1.5}, "rounds is 1.5; it must be a whole number"),
        ({"explain": "all"}, "explain is 'all'; it must be true or false or 'claims'"),
        ({"mark_text": ""}, "mark_text is ''; it must have at least 1 character"),
        ({"mark_text": "x" * 500}, f"mark_text is '{'x' * 99}…; it must have at most 200"),
        ({"require": "reflection"}, "require is 'reflection'; it must be a list"),
        ({"evaluations": [{}]}, "evaluations.0.name is missing"),
        ({"evaluations": [{"query_ease": 3}]}, "evaluations.0.threshold is 3; it must be at most"),
        ({"evaluations": [{"name": "a", "treshold": 0}]}, "treshold is not a setting; did you"),
    ],
)  # fmt: skip
def test_a_bad_value_is_told_in_plain_words(values: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"trust": values})
    assert told in str(caught.value)
    assert str(caught.value).startswith("custom_data.trust.")


def test_a_misspelt_setting_is_told() -> None:
    with pytest.raises(SettingsError, match="treshold is not a setting; did you mean threshold"):
        read_settings({"trust": {"treshold": 0.9}})


def test_settings_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(SettingsError, match="must be a mapping"):
        read_settings({"trust": [0.7]})


def test_an_empty_section_means_the_defaults() -> None:
    assert read_settings({"trust": None}) == TrustSettings()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cleanlab trustworthiness", {}),
        ("cleanlab trustworthiness $threshold=0.7", {"threshold": "0.7"}),
        ('cleanlab trustworthiness $threshold="0.7"', {"threshold": "0.7"}),
        (
            "cleanlab trustworthiness $threshold=0.7 $on_untrustworthy=block",
            {"threshold": "0.7", "on_untrustworthy": "block"},
        ),
        (
            "cleanlab trustworthiness(threshold=0.7, on_untrustworthy='block')",
            {"threshold": "0.7", "on_untrustworthy": "block"},
        ),
    ],
)
def test_settings_on_the_flows_line_are_read(line: str, expected: dict[str, str]) -> None:
    assert is_trust_flow(line)
    assert read_flow_line(line) == expected


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("cleanlab trustworthiness $treshold=0.7", "treshold"),
        ("cleanlab trustworthiness $threshold=nan", "threshold"),
        ("cleanlab trustworthiness $threshold=7", "threshold"),
        ("cleanlab trustworthiness $threshold=", "threshold"),
        ("cleanlab trustworthiness 0.7", "0.7"),
        ("cleanlab trustworthiness $on_untrustworthy=shout", "on_untrustworthy"),
    ],
)
def test_a_bad_line_is_an_error_that_names_it(line: str, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_flow_line(line)
    assert named in str(caught.value)
    assert line in str(caught.value)


def test_other_flows_are_not_taken_for_ours() -> None:
    assert not is_trust_flow("self check output")
    assert not is_trust_flow("cleanlab trustworthiness of mine")


@settings(max_examples=200)
@given(st.floats(0.0, 1.0))
def test_any_threshold_on_the_line_is_read_as_it_was_written(threshold: float) -> None:
    line = f"cleanlab trustworthiness $threshold={threshold!r}"
    assert TrustSettings().overridden(read_flow_line(line)).threshold == threshold
