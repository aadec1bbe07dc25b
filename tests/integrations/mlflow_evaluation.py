"""`mlflow.genai.evaluate` with our scorer, in an environment that has `mlflow` itself.

Prints the rows that it brings as one line of JSON.
"""

import json

import mlflow

from nemoguardrails_trust import TLM
from nemoguardrails_trust.integrations.mlflow import trust_scorer

ROWS = [
    {"inputs": {"question": "Capital of France?"}, "outputs": "Paris"},
    {"inputs": {"question": "Capital of Utopia?"}, "outputs": "Zug"},
    {"inputs": {"question": "", "context": []}, "outputs": "Ayr"},
]

if __name__ == "__main__":
    with TLM("low", model="judge") as tlm:
        result = mlflow.genai.evaluate(data=ROWS, scorers=[trust_scorer(tlm)])
    table = result.result_df
    print(
        json.dumps(
            {
                "mean": result.metrics["trustworthiness/mean"],
                "values": dict(zip(table["response"], table["trustworthiness/value"], strict=True)),
            }
        )
    )
