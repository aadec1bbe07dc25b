"""What a `TrustworthyRAG` is asked: queries with their passages, prompts and responses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.tlm.questions import Item, items_of, items_with_responses, one_each


def rag_items_of(
    query: Any,
    context: Any,
    prompt: Any,
    form_prompt: Callable[[Any, Any], Any] | None,
    responses: tuple[Any] | None = None,
) -> tuple[list[Item], bool]:
    """Takes queries apart.

    Args:
        query: One query (a text, or chat messages) or an iterable of them.
        context: For one query a passage or several; for many that of each, or one for all.
        prompt: What the model is given; for many queries that of each.
        form_prompt: Makes the prompt of a query and its context.
        responses: What holds the response, or for many queries the list of them; `None` where
            responses are to be made.

    Returns:
        The items, and whether there was one query rather than a list.

    Raises:
        SettingsError: The lists do not go together, or the prompt is given twice.
    """
    if prompt is not None and form_prompt is not None:
        raise SettingsError(
            "prompt and form_prompt both set the prompt; leave one out", key="prompt"
        )
    if responses is None:
        items, is_one = items_of(query, context=context)
    else:
        items, is_one = items_with_responses(query, responses[0], context=context)
    prompts = [item.prompt for item in items]
    if form_prompt is not None:
        prompts = [form_prompt(item.prompt, item.context) for item in items]
    elif prompt is not None:
        prompts = [prompt] if is_one else one_each("prompt", prompt, len(items))
    return [
        replace(item, prompt=own, query=item.prompt)
        for item, own in zip(items, prompts, strict=True)
    ], is_one
