"""Run by an interpreter of its own, which has the clients: prints what each of them got, as JSON.

The server is the one of `CLEANLAB_API_BASE_URL`, and the key that of `CLEANLAB_TLM_API_KEY`.
"""

import json
import os
from typing import Any

BASE = os.environ["CLEANLAB_API_BASE_URL"]
KEY = os.environ["CLEANLAB_TLM_API_KEY"]


def llama_index() -> Any:
    from llama_index.llms.cleanlab import CleanlabTLM

    answered = CleanlabTLM(api_key=KEY, quality_preset="low").complete("Say echo")
    return {"text": answered.text, **answered.additional_kwargs}


def calibrated() -> Any:
    from cleanlab_tlm import TLM
    from cleanlab_tlm.utils.tlm_calibrated import TLMCalibrated

    criteria = [{"name": name, "criteria": f"It is {name}."} for name in ("short", "polite")]
    options: Any = {"custom_eval_criteria": criteria}
    prompts = ["Say one", "Say two", "Say three", "Say four"]
    responses = [prompt.split()[-1] for prompt in prompts]
    scored = TLM("low", options=options).get_trustworthiness_score(prompts, responses)
    asking = TLMCalibrated("low", options=options)
    asking.fit(scored, [1.0, 0.5, 1.0, 0.0])
    return asking.get_trustworthiness_score(prompts, responses) + asking.prompt(["Say echo"])


def azure() -> Any:
    from azure.ai.inference import ChatCompletionsClient
    from azure.ai.inference.models import UserMessage
    from azure.core.credentials import AzureKeyCredential

    base = f"{BASE}/v1/openai_trustworthy_llm"
    with ChatCompletionsClient(endpoint=base, credential=AzureKeyCredential(KEY)) as client:
        completion = client.complete(
            messages=[UserMessage(content="Say echo")],
            model_extras={"quality_preset": "low", "options": {"log": ["explanation"]}},
        )
    return {"text": completion.choices[0].message.content, **completion["tlm_metadata"]}


if __name__ == "__main__":
    for client in (llama_index, calibrated, azure):
        print(json.dumps({"client": client.__name__, "got": client()}))
