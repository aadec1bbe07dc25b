"""What is wrong with a configuration shows when the bot starts."""

import json
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from nemoguardrails import LLMRails, RailsConfig
from nemoguardrails.rails.llm import config as nemo_config
from nemoguardrails.testing import FakeLLMModel

from nemoguardrails_trust.errors import CredentialsError, DataError, SettingsError
from nemoguardrails_trust.guardrail.flows import rail_path
from nemoguardrails_trust.guardrail.plugin import register
from tests.guardrail import scripted
from tests.guardrail.scripted import ScriptedScorer, ask, bot_v1, bot_v2


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ("threshold: .nan", "custom_data.trust.threshold"),
        ("threshold: 7", "custom_data.trust.threshold"),
        ("thershold: 0.5", "custom_data.trust.thershold"),
        ("timeout: -1", "custom_data.trust.timeout"),
        ("model: judge", "custom_data.trust.model"),
    ],
)
@pytest.mark.parametrize("bot", [bot_v1, bot_v2])
async def test_a_bad_setting_stops_the_bot_and_is_named(
    bot: type, settings: str, named: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        bot(settings=settings)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("threshold: 7", "SettingsError: custom_data.trust.threshold is 7"),
        ("model: judge", "SettingsError: custom_data.trust.model is 'judge'"),
        ("calibration: absent.json", "SettingsError: custom_data.trust.calibration: absent.json"),
    ],
)
@pytest.mark.parametrize("bot", [bot_v1, bot_v2])
async def test_the_reason_is_the_last_line_of_the_traceback(
    bot: type, settings: str, reason: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        bot(settings=settings)
    lines = "".join(traceback.format_exception(caught.value)).splitlines()
    assert lines[-1].startswith(f"nemoguardrails_trust.errors.{reason}")
    assert "Failed to initialize" not in "".join(lines)


MISSPELT = [
    "cleanlab trustworthyness",
    "Cleanlab Trustworthiness",
    "cleanlab_trustworthiness",
    "cleanlab  trustworthiness",
    "trustworthiness",
]


@pytest.mark.parametrize("name", MISSPELT)
async def test_a_misspelt_output_rail_stops_the_bot(name: str) -> None:
    register()
    yaml = SCORER.format(scorer="local", line=" $threshold=0.7")
    yaml = yaml.replace("cleanlab trustworthiness", name)
    with pytest.raises(SettingsError) as caught:
        LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=FakeLLMModel(["x"]))
    assert str(caught.value) == (
        f"there is no flow for the output rail {name!r}; did you mean 'cleanlab trustworthiness'?"
    )


