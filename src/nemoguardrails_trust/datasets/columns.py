"""Which columns of a data set hold what, by the names that people give them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nemoguardrails_trust.datasets import choices
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.beside import MEDIA_KEYS, TOOLS

PROMPTS = (
    *("prompt", "question", "query", "user_input", "instruction", "input"),
    *("messages", "conversations", "conversation", "chat"),
)
RESPONSES = (
    *("response", "answer", "output", "completion", "prediction", "generated_text"),
    *("actual_output", "generated_answer", "model_answer", "model_output", "model_response"),
)
LESS_SURE = {
    PROMPTS: (
        *("user", "human", "user_message", "user_query", "user_question", "request", "inputs"),
        *("mapping", "chat_messages", "turns", "events", "activities"),
    ),
    RESPONSES: (
        *("assistant", "ai", "bot", "reply", "assistant_message", "assistant_response", "outputs"),
        *("ai_response", "bot_response", "llm_response", "llm_output", "llm_answer"),
    ),
}
"""Names that are taken where none of the usual ones is there; elsewhere they may mean others."""
CONTEXTS = (
    *("context", "contexts", "retrieved_context", "retrieved_contexts"),
    *("passages", "documents", "chunks", "retrieval_context"),
)
GIVEN = {
    "system": ("system", "system_prompt", "system_message", "system_instruction"),
    "tools": TOOLS,
    "history": ("history", "chat_history"),
    "options": choices.COLUMNS,
    **{
        medium: tuple(name for name, kind in MEDIA_KEYS.items() if kind == medium)
        for medium in ("image", "audio", "video")
    },
}
"""What models are given beside the prompt, and the names of its columns."""

_TOLD = {
    "system": "instructions",
    "tools": "tools",
    "history": "earlier turns",
    "options": "options",
    "option": "an option",
    "input": "inputs",
    "image": "pictures",
    "audio": "recordings",
    "video": "videos",
}
_OF_INSPECT = {"input", "messages", "output", "epoch"}  # a sample of its logs
_OF_DEEPEVAL = {"context", "retrievalcontext"}  # the first is what should have been retrieved
_UNSEEN = re.compile(r"[\s_\-\ufeff]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a data set hold what is scored.

    Attributes:
        prompt: A string, or chat messages (a list, or JSON text).
        response: The answer to score; `None` where there is no such column.
        context: A retrieved passage or several (a list, or JSON text); `None` where there is
            no such column.
        given: What else the model was given, as the names of `GIVEN`, and its columns; `input`
            too, which goes with an `instruction`.
        blank_is_none: Whether an empty response means that there is none, as in CSV, which
            has no other way to say so.
    """

    prompt: str = "prompt"
    response: str | None = "response"
    context: str | None = "context"
    given: tuple[tuple[str, str], ...] = ()
    blank_is_none: bool = False

    @classmethod
    def find(
        cls,
        present: Sequence[str],
        *,
        prompt: str | None = None,
        response: str | None = None,
        context: str | None = None,
        blank_is_none: bool = False,
        anew: bool = False,
        path: str | None = None,
    ) -> "Columns":
        """Settles the columns of a data set.

        Args:
            present: The columns that there are.
            prompt: The user's choice; `None` takes the one with a name of `PROMPTS`.
            response: The user's choice; `None` takes the one with a name of `RESPONSES`, if any.
            context: The user's choice; `None` takes the one with a name of `CONTEXTS`, if any.
            blank_is_none: Whether an empty response means that there is none.
            anew: Whether all responses are to be made: then they go into the column `response`,
                and one by another name may hold the reference answers.
            path: The file, for the error.

        Raises:
            DataError: A column is not there, or which of several it is cannot be told.
        """
        names = {_folded(name) for name in present}
        if prompt is None and names >= {"instruction", "input"} and "prompt" not in names:
            prompt = "instruction"  # and its input goes with it
        if prompt is None and names >= _OF_INSPECT and "prompt" not in names:
            prompt = "messages"  # which begin with the input
        if context is None and names >= _OF_DEEPEVAL:
            context = "retrieval_context"
        asked = find_column(present, prompt, PROMPTS, "--prompt-column", path=path)
        if asked is None:
            raise no_column(present, "prompt", "--prompt-column", path)
        answers = RESPONSES[0] if RESPONSES[0] in present else None
        if not anew:
            answers = find_column(present, response, RESPONSES, "--response-column", path=path)
        passages = find_column(present, context, CONTEXTS, "--context-column", path=path)
        given = _given(name for name in present if name not in (asked, answers, passages))
        if _folded(asked) != "instruction":
            given = tuple(pair for pair in given if pair[0] != "input")
        return cls(asked, answers, passages, given, blank_is_none)

    @property
    def told(self) -> str | None:
        """What people are to be told: which columns are read under other than the usual names."""
        pairs = (
            *(("prompts", self.prompt), ("responses", self.response), ("context", self.context)),
            *((_TOLD[what], name) for what, name in self.given),
        )
        named = [
            f"{what} from {name!r}"
            for what, name in pairs
            if name is not None and name not in (what, what.removesuffix("s"))
        ]
        return f"reading {', '.join(named)}" if named else None


def _given(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The columns of what is given beside the prompt: instructions come first, as they go first."""
    known = {**GIVEN, "input": ("input",)}
    by_name = {_folded(name): name for name in names}
    found = ((what, by_name.get(_folded(name))) for what, all_ in known.items() for name in all_)
    options = (("option", name) for name in choices.single_columns(by_name))
    return (*tuple((what, name) for what, name in found if name is not None)[::-1], *options)


def find_column(
    present: Sequence[str],
    chosen: str | None,
    known: Sequence[str],
    option: str,
    *,
    path: str | None = None,
) -> str | None:
    """Finds a column by its name; case, spaces, hyphens and underscores do not count.

    Args:
        present: The columns that there are.
        chosen: The user's choice; it must be there.
        known: The names that are taken without it; the first goes before the others.
        option: The option by which it is chosen, for errors.
        path: The file, for errors.

    Returns:
        The name as the data has it; `None` where there is no such column.

    Raises:
        DataError: The chosen one is not there, or more than one may be meant.
    """
    if chosen is not None:
        found = _matching(present, (chosen,))
        if not found:
            raise no_column(present, chosen, option, path)
    else:
        tries = (known[:1], known, LESS_SURE.get(tuple(known), ()))
        found = next(filter(None, (_matching(present, names) for names in tries)), [])
    if len(found) > 1:
        told = " and ".join(map(repr, found))
        raise DataError(f"{told} may both be meant; say which ({option})", path=path)
    return found[0] if found else None


def no_column(present: Sequence[str], name: str, option: str, path: str | None) -> DataError:
    """The error that a column is not there; it lists those that are."""
    listed = ", ".join(map(str, present))
    return DataError(
        f"there is no column {name!r} ({option}); the columns are: {listed}", path=path
    )


def _matching(present: Sequence[str], names: Sequence[str]) -> list[str]:
    if len(names) == 1 and names[0] in present:
        return [names[0]]
    folded = {_folded(name) for name in names}
    return [name for name in present if _folded(name) in folded]


def _folded(name: object) -> str:
    return _UNSEEN.sub("", str(name)).casefold()
