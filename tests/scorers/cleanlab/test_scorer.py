import asyncio
import gc
import json
import math
import os
import re
import subprocess
import sys
import threading
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nemoguardrails_trust.errors import (
    CredentialsError,
    MissingDependencyError,
    ModelResponseError,
    SettingsError,
)
from nemoguardrails_trust.exchange import Exchange, Message
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.cleanlab import scorer as cleanlab
from nemoguardrails_trust.scorers.cleanlab.client import Client, read_explanation, read_score
from nemoguardrails_trust.scorers.cleanlab.scorer import mean_probability
from nemoguardrails_trust.scorers.cleanlab.services import Library, Service, load
from nemoguardrails_trust.scorers.create import create_scorer
from tests.scorers.cleanlab.scene import ANSWER, BOTH, EXCHANGE, QUESTION, VARIABLES, Scene
from tests.servers.tlm import KEY, TLMServer, threaded_tlm_server


@BOTH
async def test_one_check_is_one_request_and_brings_the_score(scene: Scene) -> None:
    async with TLMServer(score=0.3) as server:
        scored = await scene.scorer(server.url).score(EXCHANGE)
    assert scored.score == 0.3
    assert scored.scorer == scene.name
    assert scored.usage.calls == 1
    assert 0 < scored.usage.seconds < 5
    assert (scored.explanation, scored.signals, scored.error) == (None, {}, None)
    assert len(server.received) == len(server.scored) == 1


@BOTH
async def test_the_whole_prompt_is_sent_with_roles(scene: Scene) -> None:
    exchange = Exchange.of(
        [
            {"role": "system", "content": "Answer in kilometres."},
            {"role": "user", "content": "Hello."},
            {"role": "assistant", "content": "Good day."},
            {"role": "user", "content": QUESTION},
        ],
        ANSWER,
        context="The moon is 238,855 miles away.",
    )
    async with TLMServer() as server:
        await scene.scorer(server.url).score(exchange)
        (body,) = server.bodies
    assert body["prompt"] == exchange.prompt
    assert "System: Answer in kilometres." in body["prompt"]
    assert "The moon is 238,855 miles away." in body["prompt"]
    assert body["response"] == {"response": ANSWER}


@BOTH
async def test_settings_are_passed_as_the_client_takes_them(scene: Scene) -> None:
    async with TLMServer(explanation="It checks out.") as server:
        scorer = scene.scorer(
            server.url, quality="high", model="gpt-4o", explain=True, timeout=12.5
        )
        scored = await scorer.score(EXCHANGE)
        (body,) = server.bodies
    assert body["quality"] == "high"
    own = {"max_timeout": 12.5} if scene.name == "cleanlab-tlm" else {}
    assert body["options"] == {"model": "gpt-4o", "log": ["explanation"]} | own
    assert scored.explanation == "It checks out."


@BOTH
async def test_token_probabilities_are_passed_as_one_mean_probability(scene: Scene) -> None:
    logprobs = [math.log(0.9), math.log(0.4)]
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        await scorer.score(Exchange.of(QUESTION, ANSWER, token_logprobs=logprobs))
        (body,) = server.bodies
    assert body["response"] == {"response": ANSWER, "perplexity": pytest.approx(0.6)}


