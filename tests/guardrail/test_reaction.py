"""What a flow's call and a flow of the user's own say about the bot's reaction."""

import pytest
from nemoguardrails import RailsConfig

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.guardrail.flow_calls import FlowCall, read_call
from nemoguardrails_trust.guardrail.reaction import read_own_flow

ACTIONS = {
    "1.0": "$result = execute call cleanlab api",
    "2.x": "$result = await CallCleanlabApiAction()",
}


@pytest.mark.parametrize(
    ("call", "settings", "at_run_time"),
    [
        ("", {}, ()),
        (" # as configured, $threshold=0.1", {}, ()),
        (" $threshold=0.8", {"threshold": "0.8"}, ()),
        (' 0.8 "block"', {"threshold": "0.8", "on_untrustworthy": "block"}, ()),
        ("(0.8)", {"threshold": "0.8"}, ()),
        ('(on_untrustworthy="escalate")', {"on_untrustworthy": "escalate"}, ()),
        (' "" "block"', {"on_untrustworthy": "block"}, ()),
        (" $threshold=$limit", {}, ("threshold",)),
        (" $limit 'warn'", {"on_untrustworthy": "warn"}, ("threshold",)),
    ],
)
def test_a_call_in_colang_2_is_read(
    call: str, settings: dict[str, str], at_run_time: tuple[str, ...]
) -> None:
    assert read_call(call) == FlowCall(settings, at_run_time)


@pytest.mark.parametrize("call", [" 40", " $colour=1", ' 0.5 "warn" 3', ' "block"'])
def test_a_call_that_cannot_be_meant_is_refused(call: str) -> None:
    with pytest.raises(SettingsError):
        read_call(call)


def told(version: str, *lines: str, settings: str = "threshold: 0.8") -> list[str]:
    config = RailsConfig.from_content(yaml_content=f"custom_data: {{trust: {{{settings}}}}}")
    config.colang_version = version
    source = "\n".join(f"  {line}" for line in (ACTIONS[version], *lines))
    return [finding.text for finding in read_own_flow(config, source, "0.8 (custom_data.trust)")]


@pytest.mark.parametrize("version", ["1.0", "2.x"])
@pytest.mark.parametrize(
    ("lines", "compared"),
    [
        (["if $result.trustworthiness_score < 0.7"], "0.7"),
        (["if $result.trustworthiness_score <.5"], ".5"),
        (["$score = $result.trustworthiness_score", "if $score <= 0.5"], "0.5"),
        (
            ["if $r.trustworthiness_score > 0.9", "else if $r.trustworthiness_score > 0.3"],
            "0.9 and 0.3",
        ),
    ],
)
def test_numbers_that_a_flow_compares_with_are_told(
    version: str, lines: list[str], compared: str
) -> None:
    stated = told(version, *lines)
    assert stated[0] == (f"your flow compares the score with {compared} and decides what follows")
    assert stated[1].startswith("the threshold in custom_data.trust has no effect")


def test_a_flow_that_compares_with_the_configured_threshold_needs_no_note() -> None:
    line = "if $result.trustworthiness_score < 0.80"
    assert not any("does not decide" in text for text in told("1.0", line))
    other = "if $result.trustworthiness_score < 0.7"
    assert not any("does not decide" in text for text in told("1.0", other, settings=""))


@pytest.mark.parametrize("version", ["1.0", "2.x"])
@pytest.mark.parametrize(
    "line", ["if $result.is_blocked", "if $result.trustworthiness_score < $result.threshold"]
)
def test_a_flow_that_heeds_the_threshold_is_told_so(version: str, line: str) -> None:
    assert told(version, line)[0] == "below 0.8 (custom_data.trust): decided by your flow"


@pytest.mark.parametrize("version", ["1.0", "2.x"])
def test_what_cannot_be_read_is_decided_by_the_flow(version: str) -> None:
    stated = told(version, "if $result.metadata")
    assert stated[0] == "threshold, and what happens below it: decided by your flow"


@pytest.mark.parametrize(
    ("version", "line", "note"),
    [
        ("1.0", "$trust = $result.metadata", "your flow does not set $trust"),
        (
            "2.x",
            "send TrustworthinessScored(trust=$result.metadata)",
            "your flow does not send TrustworthinessScored",
        ),
    ],
)
def test_a_flow_that_tells_the_application_nothing_is_noted(
    version: str, line: str, note: str
) -> None:
    assert any(text.startswith(note) for text in told(version))
    assert not any(text.startswith(note) for text in told(version, line))
