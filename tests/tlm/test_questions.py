"""What a prompt is, and which answer an answer is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.tlm.questions import Item, items_of, matching

TEXTS = st.text(min_size=1).filter(lambda text: bool(text.strip()))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes", "Yes"),
        ("yes", "Yes"),
        (' "YES." ', "Yes"),
        ("“no”", "No"),
        ("not  sure", "Not sure"),
        ("Yes, surely", None),
        ("", None),
        ("Y", None),
    ],
)
def test_an_answer_is_recognised_in_spite_of_its_form(answer: str, expected: str | None) -> None:
    assert matching(answer, ["Yes", "No", "Not sure"]) == expected


@pytest.mark.parametrize("answer", ["a", "A"])
def test_the_exact_form_goes_before_a_like_one(answer: str) -> None:
    assert matching(answer, ["a", "A"]) == answer
    assert matching(f"{answer}.", ["A", "a"]) == "A"


@given(allowed=st.lists(TEXTS, min_size=1, max_size=5), data=st.data())
@settings(max_examples=100)
def test_what_is_allowed_is_always_recognised_and_nothing_else_comes_out(
    allowed: list[str], data: st.DataObject
) -> None:
    chosen = data.draw(st.sampled_from(allowed))
    assert matching(chosen, allowed) == chosen
    assert matching(data.draw(st.text()), allowed) in [*allowed, None]


@given(prompts=st.lists(st.one_of(TEXTS, st.just([{"role": "user", "content": "?"}])), max_size=6))
@settings(max_examples=50)
def test_a_tuple_or_list_of_prompts_is_many_unless_it_is_a_conversation(
    prompts: list[object],
) -> None:
    for listed in (prompts, tuple(prompts), iter(prompts)):
        items, is_one = items_of(listed)
        assert not is_one
        assert [item.prompt for item in items] == prompts
    for prompt in prompts:
        assert items_of(prompt) == ([Item(prompt)], True)


def test_an_error_names_the_message_and_holds_nothing_of_it() -> None:
    chat = [{"role": "user", "content": "hello"}, {"role": "wizard", "content": "secret words"}]
    with pytest.raises(DataError, match="message 2 of the prompt has the role 'wizard'") as caught:
        Item(chat).read()
    assert "secret" not in str(caught.value)
