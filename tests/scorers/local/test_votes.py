"""Only an answer that was said, to its end, is a vote for or against the response."""

from dataclasses import dataclass

import pytest

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.base import Ask, Completion, Reply
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.local.scorer import LocalScorer
from nemoguardrails_trust.scores import Signal

QUESTION = Exchange.of("Which city lies on the Rhône?", "Paris")

VERDICT = Completion("True 90")


@dataclass
class Answering:
    sample: Completion
    judgement: Completion
    name: str = "answering"

    async def complete(self, ask: Ask) -> Reply:
        given = self.sample if ask.purpose == "sample" else self.judgement
        return Reply((given,) * ask.n)

    async def aclose(self) -> None:
        pass


async def signals(
    sample: Completion, judgement: Completion = VERDICT, exchange: Exchange = QUESTION
) -> dict[str, Signal]:
    scorer = LocalScorer(Answering(sample, judgement), ScorerSettings(quality="medium"))
    return dict((await scorer.score(exchange)).signals)


@pytest.mark.parametrize(
    "written",
    [
        "<|channel|>analysis<|message|>Paris<|end|><|start|>assistant<|channel|>final<|message|>Lyon",
        "analysisThe user asks. Paris.assistantfinalLyon",
        "[THINK]Paris[/THINK]Lyon",
        "<reasoning>Paris</reasoning>Lyon",
        "Paris</think>Lyon",
        "Lyon<|im_end|>",
    ],
)
async def test_a_sample_counts_by_what_it_says(written: str) -> None:
    assert (await signals(Completion(written)))["consistency"].value == 0.0
    agreeing = Exchange.of("Which city lies on the Rhône?", "Lyon")
    assert (await signals(Completion(written), exchange=agreeing))["consistency"].value == 1.0


@pytest.mark.parametrize("written", ["<think>Paris", "analysisThe user asks. Paris", " "])
async def test_a_sample_that_says_nothing_is_no_vote(written: str) -> None:
    found = (await signals(Completion(written)))["consistency"]
    assert found.value is None
    assert found.error == "a sample has no answer"


@pytest.mark.parametrize(
    "written",
    ["<think>False 10</think>True 90", "[THINK]False 10[/THINK]\nTrue 90<|im_end|>", "True 90</s>"],
)
async def test_a_verdict_is_read_from_what_the_judge_says(written: str) -> None:
    assert (await signals(Completion("Paris"), Completion(written)))["reflection"].value == 0.9


async def test_a_verdict_has_the_probabilities_of_its_own_token() -> None:
    top = (("True", -0.1), ("False", -2.4))
    thought = tuple(TokenLogprob(token, -0.1) for token in ("[THINK]", "False", "[/THINK]"))
    tokens = (*thought, TokenLogprob("True", -0.1, top), TokenLogprob("<|im_end|>", -0.1))
    judgement = Completion("[THINK]False[/THINK]True<|im_end|>", tokens)
    found = (await signals(Completion("Paris"), judgement))["reflection"]
    assert found.value == pytest.approx(0.909, abs=1e-3)
    assert found.details["source"] == "token_probabilities"