@pytest.mark.parametrize("call", ["cleanlab trustworthyness", "await cleanlab_trustworthiness"])
async def test_a_misspelt_call_stops_the_bot_of_colang_2(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = scripted.V2_MAIN.replace("cleanlab trustworthiness", call)
    monkeypatch.setattr(scripted, "V2_MAIN", main)
    with pytest.raises(SettingsError, match="did you mean 'cleanlab trustworthiness'"):
        bot_v2(arguments="$threshold=0.7")


async def test_a_flow_of_a_similar_name_is_no_mistake(
    scorer: ScriptedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "flow cleanlab trustworthy\n  cleanlab trustworthiness 0.5\n"
    main = scripted.V2_MAIN.replace("cleanlab trustworthiness{arguments}", "cleanlab trustworthy")
    monkeypatch.setattr(scripted, "V2_MAIN", main)
    message = await bot_v2("Paris", more=own).generate_async(messages=ask())
    assert message["content"] == "Paris"
    assert len(scorer.exchanges) == 1


SCORER = """
import_paths: [nemoguardrails_trust/rail]
rails: {{output: {{flows: ["cleanlab trustworthiness{line}"]}}}}
custom_data: {{trust: {{scorer: "{scorer}"}}}}
"""


def start(scorer: str = "local", line: str = "") -> LLMRails:
    register()
    yaml = SCORER.format(scorer=scorer, line=line)
    return LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=FakeLLMModel(["x"]))


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        ("remote", "must be one of 'local'"),
        ("tests.guardrail.scripted:fail", "no scorer for threshold 0.6"),
        ("tests.guardrail.scripted:absent", "could not be imported"),
        ("tests.guardrail.absent:make", "could not be imported"),
        ("tests.guardrail.scripted:NOT_A_FACTORY", "not callable"),
        ("builtins:repr", "has no"),
    ],
)
async def test_a_scorer_that_cannot_be_built_stops_the_bot(scorer: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        start(scorer)
    error = caught.value
    assert error.key == "scorer"
    assert said in str(error)


async def test_a_check_that_would_not_run_stops_the_bot() -> None:
    with pytest.raises(SettingsError) as caught:
        start("tests.guardrail.scripted:make_with_async_check")
    assert "must be a plain `def`" in str(caught.value)


async def test_a_bad_flow_line_stops_the_bot() -> None:
    with pytest.raises(SettingsError) as caught:
        start(line=" $threshold=1.5")
    assert "threshold=1.5" in str(caught.value)


async def test_recorded_answers_that_are_missing_stop_the_bot(tmp_path: object) -> None:
    register()
    for parameters, expected in (
        ("{recorded: absent.jsonl}", DataError),
        ("{temperature: 0}", SettingsError),
    ):
        yaml = (
            "import_paths: [nemoguardrails_trust/rail]\n"
            f"models: [{{type: main, engine: replay, model: x, parameters: {parameters}}}]\n"
        )
        with pytest.raises(expected):
            LLMRails(RailsConfig.from_content(yaml_content=yaml))


def test_register_may_be_called_twice() -> None:
    register()
    once = list(nemo_config.colang_path_dirs)
    register()
    assert nemo_config.colang_path_dirs == once


async def test_the_absolute_path_of_the_rail_can_be_imported(scorer: ScriptedScorer) -> None:
    yaml = f"import_paths: ['{rail_path()}']\n" + SCORER.format(
        scorer="tests.guardrail.scripted:make", line=""
    ).replace("import_paths: [nemoguardrails_trust/rail]\n", "")
    rails = LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=FakeLLMModel(["Paris"]))
    assert (await rails.generate_async(messages=ask()))["content"] == "Paris"
    assert len(scorer.exchanges) == 1


def calibration_for(folder: Path, model: str, threshold: float) -> str:
    """A calibration of the recorded trivia answers, made by the command."""
    path = folder / "calibration.json"
    command = [sys.executable, "-m", "nemoguardrails_trust.cli", "calibrate"]
    options = ["--model", "replay", "--limit", "200", "--for-model", model]
    subprocess.run(
        [*command, "tests/data/triviaqa-llama13b.jsonl", *options, "--out", str(path)],
        check=True,
        capture_output=True,
    )
    content = json.loads(path.read_text())
    content["threshold"] = threshold
    path.write_text(json.dumps(content))
    return str(path)


async def test_a_calibration_gives_scores_and_threshold(tmp_path: Path) -> None:
    register()
    calibration_for(tmp_path, "llama-13b", 0.42)
    trivia = Path("examples/trivia").resolve()
    yaml = (trivia / "config.yml").read_text().replace("recorded.jsonl", f"{trivia}/recorded.jsonl")
    for settings, threshold in (("", 0.42), ("threshold: 0.5, ", 0.5)):
        (tmp_path / "config.yml").write_text(
            f"{yaml}\ncustom_data: {{trust: {{{settings}calibration: calibration.json}}}}\n"
        )
        rails = LLMRails(RailsConfig.from_path(str(tmp_path)))
        response = await rails.generate_async(
            messages=ask("Who in the Bible is the mother of Mary, the mother of Jesus?"),
            options={"output_vars": ["trust"]},
        )
        trust = response.output_data["trust"]
        assert trust["threshold"] == threshold
        assert trust["status"] == "untrustworthy"
        assert 0.0 < trust["trustworthiness_score"] < 0.42


async def test_a_calibration_that_is_not_there_stops_the_bot() -> None:
    register()
    yaml = "import_paths: [nemoguardrails_trust/rail]\n"
    yaml += "custom_data: {trust: {calibration: absent.json}}"
    with pytest.raises(SettingsError) as caught:
        LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=FakeLLMModel(["x"]))
    error = caught.value
    assert str(error).startswith("custom_data.trust.calibration: absent.json")


