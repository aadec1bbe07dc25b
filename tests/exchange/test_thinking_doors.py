"""Thinking is left out at every door, in the rarer forms too."""

import time

import pytest

from nemoguardrails_trust.errors import ScoringError
from nemoguardrails_trust.exchange import Exchange, read_response
from nemoguardrails_trust.exchange.thinking import answer_in
from nemoguardrails_trust.scorers.safely import score_safely
from nemoguardrails_trust.scores import TrustworthinessScore

HARMONY = (
    "<|channel|>analysis<|message|>Paris, or is it?<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Lyon<|return|>"
)

SAID = {
    "<think>a</think>42": "42",
    " <Thinking>a\nb</Thinking>\n\n42": "42",
    "<think>a</think><think>b</think>42": "42",
    "<think>a</think>\n<think>b</think>\n42": "42",
    "<think>a<think>b</think>c</think>42": "42",
    "<think>what does a <think> tag do</think>42": "42",
    "<think>never ends": "",
    "<think>a</think><think>b": "",
    "a</think>42": "42",
    "[THINK]a[/THINK]42": "42",
    "a[/THINK]42": "42",
    "<COT>a</COT>42": "42",
    "<seed:think>a<seed:cot_budget_reflect>b</seed:cot_budget_reflect></seed:think>42": "42",
    "<thought>a</thought>42": "42",
    "a◁/think▷42": "42",
    "<|think|>a<|/think|>42": "42",
    "<reasoning>a</reasoning>42": "42",
    "<scratchpad>a</scratchpad>42": "42",
    "◁think▷a◁/think▷42": "42",
    "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>42<|END_RESPONSE|>": "42",
    "<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>42<|end_of_solution|>": "42",
    "<|channel>thought\na<channel|>42<turn|>": "42",
    '<details type="reasoning" done="true">a</details>\n42': "42",
    "Here is my thought process: a. Here is my response: 42": "42",
    "<think>a</think><answer>42</answer>": "42",
    "Well.\n<think>a</think>\n42": "Well.\n42",
    HARMONY: "Lyon",
    "<|channel|>analysis<|message|>Paris": "",
    "<|channel|>final<|message|>Lyon": "Lyon",
    "Paris?<|end|><|start|>assistant<|channel|>final<|message|>Lyon": "Lyon",
    "analysisThe user asks. Paris?assistantfinalLyon": "Lyon",
    "analysis\nWe need a city. Paris?\nassistant\nfinal\nLyon": "Lyon",
    "analysisThe user asks. Paris": "",
    "Paris<|im_end|>": "Paris",
    "Paris<|eot_id|><|end_of_text|>\n": "Paris",
    "Paris<|im_end|>\n<|im_start|>user\nAnd Rome?": "Paris",
    "<|im_start|>assistant\nParis": "Paris",
    "<s> Paris </s>x": "<s> Paris </s>x",
    "True 90</s>": "True 90",
}


@pytest.mark.parametrize(("written", "said"), SAID.items())
def test_only_what_is_said_is_an_answer(written: str, said: str) -> None:
    assert (answer_in(written) or "").strip() == said.strip()


UNITS = [
    "<think></think>", "<think>", "</think>", "\n<think>", "x<think>a</think>", "<|im_end|>",
    "<|channel|>", "<|channel|>final<|message|>a", "analysis", "assistantfinal", "<s>", "</s>",
    "<details ", "<think ", "`<think>`", "[e~[", "a<", " ",
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_the_time_grows_as_the_text_does(unit: str) -> None:
    def seconds(count: int) -> float:
        started = time.process_time()
        answer_in(unit * count)
        return time.process_time() - started

    # Ten times the text takes a hundred times as long where the time is quadratic.
    few = max(0.01, min(seconds(2_000) for _ in range(3)))
    assert min(seconds(20_000) for _ in range(3)) < 50 * few


@pytest.mark.parametrize(
    "parts",
    [
        [{"type": "text", "text": "Paris?", "thought": True}, {"type": "text", "text": "Lyon"}],
        [{"type": "thinking", "thinking": "Paris?"}, {"type": "text", "text": "Lyon"}],
        [{"type": "reasoning_text", "text": "Paris?"}, {"type": "output_text", "text": "Lyon"}],
        [{"text": "Paris?", "channel": "analysis"}, {"type": "text", "text": "Lyon"}],
    ],
)
def test_parts_that_are_flagged_as_thoughts_are_none_of_the_answer(parts: list[object]) -> None:
    assert read_response([{"role": "assistant", "content": parts}]) == "Lyon"


class Recording:
    name = "recording"

    def __init__(self) -> None:
        self.asked: list[Exchange] = []

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        self.asked.append(exchange)
        return TrustworthinessScore(0.5, scorer=self.name)

    async def aclose(self) -> None:
        pass


async def test_every_scorer_is_asked_about_what_is_said() -> None:
    scorer = Recording()
    exchange = Exchange.of("Which city?", "<think>Paris?</think>Lyon", token_logprobs=[-0.1] * 9)
    await score_safely(scorer, exchange, timeout=10.0)
    assert scorer.asked == [Exchange.of("Which city?", "Lyon")]


async def test_a_response_that_is_only_thinking_has_no_score() -> None:
    scorer = Recording()
    found = await score_safely(scorer, Exchange.of("Hi", "<think>Paris"), timeout=10.0)
    assert found.score is None
    assert found.error == "the response is thinking without an answer"
    assert isinstance(found.failures[0], ScoringError)
    assert not scorer.asked
