"""Traces one answer with Langfuse's own SDK, of version 4 or 5, and prints the trace's id.

Run as a program, since the SDK keeps one tracer for a whole process. With OPENAI_BASE_URL set, the
answer comes from there through `langfuse.openai`; else the generation is written as that does.
"""

import os
from typing import Any

from langfuse import get_client, observe, propagate_attributes

SYSTEM = "You are a trivia master."
QUESTION = "What is the 3rd month of the year in alphabetical order?"
ANSWER = "March."


@observe()  # type: ignore[untyped-decorator]
def answer_question(question: str) -> str:
    print(get_client().get_current_trace_id())
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
    with propagate_attributes(trace_name="trivia", tags=["TLM_eval_pipeline"]):
        return ask(messages)


def ask(messages: list[dict[str, str]]) -> str:
    if os.environ.get("OPENAI_BASE_URL"):
        from langfuse.openai import OpenAI

        client: Any = OpenAI(api_key="none")
        reply = client.chat.completions.create(model="local", messages=messages)
        return str(reply.choices[0].message.content)
    generation = get_client().start_as_current_observation(
        name="OpenAI-generation", as_type="generation", model="local", input=messages
    )
    with generation as running:
        running.update(output={"role": "assistant", "content": ANSWER})
    return ANSWER


if __name__ == "__main__":
    answer_question(QUESTION)
    get_client().flush()
