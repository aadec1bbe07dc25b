"""Answers that are kept from one run to the next."""

import asyncio
import itertools
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust import (
    TLM,
    Ask,
    Completion,
    DataError,
    Exchange,
    LocalScorer,
    ModelError,
    OpenAICompatibleModel,
    ReplyCache,
    ScorerSettings,
    SettingsError,
    TokenLogprob,
    TrustworthyRAG,
)
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.models.base import Reply
from nemoguardrails_trust.models.reply_cache import CachedModel, _completion_of, _text_of
from nemoguardrails_trust.scores import CallUsage
from tests.servers.openai import OpenAIServer, threaded_server

QUESTION = (Message("user", "Who wrote Faust?"),)
FILE = "replies.sqlite3"


class Numbering:
    """A model that says a new number each time."""

    name = "numbering"

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.fails = False
        self._numbers = itertools.count()

    async def complete(self, ask: Ask) -> Reply:
        self.asked.append(ask.n)
        if self.fails:
            raise ModelError("it fails")
        said = tuple(Completion(str(next(self._numbers))) for _ in range(ask.n))
        return Reply(said, (CallUsage(ask.purpose, samples=ask.n),))

    async def aclose(self) -> None:
        pass


def ask(model: CachedModel, n: int = 1, purpose: Any = "sample", **more: Any) -> list[str]:
    reply = asyncio.run(model.complete(Ask(QUESTION, purpose, n=n, **more)))
    return [completion.text for completion in reply.completions]


@pytest.fixture
def model(tmp_path: Path) -> CachedModel:
    return CachedModel(Numbering(), ReplyCache(tmp_path))


def test_what_was_asked_before_is_not_asked_again(model: CachedModel, tmp_path: Path) -> None:
    assert ask(model, 3) == ["0", "1", "2"]
    again = asyncio.run(model.complete(Ask(QUESTION, "sample", n=3)))
    assert [completion.text for completion in again.completions] == ["0", "1", "2"]
    assert again.calls == ()
    other = CachedModel(Numbering(), ReplyCache(tmp_path))  # as in the next run
    assert ask(other, 3) == ["0", "1", "2"]
    assert other.asked == []


def test_samples_are_kept_apart_by_their_number(model: CachedModel) -> None:
    assert ask(model, 2) == ["0", "1"]
    assert ask(model, 2, first=2) == ["2", "3"]
    assert ask(model, 6) == ["0", "1", "2", "3", "4", "5"]
    assert model.asked == [2, 2, 2]
    assert ask(model, 1, first=4) == ["4"]


@pytest.mark.parametrize(
    "more",
    [
        {"purpose": "answer"},
        {"purpose": "reflection"},
        {"temperature": 0.5},
        {"max_tokens": 9},
        {"top_logprobs": 2},
    ],
    ids=str,
)
def test_what_is_asked_otherwise_is_asked(model: CachedModel, more: dict[str, Any]) -> None:
    assert ask(model) == ["0"]
    assert ask(model, **more) == ["1"]
    assert ask(model, **more) == ["1"]


def judging(mark: str, text: str = "2", room: int | None = 12) -> Ask:
    quoted = f"Text between <name {mark}> and </name {mark}>:\n<response {mark}>\n{text}"
    return Ask((Message("user", quoted),), "reflection", max_tokens=room)


def test_a_judgement_is_the_same_whatever_mark_and_room_it_had(model: CachedModel) -> None:
    key = model._keys(judging("4f1c09ab"))[0]
    assert model._keys(judging("aaaa0000"))[0] == key
    assert model._keys(judging("aaaa0000", room=1))[0] == key
    assert model._keys(judging("aaaa0000", room=None))[0] != key
    assert model._keys(judging("aaaa0000", "3"))[0] != key


def test_other_messages_models_servers_and_parameters_are_others(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path)
    asks = Ask(QUESTION, "sample")
    models = [
        OpenAICompatibleModel(name, base_url=url, api_key="x", parameters=parameters)
        for name in ("a", "b")
        for url in ("http://one.example/v1", "http://two.example/v1")
        for parameters in ({}, {"top_p": 0.5}, {"temperature": 0.5}, {"max_tokens": 3})
    ]
    keys = {CachedModel(model, cache)._keys(asks)[0] for model in models}
    keys.add(CachedModel(models[0], cache)._keys(Ask((*QUESTION, *QUESTION), "sample"))[0])
    assert len(keys) == len(models) + 1
    same = OpenAICompatibleModel("a", base_url="http://one.example/v1", api_key="another")
    assert CachedModel(same, cache)._keys(asks)[0] in keys


def test_failures_and_blank_answers_are_not_kept(model: CachedModel) -> None:
    model._model.fails = True  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="it fails"):
        ask(model)
    model._model.fails = False  # type: ignore[attr-defined]
    assert ask(model) == ["0"]

    class Blank(Numbering):
        async def complete(self, ask: Ask) -> Reply:
            await super().complete(ask)
            return Reply((Completion(" "),))

    blank = CachedModel(Blank(), model._cache)
    assert [ask(blank, first=7), ask(blank, first=7)] == [[" "], [" "]]
    assert blank.asked == [1, 1]


