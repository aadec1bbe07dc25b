"""The site of the documents: what its pages and its menu hold. `make docs` builds it."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import nemoguardrails_trust

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))


def pages_of(menu: Any) -> Iterator[str]:
    if isinstance(menu, str):
        yield menu
    elif isinstance(menu, dict):
        for entry in menu.values():
            yield from pages_of(entry)
    else:
        for entry in menu:
            yield from pages_of(entry)


def test_every_page_is_in_the_menu_once() -> None:
    menu = list(pages_of(SITE["nav"]))
    assert sorted(menu) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


def test_a_warning_is_an_error_and_nothing_is_loaded_from_elsewhere() -> None:
    assert SITE["strict"] is True
    assert SITE["theme"]["font"] is False
    assert set(SITE["validation"]["links"].values()) == {"warn"}


def test_the_reference_has_every_public_name_and_no_other() -> None:
    text = (DOCS / "api.md").read_text("utf-8")
    described = re.findall(r"^::: nemoguardrails_trust\.(?:[\w.]+\.)?(\w+)$", text, re.MULTILINE)
    assert sorted(described) == sorted(nemoguardrails_trust.__all__)


def test_what_is_outside_of_the_documents_is_linked_in_the_repository() -> None:
    change = runpy.run_path(str(DOCS / "links.py"))["on_page_markdown"]
    text = "[a](../examples/a.py) and [b](rail.md#c)"
    changed = change(text, config={"repo_url": "https://example.test/r"})
    assert changed == "[a](https://example.test/r/blob/main/examples/a.py) and [b](rail.md#c)"


def test_every_anchor_that_a_page_links_is_a_heading() -> None:
    def anchors(page: Path) -> set[str]:
        headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
        plain = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
        return {re.sub(r"[\s-]+", "-", heading) for heading in plain}

    for page in DOCS.rglob("*.md"):
        for target, anchor in re.findall(
            r"\]\((?!https?:)([^)#]*)#([^)]+)\)", page.read_text("utf-8")
        ):
            assert anchor in anchors(page.parent / target if target else page), (page, anchor)
