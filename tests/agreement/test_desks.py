"""Pairs of answers as the bots of a bank, a clinic and a shop give them."""

import pytest

from nemoguardrails_trust.agreement.compare import SAME, agreement

SAME_ANSWERS = [
    (
        "What is the maximum daily dose of paracetamol?",
        "The maximum daily dose is 4 g.",
        "The maximum daily dose is 4000 mg.",
    ),
    ("How often should I take it?", "Twice a day with food.", "Two times daily, with meals."),
    ("How often should I take it?", "Every 6 hours.", "Four times a day."),
    ("How often should I take it?", "Take it every 6 hours.", "Take it four times a day."),
    (
        "Is my appointment confirmed?",
        "Your appointment is confirmed for Monday at 10 am.",
        "Your appointment is confirmed for Monday at 10:00.",
    ),
    ("What is the fee for a wire transfer?", "There is no fee.", "It is free of charge."),
    ("What is the fee for a wire transfer?", "It's free.", "It costs nothing."),
    ("What is the interest rate?", "The annual rate is 3.5%.", "The annual rate is 3.5 percent."),
    (
        "How long can I return an item?",
        "You have 14 days to return it.",
        "Returns are accepted within two weeks.",
    ),
    (
        "Can I return opened items?",
        "Yes, if they are undamaged.",
        "Yes, opened items can be returned if they are not damaged.",
    ),
    (
        "Can I return opened items?",
        "Opened items may not be returned.",
        "Opened items can't be returned.",
    ),
    (
        "Is the warranty transferable?",
        "The warranty is non-transferable.",
        "No, the warranty cannot be transferred.",
    ),
    ("What does the warranty cover?", "It covers parts and labor.", "It covers labor and parts."),
    ("When will my order arrive?", "In 3-5 business days", "Within 3 to 5 working days"),
    (
        "What is the status of my order?",
        "Your order has been cancelled.",
        "Your order was canceled.",
    ),
    ("What is the minimum age?", "You must be at least 18 years old.", "The minimum age is 18."),
    ("What is the overdraft limit?", "Your limit is £500.", "Your limit is 500 pounds."),
    (
        "What are the side effects?",
        "Common side effects are nausea and headache.",
        "Common side effects are headache and nausea.",
    ),
    ("What should the patient's temperature be?", "37 °C", "98.6 °F"),
    (
        "How should it be stored?",
        "Keep it refrigerated between 2 and 8 °C.",
        "Store it in a fridge at 2–8 °C.",
    ),
    ("What is the deadline?", "March 31st, 2025", "2025-03-31"),
    ("How many free withdrawals do I get?", "Three free withdrawals a month.", "3 per month"),
    (
        "What is the copay?",
        "$20 for generic drugs and $40 for brand drugs",
        "$40 for brand drugs and $20 for generics",
    ),
    (
        "Is the store open on Sunday?",
        "Open 10 am to 4 pm on Sunday",
        "Open from 10:00 to 16:00 on Sundays",
    ),
    ("Does the phone support 5G?", "It supports 5G.", "It does support 5G."),
    ("How heavy is the parcel?", "2.5 kg", "2,500 g"),
    (
        "Is shipping free?",
        "Shipping is free for orders over $50.",
        "Orders above $50 ship for free.",
    ),
    ("What is the dose for children?", "10 mg per kg of body weight", "10 mg/kg"),
    ("Will the rate go up?", "The rate will rise next year.", "The rate will go up next year."),
    ("How often?", "every 6 hours", "4 times a day"),
    ("How long?", "half an hour", "30 minutes"),
    ("How long?", "an hour and a half", "90 minutes"),
    ("How long?", "a year", "12 months"),
    ("How often?", "3 times a year", "every 4 months"),
    ("What does he earn?", "$5 an hour", "5 dollars per hour"),
    ("What is the fee?", "$10 monthly", "$10 per month"),
    ("How much?", "half a cup", "1/2 cup"),
]
OTHER_ANSWERS = [
    ("What is the maximum daily dose of paracetamol?", "4 g per day", "4 mg per day"),
    ("How often should I take it?", "Twice a day with food.", "Three times a day with food."),
    ("How often is it saved?", "Backups run twice a week.", "Backups run every two weeks."),
    ("How often should I take it?", "Take it every 4 hours.", "Take it four times a day."),
    ("How often should I take it?", "Every 6 hours.", "Every 8 hours."),
    (
        "Can I take ibuprofen with warfarin?",
        "No, ibuprofen raises the risk of bleeding with warfarin.",
        "Yes, ibuprofen and warfarin can be taken together.",
    ),
    (
        "Can I take ibuprofen with warfarin?",
        "You should avoid taking ibuprofen with warfarin.",
        "It is safe to take ibuprofen with warfarin.",
    ),
    ("Should I take it before or after meals?", "Before meals.", "After meals."),
    (
        "Should I take it before or after meals?",
        "Take it on an empty stomach.",
        "Take it after eating.",
    ),
    ("When is my appointment?", "Monday at 10 am", "Monday at 10 pm"),
    ("When is my appointment?", "Monday, 3 March", "Tuesday, 3 March"),
    (
        "What is the fee for a wire transfer?",
        "The fee is $25 for domestic and $45 for international transfers.",
        "The fee is $45 for domestic and $25 for international transfers.",
    ),
    (
        "What is the fee for a wire transfer?",
        "A domestic wire transfer costs $25.",
        "There is no fee for domestic wire transfers.",
    ),
    ("What is the interest rate?", "3.5% fixed", "3.5% variable"),
    (
        "What is the interest rate?",
        "The rate is fixed for 5 years.",
        "The rate is variable after 5 years.",
    ),
    (
        "How long can I return an item?",
        "Within 30 days of delivery.",
        "Within 30 days of purchase.",
    ),
    ("How long can I return an item?", "30 business days", "30 days"),
    (
        "Who pays for return shipping?",
        "The customer pays for return shipping.",
        "We pay for return shipping.",
    ),
    (
        "Who pays for return shipping?",
        "Return shipping is free for you.",
        "You have to pay for return shipping.",
    ),
    (
        "Can I return opened items?",
        "Yes, all opened items can be returned.",
        "Only unopened items can be returned.",
    ),
    (
        "Can I return opened items?",
        "Opened items can be returned.",
        "Opened items cannot be returned.",
    ),
    (
        "Is the warranty transferable?",
        "The warranty is not transferable.",
        "The warranty can be transferred to a new owner.",
    ),
    (
        "What does the warranty cover?",
        "It covers parts and labor.",
        "It covers parts but not labor.",
    ),
    (
        "What does the warranty cover?",
        "It covers everything except the battery.",
        "It covers everything including the battery.",
    ),
    (
        "What does the warranty cover?",
        "All parts except the screen are covered.",
        "Only the screen is covered.",
    ),
    ("Which plan includes roaming?", "Plan B includes roaming.", "Plan A includes roaming."),
    (
        "Which plan includes roaming?",
        "Both plans include roaming.",
        "Neither plan includes roaming.",
    ),
    (
        "Which plan includes roaming?",
        "Both plans include roaming.",
        "Only plan A includes roaming.",
    ),
    (
        "Can I cancel any time?",
        "You can cancel at any time without a fee.",
        "You can cancel at any time for a fee of $50.",
    ),
    (
        "Can I cancel any time?",
        "Yes, any time before the renewal date.",
        "Yes, any time after the renewal date.",
    ),
    (
        "When will my order arrive?",
        "It will arrive between 3 and 5 May.",
        "It will arrive between 5 and 7 May.",
    ),
    (
        "When will my order arrive?",
        "It has already been delivered.",
        "It has not been delivered yet.",
    ),
    ("When will my order arrive?", "It has shipped.", "It has not shipped yet."),
    ("What is the status of my order?", "Your order was cancelled.", "Your order was shipped."),
    ("What is the minimum age?", "18 or older", "under 18"),
    (
        "How do I reset my password?",
        "1. Open Settings. 2. Tap Security. 3. Choose Reset password.",
        "1. Tap Security. 2. Open Settings. 3. Choose Reset password.",
    ),
    ("What is the overdraft limit?", "Your limit is £500.", "Your limit is €500."),
    (
        "Which account is charged?",
        "The savings account is charged.",
        "The checking account is charged.",
    ),
    ("Did my payment go through?", "The payment was successful.", "The payment failed."),
    ("Did my payment go through?", "The payment was accepted.", "The payment was rejected."),
    (
        "Is it safe during pregnancy?",
        "It is safe during pregnancy.",
        "It is not known whether it is safe during pregnancy.",
    ),
    (
        "Is it safe during pregnancy?",
        "It is safe in the first trimester.",
        "It is safe in the third trimester.",
    ),
    (
        "What are the side effects?",
        "Common side effects are nausea and headache.",
        "Common side effects are nausea and dizziness.",
    ),
    (
        "What are the side effects?",
        "Rare side effects include rash.",
        "Common side effects include rash.",
    ),
    ("What should the patient's temperature be?", "Below 38 °C", "Above 38 °C"),
    ("How should it be stored?", "Store in the refrigerator.", "Store at room temperature."),
    ("How should it be stored?", "Do not freeze.", "Keep frozen."),
    ("What is the deadline?", "The deadline is 31 March 2025.", "The deadline is 31 March 2026."),
    ("Is a credit check required?", "A credit check is required.", "No credit check is needed."),
    (
        "Is a credit check required?",
        "A credit check is always required.",
        "A credit check is sometimes required.",
    ),
    (
        "How many free withdrawals do I get?",
        "Three free withdrawals a month.",
        "Three free withdrawals a year.",
    ),
    ("Who can sign?", "Either account holder can sign.", "Both account holders must sign."),
    ("Which form do I need?", "Form W-9", "Form W-8"),
    ("Which form do I need?", "Form 1040", "Form 1040-EZ"),
    (
        "Where do I send the form?",
        "Send it to the billing department.",
        "Send it to the claims department.",
    ),
    (
        "Is the store open on Sunday?",
        "The store is open on Sundays from 10 to 4.",
        "The store is closed on Sundays.",
    ),
    ("Does the phone support 5G?", "It supports 5G and 4G.", "It supports 4G only."),
    ("How heavy is the parcel?", "2.5 kg", "2.5 lb"),
    ("Can I pay by card?", "You can pay by card or cash.", "You can pay by cash only."),
    ("Can I pay by card?", "Cards are accepted.", "We do not take cards."),
    (
        "Is shipping free?",
        "Shipping is free for orders over $50.",
        "Shipping is free for orders under $50.",
    ),
    ("What is the dose for children?", "10 mg/kg", "10 mg"),
    ("Increase or decrease the dose?", "Increase the dose.", "Reduce the dose."),
    ("Will the rate go up?", "The rate will rise next year.", "The rate will fall next year."),
    ("Which side is affected?", "the left knee", "the right knee"),
    ("Is the result positive?", "The test is positive.", "The test is negative."),
    (
        "Is the result positive?",
        "No evidence of infection was found.",
        "Evidence of infection was found.",
    ),
    ("What did the scan show?", "The scan shows no fracture.", "The scan shows a fracture."),
    ("What is the fee?", "$10 monthly", "$10 yearly"),
    ("How often?", "every two weeks", "twice a week"),
    ("What is the dose?", "5 mg twice daily", "5 mg once daily"),
    ("Which vitamin?", "vitamin C", "vitamin D"),
    ("Which hepatitis?", "It was hepatitis B.", "It was hepatitis C."),
    (
        "When was she born, and when did she die?",
        "She was born in 1867 and died in 1934.",
        "She was born in 1934 and died in 1867.",
    ),
    ("What is the fee?", "It is free.", "It is not free."),
]


@pytest.mark.parametrize(("prompt", "first", "second"), SAME_ANSWERS)
def test_what_a_customer_would_take_for_the_same_agrees(
    prompt: str, first: str, second: str
) -> None:
    assert agreement(first, second, prompt=prompt).value >= SAME
    assert agreement(second, first, prompt=prompt) == agreement(first, second, prompt=prompt)


@pytest.mark.parametrize(("prompt", "first", "second"), OTHER_ANSWERS)
def test_what_would_mislead_a_customer_does_not_agree(prompt: str, first: str, second: str) -> None:
    assert agreement(first, second, prompt=prompt).value < SAME
    assert agreement(second, first, prompt=prompt) == agreement(first, second, prompt=prompt)