def test_no_prompt_is_in_the_folder_and_none_but_the_owner_may_enter(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    ask(CachedModel(Numbering(), ReplyCache(folder)))
    assert folder.stat().st_mode & 0o077 == 0
    for path in folder.iterdir():
        assert path.name.startswith(FILE)
        assert b"Faust" not in path.read_bytes()


def test_the_oldest_make_room_which_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nemoguardrails_trust")
    cache = ReplyCache(tmp_path, megabytes=0.002)
    keys = [bytes([number]) for number in range(100)]
    for key in keys:
        asyncio.run(cache.keep({key: Completion("x" * 50)}))
    found = asyncio.run(cache.find(keys))
    kept = [place for place, completion in enumerate(found) if completion]
    assert kept == list(range(kept[0], 100))
    assert 10 < len(kept) < 30
    (logged,) = caplog.messages
    assert (
        logged == f"the cache {tmp_path}/replies.sqlite3 is full (0.002 MB); its oldest answers go"
    )


def test_a_file_that_breaks_is_logged_once_and_the_model_is_asked(
    model: CachedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / FILE).write_bytes(b"no database " * 100)
    with caplog.at_level(logging.WARNING):
        assert [ask(model), ask(model)] == [["0"], ["1"]]
    assert [record.message.partition(": ")[0] for record in caplog.records] == [
        f"the cache {tmp_path / FILE} cannot be read"
    ]


def test_an_entry_that_is_not_as_it_was_written_is_asked_for_again(
    model: CachedModel, tmp_path: Path
) -> None:
    ask(model)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE replies SET completion = '{\"text\": 1'")
    connection.close()
    assert ask(model) == ["1"]


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "within"):
        with pytest.raises(DataError, match="cannot be used as a cache: it is a file; give a fold"):
            ReplyCache(folder)
    (tmp_path / FILE).write_bytes(b"no database " * 100)
    told = f"cannot be used as a cache: file is not a database; remove {FILE} there to start afresh"
    with pytest.raises(DataError, match=told):
        ReplyCache(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(DataError, match="unable to open database file; give a folder that can be"):
        ReplyCache(tmp_path)
    with pytest.raises(SettingsError, match="megabytes is 0"):
        ReplyCache(tmp_path, megabytes=0)


@pytest.mark.parametrize("folder", ["", True, 3])
def test_what_names_no_folder_is_refused(folder: Any) -> None:
    with pytest.raises(SettingsError, match=r"cache is .*; it must name a folder"):
        ReplyCache(folder)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    ReplyCache("~/cache")
    assert (tmp_path / "cache" / FILE).exists()
    with pytest.raises(DataError, match="~nobody-here/x: cannot be used as a cache"):
        ReplyCache("~nobody-here/x")


probabilities = st.floats(max_value=0.0, allow_nan=False)
tokens = st.builds(
    TokenLogprob,
    st.text(),
    probabilities,
    st.lists(st.tuples(st.text(), probabilities), max_size=3).map(tuple),
)


@given(
    st.builds(
        Completion,
        st.text(),
        st.none() | st.lists(tokens, max_size=3).map(tuple),
        st.none() | st.text(),
    )
)
def test_answers_are_read_as_they_were_written(completion: Completion) -> None:
    assert _completion_of(_text_of(completion)) == completion


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(str))
def test_no_text_that_is_found_raises(text: str) -> None:
    assert _completion_of(text) is None


def test_several_threads_and_processes_share_one(tmp_path: Path) -> None:
    caches = [ReplyCache(tmp_path) for _ in range(4)]

    async def keep_all() -> None:
        await asyncio.gather(
            *(
                cache.keep({bytes([place, number]): Completion("x")})
                for place, cache in enumerate(caches)
                for number in range(10)
            )
        )

    asyncio.run(keep_all())
    keys = [bytes([place, number]) for place in range(4) for number in range(10)]
    assert None not in asyncio.run(caches[0].find(keys))


def test_a_score_in_rounds_draws_other_samples_each_round(tmp_path: Path) -> None:
    settings = ScorerSettings(rounds=5, quality="medium")
    exchange = Exchange("0", QUESTION)
    model = CachedModel(Numbering(), ReplyCache(tmp_path))
    scorer = LocalScorer(model, settings, reflections=0)
    score = asyncio.run(scorer.score(exchange, decide_at=0.99))
    drawn = sum(model.asked)
    assert drawn > 1
    again = asyncio.run(LocalScorer(model, settings, reflections=0).score(exchange))
    assert again.usage.calls in (0, 1)
    assert score.alternatives[: drawn - 1] == again.alternatives[: drawn - 1]


def test_a_tlm_asks_its_server_once(tmp_path: Path) -> None:
    with threaded_server(OpenAIServer(answer="True")) as server:
        results = []
        for _ in range(2):
            with TLM(
                model="gpt-test", base_url=server.base_url, api_key="x", cache=tmp_path
            ) as tlm:
                results.append(tlm.prompt(["Who wrote Faust?", "Who wrote Hamlet?"]))
        assert results[0] == results[1]
        assert len(server.bodies) == 6
        with TLM(model="gpt-test", base_url=server.base_url, api_key="x") as tlm:
            tlm.prompt("Who wrote Faust?")  # off by default
        assert len(server.bodies) == 9


def test_evaluations_of_passages_are_kept_as_well(tmp_path: Path) -> None:
    with threaded_server(OpenAIServer(answer="True")) as server:
        results = []
        for _ in range(2):
            with TrustworthyRAG(
                model="gpt-test", base_url=server.base_url, api_key="x", cache=tmp_path
            ) as rag:
                results.append(rag.score(query="How long?", context="30 days.", response="30."))
        assert results[0] == results[1]
        assert len(server.bodies) == 4 + 2  # four evaluations, a judgement and the samples
