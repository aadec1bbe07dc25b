"""What the model says that answers, samples and judges on the pages."""

import re

from tests.servers.openai import Answer
from tests.tlm.scene import Body, is_judging, is_sampling, text_of

KNOWN = {
    "symbol of tungsten": ["W"],
    "tyre back": ["No."],
    "strings does a violin": ["Four", "Four."],
    "17 times 23": ["391"],
    "7 times 8": ["56"],
    "capital of Mongolia": ["Ulaanbaatar"],
    "capital of France": ["Paris"],
    "Is glass a metal": ["No", "No."],
}
MADE_UP = ["1931", "1890", "1904", "Never", "1877"]


def answers_to(question: str) -> list[str]:
    """What the model of the page says; about what it does not know, something else each time."""
    if found := re.search(r"What is (\d+) plus 1\?", question):
        return [str(int(found[1]) + 1)]
    return next((said for part, said in KNOWN.items() if part in question), MADE_UP)


def model(body: Body) -> Answer:
    text = text_of(body)
    said = answers_to(text)
    if not is_judging(body):
        return said if is_sampling(body) else said[0]
    if "Reply with 2 lines" in text:
        return "1: True 95\n2: False 10"
    if "criterion" in text:
        return "True"
    response = re.findall(r"<response [^>]*>\s*(.*?)\s*</response", text, re.DOTALL)[-1]
    sure = said is not MADE_UP and response.strip(".").lower() == said[0].strip(".").lower()
    return "True\nThat is so." if sure else "False\nNobody knows that."
