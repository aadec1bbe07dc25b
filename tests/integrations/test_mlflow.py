"""MLflow's own scorers, run as its evaluation of a data set runs them."""

import json
import math
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nemoguardrails_trust import TLM
from nemoguardrails_trust.integrations.mlflow import trust_scorer
from tests.environments import ROOT, clients_python
from tests.integrations.scene import judging, run_section
from tests.servers.openai import OpenAIServer
from tests.tlm.scene import KEY, text_of


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[TLM, OpenAIServer]]:
    with judging(options={"log": ["explanation"]}) as both:
        yield both


def test_an_answer_has_its_score_as_feedback(tlm: TLM) -> None:
    trust = trust_scorer(tlm)
    right = trust.run(inputs={"question": "Capital of France?"}, outputs="Paris")
    wrong = trust.run(inputs={"question": "Capital of Utopia?"}, outputs="Zug")
    assert right.name == "trustworthiness"
    assert wrong.value < 0.6 < right.value
    assert right.metadata == {"threshold": 0.6, "status": "trusted"}
    assert wrong.metadata["status"] == "untrustworthy"


def test_mlflow_evaluates_a_data_set_with_it(
    both: tuple[TLM, OpenAIServer], tmp_path: Path
) -> None:
    """In an environment of its own: `mlflow` itself brings 50 packages, `mlflow-skinny` not."""
    variables = {
        "HOME": str(tmp_path),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/runs.db",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": both[1].base_url,
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT / "src"),
    }
    ran = subprocess.run(
        [clients_python(), str(Path(__file__).with_name("mlflow_evaluation.py"))],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    printed = json.loads(ran.stdout.splitlines()[-1])
    values = printed["values"]
    assert values["Zug"] < 0.6 < values["Paris"]
    assert math.isnan(values["Ayr"])  # it had no question
    assert printed["mean"] == pytest.approx((values["Zug"] + values["Paris"]) / 2)


@pytest.mark.parametrize(
    ("inputs", "prompt"),
    [
        ({"messages": [{"role": "user", "content": "Capital of France?"}], "user": "x"}, None),
        ({"question": "Capital of France?", "user": "x"}, None),
        ({"wanted": "Capital of France?", "user": "x"}, "wanted"),
    ],
    ids=["messages", "usual", "named"],
)
def test_the_prompt_is_found(
    tlm: TLM, both: tuple[TLM, OpenAIServer], inputs: dict[str, Any], prompt: str | None
) -> None:
    inputs = inputs | {"context": ["France has a capital."]}
    feedback = trust_scorer(tlm, prompt=prompt).run(inputs=inputs, outputs="Paris")
    assert feedback.value > 0.6
    shown = text_of(both[1].bodies[0])
    assert "Capital of France?" in shown
    assert "France has a capital." in shown


@pytest.mark.parametrize(
    "outputs",
    [
        {"response": "Paris", "sources": []},
        {"city": "Paris", "country": "France"},
        ["Paris"],
        [{"role": "assistant", "content": "Paris"}],
        {"choices": [{"message": {"role": "assistant", "content": "Paris"}}]},
    ],
    ids=["named", "object", "list", "messages", "completion"],
)
def test_an_answer_may_be_an_object(tlm: TLM, both: tuple[TLM, OpenAIServer], outputs: Any) -> None:
    feedback = trust_scorer(tlm).run(inputs={"question": "Capital?"}, outputs=outputs)
    assert feedback.value > 0.6
    response = text_of(both[1].bodies[0]).split("<response")[-1]
    is_json = "city" in outputs or outputs == ["Paris"]
    assert (json.dumps(outputs) in response) is is_json


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ({"wanted": "a", "user": "b"}, "Paris", "wanted, user"),
        ({"question": "a", "query": "b"}, "Paris", "question, query"),
        ({"context": ["a"]}, "Paris", "none"),
        ({"question": ""}, "Paris", "the prompt is empty"),
        ({"question": "a"}, None, "the response is null"),
        ({"question": "a"}, {("a", "b"): "Paris"}, "keys must be str"),
    ],
    ids=["two", "two usual", "none", "empty", "silent", "keys"],
)
def test_what_cannot_be_scored_is_an_error(
    tlm: TLM, inputs: dict[str, Any], outputs: Any, reason: str
) -> None:
    feedback = trust_scorer(tlm, name="trust").run(inputs=inputs, outputs=outputs)
    assert feedback.value is None
    assert reason in feedback.error.error_message


def test_a_prompt_that_is_named_wrong_is_told(tlm: TLM) -> None:
    feedback = trust_scorer(tlm, prompt="q").run(inputs={"question": "a", "user": "b"}, outputs="c")
    told = "there is no input 'q'; the inputs are: question, user"
    assert feedback.error.error_message == told


def test_the_page_does_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = run_section("MLflow", monkeypatch)
    assert names["feedback"].value > 0.6
    assert "'trusted'" in capsys.readouterr().out
