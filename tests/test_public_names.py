import ast
import json
import re
from pathlib import Path

import nemoguardrails_trust


def test_every_public_name_is_there_and_the_list_is_sorted() -> None:
    names = nemoguardrails_trust.__all__
    assert names == sorted(names)
    for name in names:
        assert getattr(nemoguardrails_trust, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(nemoguardrails_trust, "Trust")
    assert set(nemoguardrails_trust.__all__) <= set(dir(nemoguardrails_trust))


def test_the_package_is_typed() -> None:
    from importlib.resources import files

    assert files("nemoguardrails_trust").joinpath("py.typed").is_file()


ROOT = Path(__file__).parents[1]


def python_of(text: str) -> list[str]:
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [str(block) for block in blocks]


def python_of_markdown(page: Path) -> list[str]:
    return python_of(page.read_text("utf-8"))


def python_of_notebook(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def shown_code() -> list[tuple[str, str]]:
    """All Python that users are shown, each with the file that shows it."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    found = [(page, code) for page in pages for code in python_of_markdown(page)]
    for notebook in (ROOT / "examples").rglob("*.ipynb"):
        found += [(notebook, code) for code in python_of_notebook(notebook)]
    found += [(path, path.read_text("utf-8")) for path in (ROOT / "examples").rglob("*.py")]
    return [(str(path.relative_to(ROOT)), code) for path, code in found]


def names_imported(code: str) -> set[str]:
    """What the code imports of the package, as dotted names below it."""
    tree = compile(code, "shown", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    package = nemoguardrails_trust.__name__
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix(f"{package}.") for name in names if name.startswith(f"{package}.")}


def adapter_names() -> set[str]:
    """What the adapters of other libraries offer; to import one imports its library."""
    found = set()
    for path in (Path(nemoguardrails_trust.__file__).parent / "integrations").glob("*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names = ast.literal_eval(node.value)
                found |= {f"integrations.{path.stem}.{name}" for name in names}
    return found


def test_documents_and_examples_import_nothing_but_public_names() -> None:
    shown = [(path, names) for path, code in shown_code() if (names := names_imported(code))]
    assert len(shown) > 10
    public = set(nemoguardrails_trust.__all__) | adapter_names()
    assert [(path, names - public) for path, names in shown if names - public] == []