@pytest.mark.parametrize("name", ["cleanlab-tlm"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\x00\x07\x1b[31m",
        "四十二 – ε≈0 🌙",
        "\ud800",
        "define flow x\n{{ $a }}",
        "w" * 10**6,
    ],
    ids=["empty", "blank", "control", "letters", "surrogate", "code", "long"],
)
async def test_any_text_reaches_the_service_as_it_is(scene: Scene, text: str) -> None:
    async with TLMServer() as server:
        exchange = Exchange(text, (Message("user", text),))
        scored = await scene.scorer(server.url).score(exchange)
        (body,) = server.bodies
    assert scored.score == 0.87
    assert (body["prompt"], body["response"]["response"]) == (text, text)


@BOTH
async def test_checks_one_after_another_share_a_connection(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        for _ in range(10):
            await scorer.score(EXCHANGE)
        assert len(server.received) == 10
        assert server.connections == 1


@BOTH
async def test_of_many_checks_at_once_each_gets_its_own_score(scene: Scene) -> None:
    def share(body: dict[str, Any]) -> float:
        return float(body["response"]["response"]) / 200

    def latency(body: dict[str, Any]) -> float:
        return 0.001 + (7 * int(body["response"]["response"]) % 10) / 200

    async with TLMServer(score=share, latency=latency) as server:
        scorer = scene.scorer(server.url)
        exchanges = [Exchange.of(QUESTION, str(i)) for i in range(200)]
        scored = await asyncio.gather(*map(scorer.score, exchanges))
        assert [result.score for result in scored] == [i / 200 for i in range(200)]
        assert len(server.received) == 200
        assert server.connections < 200


@BOTH
async def test_first_checks_at_once_share_one_client(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[threading.Thread] = []
    built: list[Library] = []

    def watched_load(service: Service) -> Library:
        loaded.append(threading.current_thread())
        return load(service)

    def watched_client(library: Library, key: str, settings: ScorerSettings) -> Client:
        built.append(library)
        return Client(library, key, settings)

    monkeypatch.setattr(cleanlab, "load", watched_load)
    monkeypatch.setattr(cleanlab, "Client", watched_client)
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        await asyncio.gather(*(scorer.score(EXCHANGE) for _ in range(20)))
    assert len(built) == len(loaded) == 1
    assert loaded[0] is not threading.current_thread()


@BOTH
async def test_a_client_that_could_not_be_loaded_is_tried_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(service: Service) -> Library:
        raise MissingDependencyError(service.package, "cleanlab")

    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        monkeypatch.setattr(cleanlab, "load", fail)
        with pytest.raises(MissingDependencyError):
            await scorer.score(EXCHANGE)
        monkeypatch.setattr(cleanlab, "load", load)
        assert (await scorer.score(EXCHANGE)).score == 0.87


@BOTH
def test_one_scorer_serves_event_loops_one_after_another(scene: Scene) -> None:
    with threaded_tlm_server() as server:
        scorer = scene.scorer(server.url)
        scores = [asyncio.run(scorer.score(EXCHANGE)).score for _ in range(3)]
        assert scores == [0.87] * 3
        assert len(server.received) == server.connections == 3
        assert len(scorer._places) == 1


@BOTH
def test_one_scorer_serves_event_loops_side_by_side(scene: Scene) -> None:
    async def many() -> list[float | None]:
        scored = await asyncio.gather(*(scorer.score(EXCHANGE) for _ in range(50)))
        return [result.score for result in scored]

    results: list[list[float | None]] = []
    with threaded_tlm_server(latency=0.01) as server:
        scorer = scene.scorer(server.url)
        threads = [
            threading.Thread(target=lambda: results.append(asyncio.run(many()))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [[0.87] * 50] * 4
        assert len(server.received) == 200


async def no_connection_is_open(server: TLMServer) -> None:
    async with asyncio.timeout(10):
        while server.open_connections:
            await asyncio.sleep(0.005)


@BOTH
async def test_closing_ends_the_connections_and_a_later_check_opens_another(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        await scorer.aclose()
        await scorer.score(EXCHANGE)
        await scorer.aclose()
        await no_connection_is_open(server)
        await scorer.aclose()
        await scorer.score(EXCHANGE)
        assert server.connections == 2


@BOTH
async def test_a_scorer_that_is_dropped_leaves_no_connection_open(scene: Scene) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url)
        await scorer.score(EXCHANGE)
        assert server.open_connections == 1
        del scorer
        gc.collect()
        await no_connection_is_open(server)


@BOTH
def test_a_missing_key_is_an_error_that_names_its_variable(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (None, "", "  \n"):
        if value is None:
            monkeypatch.delenv(VARIABLES[name], raising=False)
        else:
            monkeypatch.setenv(VARIABLES[name], value)
        with pytest.raises(CredentialsError, match=f"^{VARIABLES[name]} is not set.*https://"):
            create_scorer(ScorerSettings(scorer=name))


@BOTH
@pytest.mark.parametrize("key", ["sk one", "sk\none", "sk-élan", "sk\x07"])
def test_a_key_that_no_header_takes_is_refused_without_showing_it(
    name: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLES[name], key)
    with pytest.raises(CredentialsError, match=VARIABLES[name]) as raised:
        create_scorer(ScorerSettings(scorer=name))
    assert key not in str(raised.value)


@BOTH
async def test_blanks_around_the_key_are_left_out(scene: Scene) -> None:
    async with TLMServer() as server:
        assert (await scene.scorer(server.url, key=f" {KEY}\n").score(EXCHANGE)).score == 0.87


@BOTH
def test_a_missing_package_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[name], KEY)
    monkeypatch.setitem(sys.modules, name.replace("-", "_"), None)
    with pytest.raises(MissingDependencyError, match=re.escape(f"{name} is not installed")) as told:
        create_scorer(ScorerSettings(scorer=name))
    assert told.value.extra == "cleanlab"


@pytest.mark.parametrize(
    ("name", "refused", "key"),
    [
        ("cleanlab-studio", {"model": "gpt-99"}, "model"),
        ("cleanlab-tlm", {"model": "gpt-99"}, "model"),
        ("cleanlab-tlm", {"model": "gpt-99", "explain": True}, "model"),
        ("cleanlab-studio", {"model": "o1", "explain": True}, "explain"),
        ("cleanlab-tlm", {"quality": "low", "explain": True}, "explain"),
    ],
)
async def test_settings_that_the_client_does_not_take_are_named(
    scene: Scene, refused: dict[str, Any], key: str
) -> None:
    async with TLMServer() as server:
        scorer = scene.scorer(server.url, **refused)
        with pytest.raises(SettingsError, match=scene.name) as raised:
            await scorer.score(EXCHANGE)
        with pytest.raises(SettingsError):
            scorer.check()
        assert raised.value.key == key
        assert server.received == []


PROGRAM = """
import asyncio, json, logging, sys, threading

# How long a step takes, which is told in the development mode, depends on the machine.
logging.getLogger("asyncio").addFilter(lambda record: "took" not in record.msg)

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("cleanlab_studio", "cleanlab_tlm"):
            importing.append(threading.current_thread() is threading.main_thread())

importing = []
sys.meta_path.insert(0, Watch())

from nemoguardrails_trust.exchange import Exchange
from nemoguardrails_trust.scorers.base import ScorerSettings
from nemoguardrails_trust.scorers.create import create_scorer

scorer = create_scorer(ScorerSettings(scorer=sys.argv[1])).scorer
importing.clear()
before = "cleanlab_studio" in sys.modules or "cleanlab_tlm" in sys.modules
scored = asyncio.run(scorer.score(Exchange.of("1 + 1 =", "2")))
print(json.dumps([scored.score, before, importing]))
"""


@BOTH
def test_in_a_fresh_process_the_client_is_imported_off_the_loop_without_a_warning(
    name: str,
) -> None:
    with threaded_tlm_server() as server:
        environment = os.environ | {"CLEANLAB_API_BASE_URL": server.url, VARIABLES[name]: KEY}
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-X", "dev", "-c", PROGRAM, name],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.stderr == ""
        assert json.loads(ran.stdout) == [0.87, False, [False]]
        assert len(server.received) == 1


def test_importing_the_scorer_imports_no_client() -> None:
    program = "import sys, nemoguardrails_trust.scorers.cleanlab.scorer; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"cleanlab_studio", "cleanlab_tlm", "nemoguardrails"} & set(ran.stdout.split())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(json_values)
@settings(max_examples=300)
def test_a_score_is_read_only_from_a_number_from_0_to_1(value: Any) -> None:
    is_share = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    if is_share:
        assert read_score({"trustworthiness_score": value}) == value
    else:
        with pytest.raises(ModelResponseError):
            read_score({"trustworthiness_score": value})


@given(json_values)
@settings(max_examples=200)
def test_an_explanation_is_read_only_from_a_text(value: Any) -> None:
    if value is None or isinstance(value, str):
        assert read_explanation({"log": {"explanation": value}}) == value
    else:
        with pytest.raises(ModelResponseError):
            read_explanation({"log": {"explanation": value}})
    if not isinstance(value, dict):
        with pytest.raises(ModelResponseError):
            read_explanation({"log": value})


@given(st.lists(st.floats(max_value=0, allow_infinity=False), min_size=1, max_size=20))
@example([-1.7976931348623157e308] * 3)
@settings(max_examples=200)
def test_the_mean_probability_lies_between_the_least_and_the_most(logprobs: list[float]) -> None:
    mean = mean_probability(logprobs)
    assert mean is not None
    assert math.exp(min(logprobs)) <= mean * (1 + 1e-9)
    assert mean <= math.exp(max(logprobs)) * (1 + 1e-9)


@pytest.mark.parametrize("logprobs", [None, (), (math.nan, -0.1), (-math.inf, -0.1)])
def test_no_mean_probability_is_made_up(logprobs: tuple[float, ...] | None) -> None:
    assert mean_probability(logprobs) is None
