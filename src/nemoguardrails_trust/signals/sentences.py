"""The sentences of an answer, each with its place in it.

Markdown is taken apart by markdown-it-py, which rich brings along; running text by sentencex, the
segmenter of the Wikimedia Foundation for some 300 languages (extra `claims`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nemoguardrails_trust.agreement.text import STOP_WORDS
from nemoguardrails_trust.errors import needing

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_CHARACTERS = 20_000
"""The most characters of an answer that are split; what stands behind them has no sentences."""

_MOST_LINES = 1_000
_LONGEST_PARAGRAPH = 5_000  # characters; a longer one is split by the rules of one language
_ENGLISH = 0.2  # of its words are the commonest of the language
_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "ru")
_WORD = re.compile(r"[^\W_]")
_LETTERS = re.compile(r"[^\W\d_]+")
_UNREADABLE = re.compile("[\ud800-\udfff\0]")
_ASKS = re.compile(r"[?？؟\u037e][\s\"'”’»）)*_]*$")
_LEADS_IN = re.compile(r"[:：]\s*[*_]*$")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer that may claim something."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of an answer, or the first of them."""

    listed: tuple[Sentence, ...]  # in order; they do not overlap
    is_whole: bool


def split_sentences(answer: str, *, most: int) -> Sentences:
    """Splits an answer into the sentences that may claim something.

    A line of a list is a sentence, or several; a row of a table is one. Headings, code, the head
    of a table, questions, lines that lead in to a list, and what has neither letters nor digits
    are none.

    Args:
        answer: Any text, with markdown or without.
        most: The most sentences.

    Raises:
        MissingDependencyError: The extra `claims` is not installed.
    """
    require_splitter()
    # Characters are replaced one by one, so that places stay what they are.
    text = _UNREADABLE.sub("\ufffd", answer[:MOST_CHARACTERS]).replace("\r\n", " \n")
    lines = text.replace("\r", "\n").split("\n")
    kept = lines[:_MOST_LINES]
    found: list[Sentence] = []
    for start, end in _spans(kept):
        if _claims(text[start:end]):
            if len(found) == most:
                return Sentences(tuple(found), is_whole=False)
            found.append(Sentence(start, end, answer[start:end]))
    is_whole = len(answer) <= MOST_CHARACTERS and len(kept) == len(lines)
    return Sentences(tuple(found), is_whole)


def require_splitter() -> None:
    """Makes sure that answers can be split.

    Raises:
        MissingDependencyError: The extra `claims` is not installed.
    """
    with needing(None, "claims"):
        import markdown_it
        import sentencex  # noqa: F401
    assert markdown_it


def _claims(sentence: str) -> bool:
    if not _WORD.search(sentence):
        return False
    return not (_ASKS.search(sentence) or _LEADS_IN.search(sentence))


def _spans(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where sentences begin and end, in order."""
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    tokens: list[Token] = []
    _parser().block.parse("\n".join(lines), _parser(), {}, tokens)
    last = 0
    for start, end in _all_spans(tokens, lines, starts):
        if last <= start < end:
            last = end
            yield start, end


def _all_spans(
    tokens: Sequence["Token"], lines: Sequence[str], starts: Sequence[int]
) -> Iterator[tuple[int, int]]:
    around: list[str] = []
    for token in tokens:
        if token.nesting == 1:
            around.append(token.type.removesuffix("_open"))
            if token.type == "tr_open" and "tbody" in around and token.map:
                line = token.map[0]
                yield _without_blanks(lines[line], starts[line], " \t|>")
        elif token.nesting == -1:
            around.pop()
        elif token.type == "inline" and token.map and "paragraph" in around[-1:]:
            yield from _sentences_of(token.content, token.map[0], lines, starts)


def _sentences_of(
    content: str, first: int, lines: Sequence[str], starts: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """The sentences of a paragraph, whose lines stand in the answer with marks before them."""
    places: list[int] = []  # in the answer, of each character of the paragraph
    for number, part in enumerate(content.split("\n"), start=first):
        if number >= len(lines) or (at := lines[number].find(part)) < 0:
            break
        places.extend(range(starts[number] + at, starts[number] + at + len(part) + 1))
    text = content[: len(places)]
    begin = 0
    for boundary in _boundaries(text):
        start, end = _without_blanks(text[begin:boundary], begin, None)
        if start < end:
            yield places[start], places[end - 1] + 1
        begin = boundary


def _boundaries(text: str) -> list[int]:
    """Where sentences end.

    In a text that is not English a boundary is one for every language: a full stop that ends a
    sentence in one of them stands behind an abbreviation or an ordinal in another.
    """
    import sentencex

    ends: Callable[[str], set[int]] = lambda language: {  # noqa: E731
        boundary["end_index"] for boundary in sentencex.get_sentence_boundaries(language, text)
    }
    words = _LETTERS.findall(text.casefold())
    english = sum(word in STOP_WORDS for word in words) >= _ENGLISH * len(words)
    simple = english or len(text) > _LONGEST_PARAGRAPH
    found = ends("en") if simple else set.intersection(*map(ends, _LANGUAGES))
    return sorted(found | {len(text)})


def _without_blanks(text: str, start: int, blanks: str | None) -> tuple[int, int]:
    end = start + len(text.rstrip(blanks))
    return start + len(text) - len(text.lstrip(blanks)), max(start, end)


@lru_cache(maxsize=1)
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser: Any = MarkdownIt("commonmark").enable("table")
    return parser  # type: ignore[no-any-return]
