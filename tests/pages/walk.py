"""Doing what a page says, block by block, as a newcomer does."""

import re
import shutil
from typing import Any

import yaml

from tests.pages.blocks import Block, blocks_of
from tests.pages.newcomer import Newcomer


class Walk:
    """The blocks of a page, done in their order.

    Args:
        newcomer: Who does them.
        page: The page.
    """

    def __init__(self, newcomer: Newcomer, page: str) -> None:
        self._newcomer = newcomer
        self._blocks = iter(blocks_of(page))
        self._printed = ""

    def up_to(self, words: str) -> str:
        """Does the blocks up to the one that holds the words; returns what that one printed."""
        for block in self._blocks:
            self._do(block)
            if words in block.text:
                return self._printed
        raise AssertionError(f"no further block holds {words!r}")

    def to_its_end(self) -> None:
        """Does the blocks that are left."""
        for block in self._blocks:
            self._do(block)

    def _do(self, block: Block) -> None:
        if block.file is not None:
            self._newcomer.write(block)
        elif block.language in ("yaml", "colang"):
            self._load_with(block)
        elif block.language == "bash":
            done = self._newcomer.shell(f"set -e\n{block.text}")
            assert done.returncode == 0, f"{block.place}\n{done.stdout}"
            self._printed = done.stdout
        elif block.language == "console":
            self._printed = self._newcomer.shell("\n".join(block.commands)).stdout
            assert is_shown(block.output, self._printed), f"{block.place}\n{self._printed}"
        elif block.language == "python":
            self._printed = self._newcomer.python(block)
        else:  # what the block before it prints, or a part of that
            assert block.language == "text", block.place
            printed = " ".join(self._printed.split())
            for line in filter(str.strip, block.text.splitlines()):
                assert " ".join(line.split()) in printed, f"{block.place}\n{self._printed}"

    def _load_with(self, block: Block) -> None:
        """Loads the bot of the page with a part of a configuration that the page shows."""
        bot, other = self._newcomer.folder / "bot", self._newcomer.folder / "bot-with-part"
        shutil.copytree(bot, other, dirs_exist_ok=True)
        (other / "part.co").write_text(block.text if block.language == "colang" else "", "utf-8")
        config = yaml.safe_load((bot / "config.yml").read_text("utf-8"))
        if block.language == "yaml":
            config = merged(config, yaml.safe_load(block.text) or {})
        (other / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
        code = "__import__('nemoguardrails').LLMRails(__import__('nemoguardrails').RailsConfig"
        self._newcomer.value(f"{code}.from_path('bot-with-part')).config.colang_version")


def is_shown(shown: str, printed: str) -> bool:
    """Whether the output on a page, in which `…` stands for anything, is what was printed."""
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


def merged(config: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """A configuration with a part of one put in."""
    both = dict(config)
    for name, value in part.items():
        old = both.get(name)
        both[name] = merged(old, value) if isinstance(old, dict) else value
    return both
