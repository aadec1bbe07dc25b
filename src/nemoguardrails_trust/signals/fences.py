"""Quoting hostile text in a prompt, so that it cannot pass for the prompt."""

import secrets
from collections.abc import Iterable

from nemoguardrails_trust.exchange.values import whole_text


class Fence:
    """Markers around quoted text that the text cannot forge.

    A marker is a tag with a random part, such as `<response 4f1c09ab>`. The random part is drawn
    anew for every prompt, after the texts are known, and drawn again should it occur in one of
    them. So no text can hold a marker of the prompt that quotes it.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        """Draws a random part that occurs in none of the texts."""
        everything = "\n".join(texts).casefold()
        self.mark = secrets.token_hex(4)
        while self.mark in everything:
            self.mark = secrets.token_hex(4)

    def quote(self, name: str, text: str, *, limit: int) -> str:
        """The text between its markers.

        Args:
            name: What the text is, in one word of ours.
            text: Any text. Lone surrogates, which cannot be sent, are replaced.
            limit: The most characters that are quoted; beyond it the middle is left out, and a
                marker says how much.
        """
        quoted = self._shortened(whole_text(text), limit)
        return f"<{name} {self.mark}>\n{quoted}\n</{name} {self.mark}>"

    def _shortened(self, text: str, limit: int) -> str:
        if len(text) <= limit:
            return text
        head, tail = limit - limit // 2, limit // 2
        left_out = len(text) - head - tail
        note = f"<{self.mark}: {left_out} characters left out here>"
        return f"{text[:head]}\n{note}\n{text[len(text) - tail :]}"
