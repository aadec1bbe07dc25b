"""Each form of thinking that models write, and what looks like one but is the answer."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from nemoguardrails_trust.exchange.thinking import answer_in
from tests.doors import DOORS, Door, opened
from tests.servers.openai import OpenAIServer, threaded_server

THOUGHT = "Paris is the capital. Or is it?"
FORMS = {
    "a fence": "```thinking\n{}\n```\nLyon",
    "a fence of tildes": "~~~thought\n{}\n~~~\n\nLyon",
    "a fence with code in it": "```thinking\n{}\n```py\nx = 1\n```\nso\n```\nLyon",
    "a longer fence": "````thinking\n{}\n```\nx\n```\n````\nLyon",
    "a fence on a later line": "```thought\n{}\n```\n\n```reasoning\nYes.\n```\nLyon",
    "escaped for HTML": "&lt;think&gt;{}&lt;/think&gt;\nLyon",
    "escaped twice": "&amp;lt;think&amp;gt;{}&amp;lt;/think&amp;gt;Lyon",
    "escaped, only the end": "{}\n&lt;/think&gt;\n\nLyon",
    "escaped for Markdown": "\\<think\\>{}\\</think\\>\nLyon",
    "escaped for JSON": "\\u003cthink\\u003e{}\\u003c/think\\u003e\nLyon",
    "full width": "＜think＞{}＜/think＞Lyon",
    "spaces in the tag": "< think >{}</ think >Lyon",
    "bars": "<｜think｜>{}<｜/think｜>Lyon",
    "closed again at the end": "<think>{}</think>\nLyon\n</think>",
    "closed again in the line": "<think>{}</think>Lyon</think>",
    "closed twice": "{}</think>\nStill Paris.\n</think>\nLyon",
    "thought": "<thought>{}</thought>Lyon",
    "scratchpad": "<scratchpad>\n{}</scratchpad>\nLyon",
    "reflection": "<reflection>{}</reflection>\nLyon",
    "self-reflection": "<self_reflection>{}</self_reflection>Lyon",
    "thinking process": "<thinking_process>{}</thinking_process>Lyon",
    "internal thoughts": "<internal_thoughts>{}</internal_thoughts>Lyon",
    "THOUGHT": "[THOUGHT]{}[/THOUGHT]Lyon",
    "an answer that does not close": "<think>{}</think>\n<answer>\nLyon",
    "K2": "<ifm|think_fast>{}</ifm|think_fast>Lyon",
    "Cohere": "<|START_THINKING|>{}<|END_THINKING|><|START_TEXT|>Lyon<|END_TEXT|>",
    "OpenThinker": "<|begin_of_thought|>{}<|end_of_thought|><|begin_of_solution|>Lyon",
    "Seed-OSS": "<seed:think>{}</seed:think>Lyon",
    "Kimi-VL": "◁think▷{}◁/think▷Lyon",
    "MedGemma": "<unused94>thought\n{}<unused95>Lyon",
    "Apertus": "<|inner_prefix|>{}<|inner_suffix|>Lyon",
    "Apriel": "Here are my reasoning steps:\n{}\n[BEGIN FINAL RESPONSE]\nLyon",
    "Apriel, only the end": "{}\n[BEGIN FINAL RESPONSE]\nLyon\n[END FINAL RESPONSE]\n<|end|>",
    "Solar 100B": "<|begin|>assistant<|think|>{}<|end|><|begin|>assistant<|content|>Lyon<|end|>",
    "Solar Open 2": "{}<|think:end|>Lyon",
    "PLaMo": "<|plamo:begin_think:plamo|>{}<|plamo:end_think:plamo|>Lyon",
    "openPangu": "[unused16]{}[unused17]Lyon[unused10]",
    "Ling": "<role>ASSISTANT</role><think>{}</think>Lyon<|role_end|>",
    "Muse": "to=self<|message|>{}<|eom|><|start|>assistant to=user<|message|>Lyon<|eot|>",
    "HyperCLOVA": "/think\n{}<|im_end|>\n<|im_start|>assistant\nLyon<|im_end|>",
    "planning": "<planning>\n{}\n</planning>\nLyon",
    "analysis": "<analysis>{}</analysis>\n<final_answer>Lyon</final_answer>",
    "a hyphen in the tag": "<chain-of-thought>{}</chain-of-thought>\nLyon",
    "capitals in the tag": "<ThoughtProcess>{}</ThoughtProcess>Lyon",
    "bold labels": "**Thinking:** {}\n\n**Answer:** Lyon",
    "bold labels in one line": "**Thinking:** {} **Answer:** Lyon",
    "bold labels, the colon outside": "**Thinking Process**: {}\n**Final Answer**: Lyon",
    "headings": "## Thinking\n\n{}\nAnswer: Paris?\n\n## Answer\n\nLyon",
    "bold headings": "**Thought process**\n{}\n\n**Answer**\nLyon",
    "plain labels": "Thinking: {}\n\nAnswer: Lyon",
    "ReAct": (
        "Thought: {}\nAction: search\nAction Input: x\nObservation: y\n"
        "Thought: I now know the final answer\nFinal Answer: Lyon"
    ),
    "ReAct with its question": "Question: which?\nThought: {}\nFinal Answer: Lyon",
    "ReAct of the paper": (
        "Thought 1: {}\nAction 1: Search[x]\nThought 2: y\nAction 2: Finish[Lyon]"
    ),
    "ReAct of LlamaIndex": "Thought: I can answer without tools. {}\nAnswer: Lyon",
    "ReAct in a conversation": "Thought: {}\nThought: Do I need to use a tool? No\nAI: Lyon",
    "ReAct with its action in JSON": (
        'Thought: {}\nAction:\n```json\n{{"action": "Final Answer", "action_input": "Lyon"}}\n```'
    ),
    "capital labels": "THOUGHT: {}\nFINAL ANSWER: Lyon",
    "labels without a space": "Thought:{}\nFinal Answer:Lyon",
    "slanted labels": "*Thinking:* {}\n\n*Answer:* Lyon",
    "labels with pictures": "💭 **Thinking:** {}\n✅ **Answer:** Lyon",
    "quoted": "> **Thinking:** {}\n\n**Answer:** Lyon",
    "a first answer in the thought": "**Thinking:** **Answer:** {}\n\n**Final Answer:** Lyon",
    "step by step": "**Step-by-step thinking:** {}\n**Answer:** Lyon",
    "Chinese": "**思考过程：** {}\n**答案：** Lyon",
    "German": "Gedanke: {}\nAntwort: Lyon",
    "French": "Réflexion : {}\nRéponse : Lyon",
    "Spanish": "Pensamiento: {}\nRespuesta final: Lyon",
    "DSPy": "[[ ## reasoning ## ]]\n{}\n\n[[ ## answer ## ]]\nLyon\n\n[[ ## completed ## ]]",
    "DSPy without a thought": "[[ ## answer ## ]]\nLyon\n\n[[ ## completed ## ]]",
    "Ollama's command line": "Thinking...\n{}\n...done thinking.\n\nLyon",
    "Russian": "**Размышление:** {}\n\n**Ответ:** Lyon",
    "Japanese": "**思考:** {}\n\n**最終回答:** Lyon",
    "Korean": "생각: {}\n답변: Lyon",
    "Portuguese": "Pensamento: {}\nResposta: Lyon",
    "Italian": "Pensiero: {}\nRisposta: Lyon",
    "Turkish": "Düşünce: {}\nCevap: Lyon",
    "Arabic": "التفكير: {}\nالإجابة: Lyon",
    "Chinese brackets": "【思考】{}【回答】Lyon",
    "a Chinese tag": "<思考>{}</思考>\n<回答>Lyon</回答>",
    "a Russian tag": "<размышление>{}</размышление>\nLyon",
    "a Korean tag": "<생각>{}</생각>Lyon",
    "a French tag": "<réflexion>{}</réflexion>Lyon",
    "a turn of its own": "<|im_start|>think\n{}\n<|im_start|>answer\nLyon<|im_end|>",
    "a turn of Gemma's": (
        "<start_of_turn>thought\n{}<end_of_turn>\n<start_of_turn>model\nLyon<end_of_turn>"
    ),
    "a turn without its tokens": "think\n{}\nanswer\nLyon",
    "its start and its end": "<|thought_start|>{}<|thought_end|>Lyon",
    "KAT": (
        "<judge>\n{} I think.\n</judge>\n\n<think_on>\n<think>\n{}\n</think>\n\n"
        "<answer>\nLyon\n</answer>"
    ),
    "KAT without a thought": "<judge>\n{}\n</judge>\n<think_off>\n<answer>\nLyon\n</answer>",
    "LLaVA-CoT": (
        "<SUMMARY>{}</SUMMARY>\n<CAPTION>A map.</CAPTION>\n<REASONING>{}</REASONING>\n"
        "<CONCLUSION>Lyon</CONCLUSION>"
    ),
    "an agent that searches": (
        "<think>{}</think>\n<search>bridges</search>\n<information>Paris has 37</information>\n"
        "<think>{}</think>\n<answer>Lyon</answer>"
    ),
    "a plan before an answer": "<plan>{}</plan>\n<answer>Lyon</answer>",
    "steps before an answer": "<step>{}</step><step>Yes.</step>\n<answer>Lyon</answer>",
    "an envelope": "<response><thinking>{}</thinking><answer>Lyon</answer></response>",
    "a summary with a picture": "<details><summary>🤔 Thinking</summary>\n{}\n</details>\nLyon",
    "a summary with a class": (
        '<details class="thinking"><summary>Reasoning process</summary>{}</details>\nLyon'
    ),
    "a vendor's name before it": "<xai:thinking>{}</xai:thinking>Lyon",
    "words before and behind it": "<deep_thinking_content>{}</deep_thinking_content>Lyon",
    "a number behind it": "<think1>{}</think1>Lyon",
    "Hunyuan 2": "<think:6124c78e>{}</think:6124c78e>\n<answer:6124c78e>Lyon</answer:6124c78e>",
    "a slash that is escaped": "<think>{}<\\/think>Lyon",
    "a quotation": "> <think>\n> {}\n> </think>\n\nLyon",
    "a mark of the byte order": "\ufeff<think>{}</think>Lyon",
    "who speaks before it": "Assistant: <think>{}</think>Lyon",
    "never closed, with the answer in tags": "<think>{}\n\n<answer>Lyon</answer>",
    "never closed, with an answer thought of": "<think><answer>{}</answer>\n<answer>Lyon</answer>",
    "nothing thought": "<think/>\nLyon",
    "nothing thought, with a space": "<think />\nLyon",
    "GLM's box": "<think>{}</think><answer><|begin_of_box|>Lyon<|end_of_box|></answer>",
    "begin_of_think": "<|begin_of_think|>{}<|end_of_think|>Lyon",
    "begin_think": "<|begin_think|>{}<|end_think|>Lyon",
    "llama.cpp's command line": "[Start thinking]\n{}\n[End thinking]\n\nLyon",
    "harmony, escaped for HTML": (
        "&lt;|channel|&gt;analysis&lt;|message|&gt;{}&lt;|end|&gt;&lt;|start|&gt;assistant"
        "&lt;|channel|&gt;final&lt;|message|&gt;Lyon"
    ),
    "harmony with headings": "**analysis**\n{}\n\n**final**\nLyon",
    "a comment of HTML": "<!-- thinking: {} -->\nLyon",
    "labels between lines": "=== Thinking ===\n{}\n=== Answer ===\nLyon",
    "labels between hyphens": "--- THINKING ---\n{}\n--- FINAL ANSWER ---\nLyon",
    "labels in brackets": "[Thought process]\n{}\n[Answer]\nLyon",
    "how long it thought": "Thought for 12 seconds\n\n{}\n\nAnswer: Lyon",
    "labels with dots": "*Thinking...*\n\n{}\n\n*Answer:*\n\nLyon",
    "plain labels with pictures": "🤔 Thinking: {}\n\n💡 Answer: Lyon",
    "LibreChat": ":::thinking\n{}\n:::\nLyon",
    "LobeChat": "<lobeThinking>{}</lobeThinking>Lyon",
    "Poe": "*Thinking...*\n\n> {}\n> Or not.\n\nLyon",
    "a German label": "**Denkprozess:** {}\n\n**Antwort:** Lyon",
    "Dutch": "Gedachte: {}\nAntwoord: Lyon",
    "Polish": "Myśli: {}\nOdpowiedź: Lyon",
    "Vietnamese": "**Suy nghĩ:** {}\n\n**Trả lời:** Lyon",
    "Hindi": "**विचार:** {}\n\n**उत्तर:** Lyon",
    "Japanese with its process": "思考プロセス:\n{}\n\n回答:\nLyon",
    "a Japanese tag": "<思考プロセス>{}</思考プロセス>Lyon",
    "a German tag": "<überlegung>{}</überlegung><antwort>Lyon</antwort>",
    "a Spanish tag": "<razonamiento>{}</razonamiento><respuesta>Lyon</respuesta>",
    "an Arabic tag": "<تفكير>{}</تفكير>Lyon",
    "a Turkish tag": "<düşünce>{}</düşünce>Lyon",
    "a Hindi tag": "<विचार>{}</विचार>Lyon",
    "a summary": "<details>\n<summary>Thought for 3 seconds</summary>\n\n{}\n</details>\nLyon",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_thought_in_any_form_is_left_out(form: str) -> None:
    thoughts = [THOUGHT] * FORMS[form].count("{}")
    assert (answer_in(FORMS[form].format(*thoughts)) or "").strip() == "Lyon"


@pytest.mark.parametrize(
    "written",
    [
        "```thinking\nParis?",
        "```thought\nParis?\n```",
        "&lt;think&gt;Paris?",
        "Paris?&lt;/think&gt;",
        "Here are my reasoning steps:\nParis?",
        "to=self<|message|>Paris?",
        "[unused16]Paris?",
        "<|think:start|>Paris?",
        "<|im_start|>think\nParis?",
        "think\nParis?",
        "<思考>Paris?",
        "thought\nParis?",
        "<!-- thinking: Paris? -->",
        ":::thinking\nParis?",
        "*Thinking...*\n\n> Paris?\n",
        "<think>Paris? <answer>Paris</answer> Or",
        "<xai:thinking>Paris?",
    ],
)
def test_a_thought_without_an_answer_is_none(written: str) -> None:
    assert answer_in(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "Wrap it:\n```html\n<think>plan</think>\n```\nand so on.",
        "```xml\n<think>plan</think>\n<answer>a</answer>\n```",
        "```\nplan\n</think>\n```\nis how it ends.",
        "Close it like this:\n```\nplan</think>answer\n```\nDone.",
        "Use the `<think>` tag and close it with `</think>`.",
        "In HTML write &lt;think&gt; for the tag and &lt;/think&gt; to close it.",
        "In Markdown write \\<think\\> for the tag.",
        "Use a fence:\n````\n```thinking\nplan\n```\n````\n",
        "Such a block looks so:\n\n```thinking\nplan\n```\n\nThat is all.",
        "```python\nprint('```thinking')\n```",
        "```thinkpad\nx\n```",
        "The <reason> element holds the reason; </reason> ends it.",
        "<details><summary>More</summary>text</details>",
        "<item><reason>late</reason></item>",
        "The array [unused160] is empty.",
        "Thinking: it is what minds do.",
        "Thinking is hard. Answer: no.",
        "## Thinking\n\nThinking is what minds do.\n\n## Feeling\n\nSo is feeling.",
        "**Thought experiments:** one is the trolley. **Answer:** it depends.",
        "Thought: a\nAnswer: b\n\nThought: c\nAnswer: d",
        "Thinking://x is no address. Answer: no.",
        "*Thought* is the word.\n*Answer* is another.",
        "Answer: Lyon\nThinking: it has more bridges.",
        "The rail has two parts.\n**Thinking:** a\n**Answer:** b",
        "**Reasoning:** it has more bridges.\n**Answer:** Lyon",
        "**Analysis:** it has more bridges.\n**Conclusion:** Lyon",
        "Thought: I need to search.\nAction: search\nAction Input: bridges",
        "Planning: first the bridges.\nAnswer: Lyon",
        "The `<planning>` tag holds the plan.",
        "<name>Lyon</name><answer>yes</answer>",
        "<plan>First the bridges.</plan>",
        "<step>Look.</step> It is Lyon. <answer>Lyon</answer>",
        "<answer>Lyon</answer>",
        "<plan>First</plan><answer>Lyon</answer> and more",
        "<response><city>Lyon</city></response>",
        "İİİ<plan>x</plan><answer>y</answer>",
        "answer\nLyon",
        "Ответ: Lyon\nМысли: none",
        "[[ ## city ## ]]\nLyon\n\n[[ ## bridges ## ]]\n28\n\n[[ ## completed ## ]]",
        "Analysis of the answer: <analysis is a name",
        "analysis: Lyon\nfinal: yes",
        "<!-- a comment -->\nLyon",
        "<thinker>Rodin</thinker>",
        "<reason_code>4</reason_code>",
        "Thought for the day\n\nAnswer: Lyon",
        "--- Thinking ---\nLyon is what I think of.",
    ],
)
def test_what_only_looks_like_a_thought_stays(written: str) -> None:
    assert answer_in(written) is written


def test_tags_that_the_answer_opens_and_closes_stay_behind_a_thought() -> None:
    answer = "<item><reason>late</reason></item> ```\n</think>\n``` so"
    assert answer_in(f"<think>Paris?</think>{answer}") == answer


class _Thinker:
    """A model that judges and samples in one form of thinking."""

    def __init__(self) -> None:
        self.form = "{1}"
        self.read: list[str] = []

    def __call__(self, body: dict[str, Any]) -> list[str]:
        asked = json.dumps(body["messages"][-1])
        self.read.append(asked)
        said = "True 95" if "True or False" in asked else "Lyon"
        return [self.form.format(THOUGHT).replace("Lyon", f" {said} ")]


@pytest.fixture(scope="module")
def model() -> _Thinker:
    return _Thinker()


@pytest.fixture(scope="module")
def doors(model: _Thinker) -> Iterator[Mapping[str, Door]]:
    with (
        threaded_server(OpenAIServer(answer=model)) as running,
        opened(running.base_url, timeout=30.0) as opening,
    ):
        yield opening


AT_DOORS = (
    "a fence", "a longer fence", "escaped for HTML", "closed twice", "THOUGHT",
    "Cohere", "MedGemma", "Apriel", "Muse", "planning", "bold labels", "ReAct",
)  # fmt: skip


@pytest.mark.parametrize("name", DOORS)
async def test_at_every_door_the_score_is_that_of_the_answer_alone(
    doors: Mapping[str, Door], model: _Thinker, name: str
) -> None:
    asked = [{"role": "user", "content": "Which city has more bridges?"}]
    model.form = "Lyon"
    plain = await doors[name](asked, "Lyon")
    assert plain.score is not None
    for form in AT_DOORS:
        model.form = FORMS[form]
        model.read.clear()
        verdict = await doors[name](asked, FORMS[form].format(THOUGHT))
        assert verdict.score == plain.score, (form, verdict)
        assert model.read
        assert not any("Or is it?" in words for words in model.read), form
