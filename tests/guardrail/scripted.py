"""A scorer of a user's own, scripted by the tests, and bots that use it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.embeddings.index import EmbeddingsIndex
from nemoguardrails.testing import FakeLLMModel

from nemoguardrails_trust import Exchange, ScorerSettings, TrustworthinessScore
from nemoguardrails_trust.guardrail.plugin import register

Answer = float | None | Exception | Callable[[Exchange], Any]


class ScriptedScorer:
    """Gives what the test set in `answer`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets everything, and trusts every answer again."""
        self.answer: Answer = 0.9
        self.exchanges: list[Exchange] = []
        self.settings: ScorerSettings | None = None
        self.delay = 0.0
        self.cancelled = 0

    async def score(self, exchange: Exchange) -> TrustworthinessScore:
        self.exchanges.append(exchange)
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        answer = self.answer(exchange) if callable(self.answer) else self.answer
        if isinstance(answer, Exception):
            raise answer
        if answer is None or isinstance(answer, float):
            return TrustworthinessScore(answer, scorer="scripted", explanation="As scripted.")
        return answer  # type: ignore[no-any-return]


SCORER = ScriptedScorer()


def make(settings: ScorerSettings) -> ScriptedScorer:
    """The factory that configurations name as `tests.guardrail.scripted:make`."""
    SCORER.settings = settings
    return SCORER


class StubbornLLM(FakeLLMModel):  # type: ignore[misc]
    """A model that does not let itself be cancelled, and answers once `ends` is set."""

    def __init__(self, *, responses: list[str], yields: int = 0) -> None:
        super().__init__(responses=responses)
        self.ends = asyncio.Event()
        self._yields = yields  # so many answers come at once

    async def generate_async(self, *given: Any, **named: Any) -> Any:
        while self.inference_count >= self._yields and not self.ends.is_set():
            try:
                await self.ends.wait()
            except asyncio.CancelledError:
                continue
        return await super().generate_async(*given, **named)


class AsyncCheck(ScriptedScorer):
    """A scorer whose check nobody would wait for."""

    async def check(self) -> None:
        """Never called."""


def make_with_async_check(settings: ScorerSettings) -> AsyncCheck:
    """A factory of a scorer that cannot be used."""
    return AsyncCheck()


def fail(settings: ScorerSettings) -> ScriptedScorer:
    """A factory that raises."""
    raise RuntimeError(f"no scorer for threshold {settings.threshold}")


NOT_A_FACTORY = 3
SCRIPTED = "tests.guardrail.scripted:make"

V1 = """
import_paths: [nemoguardrails_trust/rail]
rails:
  input:
    flows: {inputs}
  output:
    flows: ["cleanlab trustworthiness{line}"]
custom_data:
  trust: {{scorer: "{scorer}"{settings}}}
{more}
"""

V2 = """
colang_version: "2.x"
{top}
custom_data:
  trust: {{scorer: "{scorer}"{settings}}}
{more}
"""

V2_MAIN = """
import core
import guardrails
import nemoguardrails_trust.rail

flow main
  activate answer the user

@active
flow answer the user
  user said something as $ref
  $answer = await AnswerAction()
  bot say $answer

flow output rails $output_text
  cleanlab trustworthiness{arguments}

{more}
"""


def require_unchecked(told: Iterable[tuple[str, dict[str, Any]]], *, key: str) -> None:
    """All outcomes are unchecked, say why, and do not hold the key."""
    for _, trust in told:
        assert (trust["status"], trust["trustworthiness_score"]) == ("unchecked", None)
        assert trust["error"]
        assert key not in str(trust)


def bot_v1(
    *answers: str,
    settings: str = "",
    line: str = "",
    more: str = "",
    colang: str | None = None,
    inputs: str = "[]",
    scorer: str = SCRIPTED,
) -> LLMRails:
    """A Colang 1.0 bot in general mode whose model gives the answers in turn."""
    register()
    yaml = V1.format(
        settings=f", {settings}" if settings else "",
        line=f" {line}" if line else "",
        more=more,
        inputs=inputs,
        scorer=scorer,
    )
    config = RailsConfig.from_content(colang_content=colang, yaml_content=yaml)
    return LLMRails(config, llm=FakeLLMModel(responses=list(answers)))


def bot_v2(
    *answers: str,
    settings: str = "",
    arguments: str = "",
    more: str = "",
    top: str = "",
    scorer: str = SCRIPTED,
) -> LLMRails:
    """A Colang 2.x bot that gives the answers in turn."""
    register()
    yaml = V2.format(settings=f", {settings}" if settings else "", more="", top=top, scorer=scorer)
    main = V2_MAIN.format(arguments=f" {arguments}" if arguments else "", more=more)
    config = RailsConfig.from_content(colang_content=main, yaml_content=yaml)
    rails = LLMRails(config, llm=FakeLLMModel(responses=list(answers)))
    left = list(answers)

    async def answer() -> str:
        return left.pop(0)

    rails.register_action(answer, "AnswerAction")
    return rails


def ask(question: str = "What is the capital of France?") -> list[dict[str, Any]]:
    """Messages with one question."""
    return [{"role": "user", "content": question}]


class WordIndex(EmbeddingsIndex):  # type: ignore[misc]
    """Finds texts by the words they share, so that dialog mode needs no embedding model."""

    def __init__(self, **_parameters: Any) -> None:
        self._items: list[Any] = []

    async def add_item(self, item: Any) -> None:
        self._items.append(item)

    async def add_items(self, items: list[Any]) -> None:
        self._items.extend(items)

    async def build(self) -> None:
        pass

    async def search(self, text: str, max_results: int = 5, threshold: Any = None) -> list[Any]:
        words = set(text.casefold().split())
        return sorted(
            self._items, key=lambda item: -len(words & set(item.text.casefold().split()))
        )[:max_results]


WORDS = """
core: {embedding_search_provider: {name: words}}
knowledge_base: {embedding_search_provider: {name: words}}
"""


def is_judge(body: dict[str, Any]) -> bool:
    """Whether a request has the model judge an answer."""
    return "True or False" in str(body["messages"])


def is_main(body: dict[str, Any]) -> bool:
    """Whether a request is for the bot's answer.

    NeMo Guardrails asks in general mode with a stop sequence; the rail never does.
    """
    return "stop" in body