async def test_a_calibration_for_another_model_stops_the_bot(tmp_path: Path) -> None:
    path = calibration_for(tmp_path, "llama-70b", 0.42)
    register()
    yaml = SCORER.format(scorer="local", line="").replace(
        '{scorer: "local"}', f'{{calibration: "{path}"}}'
    )
    with pytest.raises(SettingsError) as caught:
        LLMRails(RailsConfig.from_content(yaml_content=yaml), llm=FakeLLMModel(["x"]))
    assert "llama-70b" in str(caught.value)


@pytest.mark.parametrize(
    ("engine", "variable"), [("openai", "OPENAI_API_KEY"), ("nim", "NVIDIA_API_KEY")]
)
async def test_a_model_without_a_key_stops_the_bot(
    engine: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    register()
    yaml = "import_paths: [nemoguardrails_trust/rail]\n"
    yaml += f"models: [{{type: main, engine: {engine}, model: m}}]\n"
    with pytest.raises(CredentialsError) as caught:
        LLMRails(RailsConfig.from_content(yaml_content=yaml))
    assert variable in str(caught.value)
    local = ", parameters: {base_url: 'http://127.0.0.1:1/v1'}"
    LLMRails(RailsConfig.from_content(yaml_content=yaml.replace(": m}", f": m{local}}}")))


BESIDE = """
from nemoguardrails_trust import TrustworthinessScore


class Scorer:
    async def score(self, exchange):
        return TrustworthinessScore({score}, scorer="{name}")


def create(settings):
    return Scorer()
"""


def bot_beside(folder: Path, scorer: str) -> LLMRails:
    register()
    (folder / "config.yml").write_text(SCORER.format(scorer=scorer, line=""))
    return LLMRails(RailsConfig.from_path(str(folder)), llm=FakeLLMModel(["Paris"]))


async def scorer_of(rails: LLMRails) -> str:
    response = await rails.generate_async(messages=ask(), options={"output_vars": ["trust"]})
    return str(response.output_data["trust"]["scorer"])


async def test_a_scorer_beside_the_configuration_is_found(tmp_path: Path) -> None:
    path = list(sys.path)
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "scoring.py").write_text(BESIDE.format(score=0.9, name=name))
    bots = [bot_beside(tmp_path / name, "scoring:create") for name in ("one", "two")]
    assert [await scorer_of(bot) for bot in bots] == ["one", "two"]
    assert sys.path == path


async def test_it_may_import_what_stands_beside_it(tmp_path: Path) -> None:
    (tmp_path / "named_beside.py").write_text("NAME = 'beside'")
    text = "from named_beside import NAME\n" + BESIDE.format(score=0.9, name="{NAME}")
    (tmp_path / "scoring.py").write_text(text.replace('"{NAME}"', "NAME"))
    assert await scorer_of(bot_beside(tmp_path, "scoring:create")) == "beside"


async def test_it_may_stand_in_a_package(tmp_path: Path) -> None:
    package = tmp_path / "scorers_of_a_bot"
    package.mkdir()
    (package / "__init__.py").write_text("NAME = 'packed'")
    text = "from . import NAME\n" + BESIDE.format(score=0.9, name="{NAME}")
    (package / "inner.py").write_text(text.replace('"{NAME}"', "NAME"))
    bot = bot_beside(tmp_path, "scorers_of_a_bot.inner:create")
    assert await scorer_of(bot) == "packed"
    other = tmp_path / "other"
    (other / package.name).mkdir(parents=True)
    (other / package.name / "__init__.py").write_text("")
    (other / package.name / "inner.py").write_text(BESIDE.format(score=0.9, name="other"))
    with pytest.raises(SettingsError, match="imported from"):
        bot_beside(other, "scorers_of_a_bot.inner:create")


@pytest.mark.parametrize(
    ("text", "said"),
    [("def create(:", "SyntaxError"), ("1 / 0", "ZeroDivisionError"), ("", "create")],
)
async def test_a_module_beside_that_cannot_be_loaded_stops_the_bot(
    text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "scoring.py").write_text(text)
    with pytest.raises(SettingsError, match=said):
        bot_beside(tmp_path, "scoring:create")
