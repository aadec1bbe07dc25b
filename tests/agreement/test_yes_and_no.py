"""What stands behind a yes or a no."""

import pytest

from nemoguardrails_trust.agreement import SAME, agreement

OTHER_ANSWERS = [
    ("Is there a monthly fee?", "No, if you deposit $1,000 a month.", "No, there is never a fee."),
    ("Is a visa needed?", "No, not for stays under 90 days.", "No, never."),
    ("Is it open on Mondays?", "Yes, from 10 to 6.", "Yes, from 12 to 6."),
    ("Is there a fee?", "Yes, $5.", "Yes, $15."),
    ("Can I use it abroad?", "Yes, in the EU.", "Yes, everywhere."),
    ("Is the rate fixed?", "The rate is variable.", "Yes."),
    ("Do I need a visa?", "A visa is mandatory.", "No."),
    ("Can I pay by card?", "Card payments are rejected.", "Yes."),
    ("Is the door red?", "The door is closed.", "No."),
    ("Is it new?", "The item is available.", "Yes."),
    ("Can I cancel?", "Yes, up to 24 hours before.", "Yes, at any time."),
    ("Can I cancel?", "Yes, within 14 days.", "Yes, whenever you like."),
    ("Kann ich stornieren?", "Ja, bis 24 Stunden vorher.", "Ja, jederzeit."),
    ("Puis-je annuler ?", "Oui, jusqu'à 24 heures avant.", "Oui, à tout moment."),
    ("Why was it denied?", "No, the policy had lapsed.", "No, the damage was not covered."),
]
SAME_ANSWERS = [
    ("Can I return it?", "Yes, within 30 days.", "Yes, at any time within 30 days."),
    ("Is it open on Mondays?", "Yes, from 10 to 6.", "Yes, from 10 am to 6 pm."),
    ("Is there a fee?", "Yes, $5.", "Yes, 5 dollars."),
    ("Can I use it abroad?", "Yes, anywhere.", "Yes."),
    ("Is 91 prime?", "No, it can be divided by 7.", "No, since 7 × 13 is 91."),
    ("Is it open?", "No.", "No, only on Sundays."),
    ("Is the rate fixed?", "The rate is variable.", "No."),
    ("Do I need a visa?", "A visa is mandatory.", "Yes."),
    ("Do I need a visa?", "A visa is not required.", "No."),
    ("Can I return sale items?", "Sale items are excluded from returns.", "No."),
    ("Can I pay by card?", "Cards are accepted.", "Yes."),
]


@pytest.mark.parametrize(("prompt", "first", "second"), OTHER_ANSWERS)
def test_what_follows_tells_two_answers_apart(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt).value < SAME


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_ANSWERS)
def test_what_follows_leaves_them_the_same(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
    assert agreement(second, first, prompt=prompt).value >= SAME


def test_two_reasons_for_a_no_that_share_nothing_are_not_sure_to_be_one() -> None:
    question = "Did the patch fix it?"
    ours, theirs = "No, the cache was stale.", "No, a DNS record was wrong."
    found = agreement(ours, theirs, prompt=question)
    assert found.value >= SAME
    assert not found.settled
    assert agreement(ours, "No, there was a stale cache.", prompt=question).settled
