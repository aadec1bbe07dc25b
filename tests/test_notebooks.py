"""The notebooks run, and hold the very results that running them brings.

Where a change brings others, `python -m tests.test_notebooks` runs them and keeps the results.
"""

import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


def executed(path: Path) -> Any:
    """A notebook with the results of running it here and now."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # a busy machine delivers them in pieces
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    return notebook


def results_of(notebook: Any) -> list[list[Any]]:
    """What the cells show, as text, each with its kind."""
    return [
        [
            (entry["output_type"], entry.get("text") or entry.get("data", {}).get("text/plain"))
            for entry in cell.get("outputs", [])
        ]
        for cell in notebook.cells
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_running_it_brings(path: Path) -> None:
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    assert any(results_of(stored))
    assert results_of(executed(path)) == results_of(stored)


def test_there_is_a_notebook_of_the_quickstart() -> None:
    assert "quickstart" in [path.stem for path in NOTEBOOKS]
    text = NOTEBOOKS[0].read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert tempfile.gettempdir() not in text


if __name__ == "__main__":
    for path in NOTEBOOKS:
        made = executed(path)
        made.metadata["language_info"] = {"name": "python"}
        nbformat.write(made, path)
