"""What is nearly right is answered with what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust import ScorerSettings, SettingsError, create_scorer
from nemoguardrails_trust.errors import known_instead
from nemoguardrails_trust.guardrail.settings import read_flow_line
from nemoguardrails_trust.server.settings import settings_of


@pytest.mark.parametrize(("name", "meant"), [("locale", "local"), ("cleanlab_tlm", "cleanlab-tlm")])
def test_a_scorer(name: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=f"did you mean '{meant}'"):
        create_scorer(ScorerSettings(scorer=name))


def test_a_setting_on_the_flows_line() -> None:
    with pytest.raises(SettingsError, match=r"'treshold' .*; did you mean threshold\?"):
        read_flow_line("cleanlab trustworthiness $treshold=0.7")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"backend": {}}, "backend: is not a setting; did you mean backends?"),
        ({"backends": {"a": {"model": "m", "base-url": "x"}}}, "did you mean base_url?"),
        ({"limits": {"inflight": 3}}, "limits.inflight: is not a setting; did you mean in_flight?"),
    ],
)
def test_a_setting_of_the_server(given: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of({"backends": {"a": {"model": "m"}}, **given})
    assert told in str(caught.value)


@given(st.text(), st.lists(st.text(min_size=1), min_size=1))
def test_any_name_is_answered(name: str, known: list[str]) -> None:
    assert known_instead(name, known).startswith(("did you mean ", "there are "))
