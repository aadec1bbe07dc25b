"""A Python of its own, outside the checkout, into which only the wheel is yet to be installed."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

from tests.pages.blocks import ROOT, Block

# Runs in that Python: takes code and expressions as lines of JSON, and tells what became of each.
_SESSION = """
import contextlib, io, json, sys, traceback
names, answers = {"__name__": "__main__"}, sys.stdout
sys.path.insert(0, "")
for line in sys.stdin:
    asked, printed, told = json.loads(line), io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        try:
            code = compile(asked["code"], asked["name"], asked["mode"])
            told["value"] = eval(code, names)
        except BaseException:
            told["error"] = traceback.format_exc()
    told["printed"] = printed.getvalue()
    print(json.dumps(told, default=str), file=answers, flush=True)
"""


def build_wheel(folder: Path) -> Path:
    """Builds the wheel of this checkout, which takes a second and no network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path) -> Path:
    """Makes an environment that has what this one has, but for the package itself."""
    venv.create(folder, symlinks=True)
    here = Path(sysconfig.get_path("purelib"))
    there = folder / here.relative_to(sys.prefix)
    for entry in here.iterdir():
        if not entry.name.startswith("nemoguardrails_trust"):
            (there / entry.name).symlink_to(entry)
    for name in ("pip", "nemoguardrails", "pytest"):
        lines = (Path(sys.executable).parent / name).read_text("utf-8").splitlines(keepends=True)
        script = folder / "bin" / name
        script.write_text("".join([f"#!{folder}/bin/python\n", *lines[1:]]), "utf-8")
        script.chmod(0o755)
    return folder


class Newcomer:
    """Somebody with an empty folder, who does what a page says.

    Args:
        environment: What `make_environment` made.
        folder: Where the newcomer is.
        variables: What stands in the environment besides.
    """

    def __init__(self, environment: Path, folder: Path, variables: dict[str, str]) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        self.variables = {
            **kept,
            "HOME": str(folder),
            "PATH": os.pathsep.join([str(environment / "bin"), os.defpath]),
            "VIRTUAL_ENV": str(environment),
            "NO_COLOR": "1",
            "COLUMNS": "100",
            **variables,
        }
        self._python: subprocess.Popen[str] | None = None

    def shell(self, lines: str) -> subprocess.CompletedProcess[str]:
        """Types lines into a shell."""
        return subprocess.run(
            ["bash", "-c", lines],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=300,
        )

    def write(self, block: Block) -> None:
        """Saves a block under the name that it has."""
        assert block.file is not None, block.place
        path = self.folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, "utf-8")

    def python(self, block: Block) -> str:
        """Runs a block in the session of Python; returns what it printed."""
        code = "\n" * (block.line - 1) + block.text  # so that errors tell the page's own lines
        told = self._tell(code, "exec", block.page)
        assert "error" not in told, told["error"]
        return str(told["printed"])

    def value(self, expression: str) -> Any:
        """What an expression is in the session, as JSON holds it."""
        told = self._tell(expression, "eval", "test")
        assert "error" not in told, told["error"]
        return told["value"]

    def _tell(self, code: str, mode: str, name: str) -> dict[str, Any]:
        if self._python is None:
            self._python = subprocess.Popen(
                ["python", "-c", _SESSION],
                executable=f"{self.variables['VIRTUAL_ENV']}/bin/python",
                cwd=self.folder,
                env=self.variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        self._python.stdin.write(json.dumps({"code": code, "mode": mode, "name": name}) + "\n")
        self._python.stdin.flush()
        told: dict[str, Any] = json.loads(self._python.stdout.readline())
        return told

    def close(self) -> None:
        """Ends the session of Python."""
        if self._python is not None:
            self._python.communicate()
            self._python = None
