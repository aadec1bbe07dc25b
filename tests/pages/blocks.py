"""The code blocks of a page, each with its place and the file that it says it is."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]*\.(?:co|env|ini|py|ya?ml))\b")


@dataclass(frozen=True)
class Block:
    """A block of code on a page.

    Attributes:
        page: The page, as a path from the root of the repository.
        line: The line of the page on which the code begins.
        language: What stands behind the fence.
        text: The code.
        file: The file whose content it is, where its first line is a comment that begins with a
            name.
    """

    page: str
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        found = _FILE.match(self.text)
        return found[1] if found else None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def output(self) -> str:
        """What a `console` block says is printed."""
        return self.text.replace("\\\n", " ").partition("\n")[2]

    @property
    def commands(self) -> list[str]:
        """The command lines of a `bash` or `console` block; those that go on are one."""
        joined = self.text.replace("\\\n", " ")
        if self.language == "console":
            return [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
        return [line for line in joined.splitlines() if line.strip()]


def blocks_of(page: str, *languages: str) -> list[Block]:
    """The blocks of a page in their order, those in the languages or all."""
    text = (ROOT / page).read_text("utf-8")
    found = [
        Block(page, text.count("\n", 0, match.start(2)) + 1, match[1], match[2])
        for match in _BLOCK.finditer(text)
    ]
    return [block for block in found if not languages or block.language in languages]


def block_with(page: str, language: str, words: str) -> Block:
    """The first block of a page in this language that holds the words."""
    return next(block for block in blocks_of(page, language) if words in block.text)
