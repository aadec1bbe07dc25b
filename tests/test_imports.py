"""The layers of the package: imports go one way, down."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import nemoguardrails_trust

PACKAGE = Path(nemoguardrails_trust.__file__).parent
SOURCES = sorted(set(PACKAGE.rglob("*.py")) - set((PACKAGE / "examples").rglob("*")))

LAYERS = [
    {"errors"},
    {"exchange", "scores", "disk", "concurrency"},
    {"models", "agreement"},
    {"signals"},
    {"calibration"},
    {"scorers"},
    {"tlm", "datasets"},
    {"report", "integrations", "server"},
    {"guardrail"},
    {"commands", "rail"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def unit(path: Path) -> str:
    """The folder or module directly below the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_own_layer_or_below(path: Path) -> None:
    own = unit(path)
    if own in ("__init__", "__main__"):
        return
    for module in imported_modules(path):
        parts = module.split(".")
        if parts[0] != "nemoguardrails_trust" or len(parts) == 1 or parts[1] not in LEVEL:
            continue
        allowed = parts[1] == own or LEVEL[parts[1]] < LEVEL[own]
        assert allowed, f"{own} imports {module}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_guardrail_and_the_rail_import_nemoguardrails(path: Path) -> None:
    if unit(path) in ("guardrail", "rail"):
        return
    assert not any(module.split(".")[0] == "nemoguardrails" for module in imported_modules(path))


def test_every_unit_has_a_layer() -> None:
    assert {unit(path) for path in SOURCES} - {"__init__", "__main__"} <= set(LEVEL)


def test_importing_the_package_loads_no_other() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "import nemoguardrails_trust\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "assert loaded - sys.stdlib_module_names == {'nemoguardrails_trust'}, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_scoring_from_python_does_not_load_nemoguardrails() -> None:
    code = (
        "import sys\n"
        "from nemoguardrails_trust.scorers.local.scorer import LocalScorer\n"
        "from nemoguardrails_trust.models.openai import OpenAICompatibleModel\n"
        "assert 'nemoguardrails' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_module_can_be_imported_where_there_is_no_fcntl() -> None:
    """As on Windows, which has neither it nor all signals; NeMo's own modules do not need it."""
    adapters = PACKAGE / "integrations"  # whose libraries are their own affair, and slow to load
    names = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in SOURCES
        if path.name not in ("__init__.py", "__main__.py") and path.parent != adapters
    ]
    code = (
        "import importlib, signal, sys\n"
        "sys.modules['fcntl'] = None\n"
        "for name in ('SIGALRM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGPIPE'):\n"
        "    delattr(signal, name)\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports within functions and for types count, too; only the list of public names does not."""
    modules = {module_name(path): path for path in SOURCES if path != PACKAGE / "__init__.py"}
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        found = imported_modules(path) & set(modules)
        # `from package import module` needs no more of the package than the module.
        packages = {module.rpartition(".")[0] for module in found}
        graph[name] = found - packages
    TopologicalSorter(graph).prepare()


ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"


def test_the_page_on_the_architecture_describes_every_unit_and_no_other() -> None:
    text = ARCHITECTURE.read_text("utf-8")
    described = re.findall(r"^### `(\w+)`$", text, re.MULTILINE)
    assert sorted(described) == sorted(LEVEL)


def test_the_layers_of_its_drawing_are_those_of_the_code() -> None:
    drawing = ARCHITECTURE.read_text("utf-8").split("```")[1].strip("\n")
    layers = [set(line[:44].split()) for line in drawing.splitlines()]
    assert layers[::-1] == LAYERS
