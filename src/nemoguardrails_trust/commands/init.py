"""`nemo-trust init` and `nemo-trust examples`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from nemoguardrails_trust.commands.help import argument, parameter
from nemoguardrails_trust.commands.options import EXIT_INCOMPLETE, user_errors
from nemoguardrails_trust.commands.output import say
from nemoguardrails_trust.commands.terminal import tell
from nemoguardrails_trust.errors import DataError


@user_errors()
def init(
    config: Annotated[Path, argument("CONFIG", "The configuration's folder.")],
    remove: bool = parameter("--remove", "Remove the rail from the configuration.", default=False),
    yes: bool = parameter("--yes -y", "Write without asking.", default=False),
) -> None:
    """Add the rail to an existing configuration (Colang 1.0 or 2.x).

    Shows the changes, and asks before writing them. Everything else in the
    files stays as it is, and --remove restores them.
    """
    from nemoguardrails_trust.guardrail.setup import changes

    found = changes(config, remove=remove)
    if not found:
        tell(f"Nothing to do: the rail is {'not' if remove else 'already'} in {config}.")
        return
    for change in found:
        tell(change.difference(), nl=False)
    if not yes and not sys.stdin.isatty():
        say(
            "nothing was written: there is no terminal to ask on; use --yes to write without asking"
        )
        raise typer.Exit(EXIT_INCOMPLETE)
    if not yes and not typer.confirm("Write this?"):
        raise typer.Exit(EXIT_INCOMPLETE)
    for change in found:
        change.apply()
    folder = shlex.quote(str(config.parent if config.is_file() else config))
    after = "" if remove else f" Next: nemo-trust check {folder}"
    tell(f"Written.{after}")


@user_errors()
def examples(
    folder: Annotated[Path, argument("DIR", "The folder to copy to; created if missing.")],
) -> None:
    """Copy the examples that come with the package to a folder.

    Files that are there already are left as they are.
    """
    from nemoguardrails_trust.datasets.shipped import examples_folder

    try:
        copied = _copy_missing(examples_folder(), folder)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", path=str(folder)) from None
    if not copied:
        say(f"all examples are already in {folder}")
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        first = _title(path)
        tell(f"{path}{first and f'  {first}'}")


def _copy_missing(source: Path, folder: Path) -> int:
    """Copies the files that are not in the folder yet; returns how many."""
    import shutil

    copied = 0
    for path in sorted(source.rglob("*")):
        target = folder / path.relative_to(source)
        if path.is_file() and path.parent.name != "__pycache__" and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            copied += 1
    return copied


def _title(folder: Path) -> str:
    readme = folder / "README.md"
    if not readme.is_file():
        return ""
    return readme.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
