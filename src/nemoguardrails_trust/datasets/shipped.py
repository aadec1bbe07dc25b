"""The questions that come with the package."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nemoguardrails_trust
from nemoguardrails_trust.errors import DataError

INSTRUCTION = "Answer the question in a few words, without a sentence around them."


def examples_folder() -> Path:
    """The examples: in the package, or in the checkout it is installed from.

    Raises:
        DataError: They are in neither.
    """
    package = Path(nemoguardrails_trust.__file__).parent
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / "trivia").is_dir():
            return folder
    raise DataError("the examples are missing; install the package again")


def shipped_questions(limit: int) -> Iterator[dict[str, Any]]:
    """The first trivia questions, each a row with `prompt` (chat messages) and `gold`.

    Raises:
        DataError: They are missing.
    """
    path = examples_folder() / "trivia" / "recorded.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines()[:limit]:
        recorded = json.loads(line)
        messages = [
            {"role": "system", "content": INSTRUCTION},
            {"role": "user", "content": recorded["prompt"]},
        ]
        yield {"prompt": messages, "gold": recorded["gold"]}
