"""The code of public guides, as it stands there, but for the base URL and the users' own data.

Studio's quickstart for TLM, and the TLM part of Langfuse's older notebook on Cleanlab.
"""

import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.server.running import KEY

QUICKSTART = """
from cleanlab_studio import Studio

studio = Studio("<API key>")

tlm = studio.TLM() # see below for optional TLM configurations that can boost performance

output = tlm.prompt("<your prompt>")

trustworthiness_score = tlm.get_trustworthiness_score("<your prompt>", response="<your response>")
first_output = output

import pandas as pd

df = pd.read_csv("solar_system_example_prompts.csv")
tlm = studio.TLM()

results = df.copy(deep=True) # stores TLM outputs for each example

outputs = tlm.prompt(df["prompt"].to_list())
results[["response","trustworthiness_score"]] = pd.DataFrame(outputs)
answered = results

df = pd.read_csv("solar_system_dataset.csv")
tlm = studio.TLM()

results = df.copy(deep=True)

outputs = tlm.get_trustworthiness_score(df["prompt"].to_list(), df["human_response"].to_list())
results["trustworthiness_score"] = outputs
scored = results

tlm = studio.TLM(
    quality_preset="best" # supported quality presets are: 'best','high','medium','low','base'
)

# Run a single prompt using the preset parameters:
output = tlm.prompt("<your prompt>")

# Or run multiple prompts simultaneously in a batch:
outputs = tlm.prompt(["<your first prompt>", "<your second prompt>", "<your third prompt>"])

tlm = studio.TLM(quality_preset="best", options={"model": "gpt-4"})

output = tlm.prompt("<your prompt>")

tlm = studio.TLM()

big_dataset_of_prompts = ["<first prompt>", "<second prompt>", "<third prompt>"] # imagine 1000s

# Not recommended for big dataset:
outputs_that_may_be_lost = tlm.prompt(big_dataset_of_prompts)

# Recommended for big dataset:
outputs_where_some_may_be_none = tlm.try_prompt(big_dataset_of_prompts)

import os

def batch_prompt(tlm: studio.TLM, input_path: str, output_path: str, prompt_col_name: str, batch_size: int = 1000):
    if os.path.exists(output_path):
        start_idx = len(pd.read_csv(output_path))
    else:
        start_idx = 0

    df_batched = pd.read_csv(input_path, chunksize=batch_size)
    curr_idx = 0

    for curr_batch in df_batched:
        # if results already exist for the entire batch
        if curr_idx + len(curr_batch) <= start_idx:
            curr_idx += len(curr_batch)
            continue

        # if results exist for half the batch
        elif curr_idx < start_idx:
            curr_batch = curr_batch[start_idx - curr_idx:]
            curr_idx = start_idx

        results = tlm.try_prompt(curr_batch[prompt_col_name].to_list())
        results = [
            r if r else {"response": None, "trustworthiness_score": None}
            for r in results
        ]
        results_df = pd.DataFrame(results)
        results_df.to_csv(output_path, mode='a', index=False, header=not os.path.exists(output_path))

        curr_idx += len(curr_batch)

# create sample prompts
sample_prompts = pd.DataFrame({"prompt": [f"What is the sum of 1 and {i}?" for i in range(1, 101)]})
sample_prompts.to_csv("sample_tlm_prompts.csv", index=None)
input_path = "sample_tlm_prompts.csv"
output_path = "sample_responses.csv"

df = pd.read_csv(input_path)
tlm = studio.TLM()
batch_prompt(tlm, input_path, output_path, "prompt")
results = pd.read_csv(output_path)
"""  # noqa: E501

NOTEBOOK = """
from cleanlab_tlm import TLM

tlm = TLM(options={"log": ["explanation"]})

# This helper method will extract the prompt and response from each trace and return three lists: trace ID's, prompts, and responses.
def get_prompt_response_pairs(traces):
    prompts = []
    responses = []
    for trace in traces:
        prompts.append(trace.metadata["system_prompt"] + "\\n" + trace.input["args"][0])
        responses.append(trace.output)
    return prompts, responses

trace_ids = [trace.id for trace in traces]
prompts, responses = get_prompt_response_pairs(traces)

# Evaluate each of the prompt, response pairs using TLM
evaluations = tlm.get_trustworthiness_score(prompts, responses)

# Extract the trustworthiness scores and explanations from the evaluations
trust_scores = [entry["trustworthiness_score"] for entry in evaluations]
explanations = [entry["log"]["explanation"] for entry in evaluations]

# Create a DataFrame with the evaluation results
trace_evaluations = pd.DataFrame({
    'trace_id': trace_ids,
    'prompt': prompts,
    'response': responses, 
    'trust_score': trust_scores,
    'explanation': explanations
})
sorted_df = trace_evaluations.sort_values(by="trust_score", ascending=True).head()

for idx, row in trace_evaluations.iterrows():
    trace_id = row["trace_id"]
    trust_score = row["trust_score"]
    explanation = row["explanation"]

    # Add the trustworthiness score to the trace with the explanation as a comment
    langfuse.score(
            trace_id=trace_id,
            name="trust_score",
            value=trust_score,
            comment=explanation
        )
"""  # noqa: E501, W291

QUESTIONS = ["What is the largest planet?", "How many dogs have reached space?"]


def run(code: str, **names: Any) -> dict[str, Any]:
    """The names that a guide's code leaves behind."""
    left: dict[str, Any] = {"pd": pd, **names}
    exec(compile(textwrap.dedent(code), "guide", "exec"), left)
    return left


@pytest.mark.filterwarnings("ignore:studio.TLM:FutureWarning")
@pytest.mark.usefixtures("pointed")
def test_studios_quickstart_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = pd.DataFrame({"prompt": QUESTIONS})
    asked.to_csv("solar_system_example_prompts.csv", index=False)
    asked.assign(human_response=["space?", "Ham"]).to_csv("solar_system_dataset.csv", index=False)
    left = run(QUICKSTART.replace("<API key>", KEY))
    assert set(left["first_output"]) == {"response", "trustworthiness_score"}
    assert left["answered"]["trustworthiness_score"].between(0, 1).all()
    assert list(left["answered"]["response"]) == ["planet?", "space?"]
    assert len(left["scored"]) == 2
    assert None not in left["outputs_where_some_may_be_none"]
    assert len(left["results"]) == 100
    assert left["results"]["trustworthiness_score"].between(0, 1).all()


@pytest.mark.usefixtures("pointed")
def test_the_tlm_part_of_langfuses_notebook_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEANLAB_TLM_API_KEY", KEY)
    traces = [
        SimpleNamespace(
            id=f"trace-{place}",
            metadata={"system_prompt": "You are a trivia master."},
            input={"args": [question]},
            output="planet?",
        )
        for place, question in enumerate(QUESTIONS)
    ]
    written: list[dict[str, Any]] = []
    langfuse = SimpleNamespace(score=lambda **score: written.append(score))
    left = run(NOTEBOOK, traces=traces, langfuse=langfuse)
    assert [score["trace_id"] for score in written] == ["trace-0", "trace-1"]
    assert all(0 <= score["value"] <= 1 and score["comment"] for score in written)
    assert len(left["sorted_df"]) == 2
