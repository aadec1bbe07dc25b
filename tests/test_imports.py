"""The floors of the package: imports go one way, down."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nemoguardrails_trust

PACKAGE = Path(nemoguardrails_trust.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    {"errors"},
    {"exchange", "scores", "disk", "concurrency"},
    {"models", "agreement"},
    {"signals"},
    {"calibration"},
    {"scorers"},
    {"tlm", "datasets"},
    {"report", "integrations"},
    {"guardrail"},
    {"commands", "rail"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}


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
def test_a_module_imports_only_from_its_own_floor_or_below(path: Path) -> None:
    own = unit(path)
    if own == "__init__":
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
    assert not any(each.split(".")[0] == "nemoguardrails" for each in imported_modules(path))


def test_every_unit_has_a_floor() -> None:
    assert {unit(path) for path in SOURCES} - {"__init__"} <= set(LEVEL)


HEAVY = ["nemoguardrails", "aiohttp", "numpy", "pydantic", "pyarrow", "pandas", "rich", "langfuse"]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, nemoguardrails_trust\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not loaded, loaded"
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
