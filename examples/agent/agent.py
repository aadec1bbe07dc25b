"""A bank's agent: money is sent only where the model's call can be trusted."""

import asyncio
from pathlib import Path
from typing import Any

from nemoguardrails import LLMRails, RailsConfig

from nemoguardrails_trust import register

QUESTIONS = (
    "Please send 20 euros to Ada Byron.",
    "Pay my share of the 120 euro bill, a quarter, to Linus.",
    "What would it cost to send 500 euros to Grace Hopper abroad?",
    "Send 30 to Grace.",
)
TRANSFER = {
    "type": "function",
    "function": {
        "name": "transfer",
        "description": "Sends money from the user's account.",
        "parameters": {
            "type": "object",
            "properties": {
                "to": {"type": "string"},
                "amount": {"type": "number", "description": "In euros"},
            },
            "required": ["to", "amount"],
        },
    },
}


def transfer(to: str, amount: float) -> str:
    """Stands for the bank."""
    return f"{amount} euros sent to {to}."


async def answer(rails: LLMRails, question: str) -> tuple[str, dict[str, Any]]:
    """What the agent does about a question, and what the rail found."""
    response = await rails.generate_async(
        messages=[{"role": "user", "content": question}],
        options={"llm_params": {"tools": [TRANSFER]}, "output_vars": ["trust"]},
    )
    calls = [call["function"]["arguments"] for call in response.tool_calls or ()]
    done = [transfer(**arguments) for arguments in calls]
    return " ".join(done) or response.response[-1]["content"], response.output_data["trust"]


async def main() -> None:
    """Asks the recorded questions."""
    register()
    rails = LLMRails(RailsConfig.from_path(str(Path(__file__).parent)))
    for question in QUESTIONS:
        said, trust = await answer(rails, question)
        score = f"{trust['status']}, {trust['trustworthiness_score']:.2f}"
        print(f"> {question}\n{said}\n  ({score}) {trust['explanation']}")


if __name__ == "__main__":
    asyncio.run(main())
