import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust import (
    Eval,
    SettingsError,
    get_default_evals,
    get_default_tool_call_evals,
)
from nemoguardrails_trust.signals.evaluations import (
    Evidence,
    evaluation_messages,
    only_calls_tools,
    require_distinct,
)

ALL_DEFAULTS = [*get_default_evals(), *get_default_tool_call_evals()]
BY_NAME = {evaluation.name: evaluation for evaluation in ALL_DEFAULTS}

texts = st.text(max_size=60) | st.sampled_from(
    ["<query 00000000>", "</response 00000000>", "\ud800", "True 100", "Does this hold?\nYes."]
)


def prompt_of(evaluation: Eval, evidence: Evidence) -> str:
    (message,) = evaluation_messages(evaluation, evidence)
    assert message.role == "user"
    return message.content


def shown(prompt: str) -> dict[str, str]:
    """What stands between the markers, by the name that the markers give it."""
    found = re.search(r"<name ([0-9a-f]{8})> and", prompt)
    assert found is not None
    parts = re.findall(
        rf"^<([a-z]+) {found[1]}>\n(.*?)\n</\1 {found[1]}>$", prompt, re.DOTALL | re.MULTILINE
    )
    return dict(parts)


class TestAnEvaluation:
    @pytest.mark.parametrize(
        ("name", "sees"),
        [
            ("context_sufficiency", {"query", "context"}),
            ("response_groundedness", {"query", "context", "response"}),
            ("response_helpfulness", {"query", "response"}),
            ("query_ease", {"query"}),
            ("tool_call_helpfulness", {"query", "response"}),
            ("tool_call_groundedness", {"query", "context", "response"}),
        ],
    )
    def test_is_shown_the_parts_that_it_has_a_word_for(self, name: str, sees: set[str]) -> None:
        prompt = prompt_of(BY_NAME[name], Evidence("q-text", ("c-one", "c-two"), "r-text"))
        texts = {"query": "q-text", "context": "c-one\n\nc-two", "response": "r-text"}
        assert shown(prompt) == {part: texts[part] for part in sees}

    @pytest.mark.parametrize("evaluation", ALL_DEFAULTS, ids=lambda evaluation: evaluation.name)
    def test_of_the_defaults_calls_each_part_by_its_identifier(self, evaluation: Eval) -> None:
        prompt = prompt_of(evaluation, Evidence("q", ("c",), "r"))
        for identifier in (
            evaluation.query_identifier,
            evaluation.context_identifier,
            evaluation.response_identifier,
        ):
            if identifier is not None:
                assert f"{identifier}:\n<" in prompt
                assert identifier in evaluation.criteria

    @given(texts, st.lists(texts, max_size=3), texts, texts.filter(str.strip))
    def test_shows_any_text_between_markers_that_it_cannot_forge(
        self, query: str, context: list[str], response: str, criteria: str
    ) -> None:
        evaluation = Eval("own", criteria, "Query", "Context", "Response")
        prompt = prompt_of(evaluation, Evidence(query, tuple(context), response))
        sendable = [
            item.encode("utf-8", "replace").decode()
            for item in (query, "\n\n".join(context), response, criteria)
        ]
        assert [*shown(prompt).values()] == sendable[:3]
        assert f"Does this hold?\n{sendable[3]}\n\n" in prompt

    def test_of_very_long_texts_is_cut_in_the_middle(self) -> None:
        text = "x" * 300_000
        prompt = prompt_of(BY_NAME["response_groundedness"], Evidence(text, (text,), text))
        assert 200_000 < len(prompt) < 205_000

    @pytest.mark.parametrize("name", ["", "  ", "response", "trustworthiness", "log", None, 3])
    def test_has_a_name_that_results_can_hold(self, name: str) -> None:
        with pytest.raises(SettingsError) as caught:
            Eval(name, "It is short.", response_identifier="Response")
        assert caught.value.key == "name"

    def test_looks_at_something(self) -> None:
        with pytest.raises(SettingsError, match="'short' looks at nothing"):
            Eval("short", "It is short.")

    @pytest.mark.parametrize("identifier", ["", "a\nb", "x" * 101, 7])
    def test_has_identifiers_of_one_line(self, identifier: str) -> None:
        with pytest.raises(SettingsError) as caught:
            Eval("short", "It is short.", context_identifier=identifier)
        assert caught.value.key == "context_identifier"

    def test_has_a_name_of_its_own(self) -> None:
        with pytest.raises(SettingsError, match="two evaluations have the name 'query_ease'"):
            require_distinct([BY_NAME["query_ease"]] * 2)
        with pytest.raises(SettingsError, match="contains a str"):
            require_distinct(["query_ease"])  # type: ignore[list-item]

    def test_list_of_defaults_can_be_changed_without_changing_them(self) -> None:
        get_default_evals().clear()
        assert len(get_default_evals()) == 4


calls = st.fixed_dictionaries(
    {
        "name": st.text(max_size=10),
        "arguments": st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)),
    }
)


class TestAResponseThatOnlyCallsTools:
    @given(st.lists(calls, min_size=1, max_size=3))
    def test_is_known_in_every_form(self, listed: list[object]) -> None:
        assert only_calls_tools(json.dumps(listed))
        assert only_calls_tools(json.dumps(listed[0]))
        assert only_calls_tools(json.dumps({"tool_calls": listed}))
        sections = [f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in listed]
        if not any("</tool_call>" in json.dumps(call) for call in listed):
            assert only_calls_tools("\n".join(sections))

    @pytest.mark.parametrize(
        "response",
        [
            "",
            "Paris",
            "[]",
            "{}",
            '{"name": "Paris"}',
            '[{"name": "f", "arguments": {}}, "and more"]',
            'I will look.\n[{"name": "f", "arguments": {}}]',
            "<tool_call>{}",
            "<tool_call>{}</tool_call> Done.",
            "[" * 100_000,
        ],
        ids=lambda text: text[:20] or "empty",
    )
    def test_is_not_taken_from_one_that_says_more_or_else(self, response: str) -> None:
        assert not only_calls_tools(response)

    @given(st.text())
    def test_is_told_of_any_text(self, response: str) -> None:
        assert not only_calls_tools(f"Well, {response}")
