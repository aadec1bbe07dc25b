"""Which columns of a data set hold what, by the names that people give them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nemoguardrails_trust.errors import DataError

PROMPTS = (
    *("prompt", "question", "query", "user_input", "instruction", "input"),
    *("messages", "conversations", "conversation", "chat"),
)
RESPONSES = ("response", "answer", "output", "completion", "prediction", "generated_text")
CONTEXTS = (
    *("context", "contexts", "retrieved_context", "retrieved_contexts"),
    *("passages", "documents", "chunks"),
)

_UNSEEN = re.compile(r"[\s_\-\ufeff]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a data set hold what is scored.

    Attributes:
        prompt: A string, or chat messages (a list, or JSON text).
        response: The answer to score; `None` where there is no such column.
        context: A retrieved passage or several (a list, or JSON text); `None` where there is
            no such column.
    """

    prompt: str = "prompt"
    response: str | None = "response"
    context: str | None = "context"

    @classmethod
    def find(
        cls,
        present: Sequence[str],
        *,
        prompt: str | None = None,
        response: str | None = None,
        context: str | None = None,
        anew: bool = False,
        path: str | None = None,
    ) -> "Columns":
        """Settles the columns of a data set.

        Args:
            present: The columns that there are.
            prompt: The user's choice; `None` takes the one with a name of `PROMPTS`.
            response: The user's choice; `None` takes the one with a name of `RESPONSES`, if any.
            context: The user's choice; `None` takes the one with a name of `CONTEXTS`, if any.
            anew: Whether all responses are to be made: then they go into the column `response`,
                and one by another name may hold the reference answers.
            path: The file, for the error.

        Raises:
            DataError: A column is not there, or which of several it is cannot be told.
        """
        asked = find_column(present, prompt, PROMPTS, "--prompt-column", path=path)
        if asked is None:
            raise no_column(present, "prompt", "--prompt-column", path)
        answers = RESPONSES[0] if RESPONSES[0] in present else None
        if not anew:
            answers = find_column(present, response, RESPONSES, "--response-column", path=path)
        return cls(
            prompt=asked,
            response=answers,
            context=find_column(present, context, CONTEXTS, "--context-column", path=path),
        )

    @property
    def told(self) -> str | None:
        """What people are to be told: which columns are read under other than the usual names."""
        pairs = (("prompts", self.prompt), ("responses", self.response), ("context", self.context))
        named = [
            f"{what} from {name!r}"
            for what, name in pairs
            if name is not None and name not in (what, what.removesuffix("s"))
        ]
        return f"reading {', '.join(named)}" if named else None


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
        found = _matching(present, known[:1]) or _matching(present, known)
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
