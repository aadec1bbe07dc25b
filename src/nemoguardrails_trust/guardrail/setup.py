"""Adds the rail to a configuration that is there, or takes it out; all else stays as it was."""

import os
import re
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path, PurePath
from typing import Any

import yaml

from nemoguardrails_trust.disk import write_atomically
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.guardrail.settings import (
    FLOW_NAME,
    TOOL_CALLS_FLOW_NAME,
    is_trust_flow,
)
from nemoguardrails_trust.guardrail.yaml_lists import values_at, with_value, without_values

IMPORT_PATH = "nemoguardrails_trust/rail"
_IMPORT_PATHS = ("import_paths",)
_FLOWS = ("rails", "output", "flows")
_TOOL_FLOWS = ("rails", "tool_output", "flows")
_IN_PLACE_OF_BUILT_IN = "  # instead of the built-in rail"  # whose line stays when ours goes
_IMPORT = "import nemoguardrails_trust.rail"
_BUILT_IN = "import nemoguardrails.library.cleanlab"
_INSTEAD = f"{_IMPORT}  # instead of nemoguardrails.library.cleanlab"
_INSTEAD_UNCALLED = f"{_INSTEAD}, which no flow called"  # so that the call goes when ours goes
_IN_NEW_FILE = f"{_IMPORT}  # in a file that nemo-trust init made"  # which goes when ours goes
_OUTPUT_RAILS = re.compile(r"^flow output rails\b.*(?:\n[ \t].*|\n\r?(?=\n|\Z))*", re.MULTILINE)
_CALL = re.compile(
    rf"\r?\n[ \t]+(?:await[ \t]+)?{FLOW_NAME}(?:[ \t$(][^\r\n]*)?(?=\r?\n|\Z)", re.MULTILINE
)
_SHAPES: tuple[tuple[tuple[str, ...], type, str], ...] = (
    (_IMPORT_PATHS, list, "a list"),
    (_FLOWS[:1], dict, "a mapping"),
    (_FLOWS[:2], dict, "a mapping"),
    (_FLOWS, list, "a list"),
    (_TOOL_FLOWS[:2], dict, "a mapping"),
    (_TOOL_FLOWS, list, "a list"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a file.

    Attributes:
        path: The file.
        before: What it holds.
        after: What it is to hold; `None` where it is to go.
    """

    path: Path
    before: str
    after: str | None

    def difference(self) -> str:
        """The lines that go and come, as `diff -u` shows them."""
        before, after = (
            text.replace("\r\n", "\n").splitlines(keepends=True)
            for text in (self.before, self.after or "")
        )
        name = os.devnull if self.after is None else str(self.path)
        lines = unified_diff(before, after, str(self.path), name)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def apply(self) -> None:
        """Writes the file, or deletes it.

        Raises:
            DataError: It cannot be written, or has changed since it was read.
        """
        now = _read(self.path) if self.path.exists() else ""
        if now and now != self.before:
            raise DataError(
                "has changed in the meantime; run the command again", path=str(self.path)
            )
        if self.after is None:
            self._delete()
        else:
            write_atomically(self.path, self.after.encode())

    def _delete(self) -> None:
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"cannot be deleted: {error.strerror}", path=str(self.path)) from None


def changes(config: Path, *, remove: bool = False) -> list[Change]:
    """What adds the rail to a configuration, or takes it out again.

    Args:
        config: The configuration's folder, or its config.yml.
        remove: Whether to take it out.

    Returns:
        The files that change; none where nothing is to be done.

    Raises:
        DataError: There is no configuration, or a file of it cannot be read or edited.
    """
    first = config if config.is_file() else _config_file(config)
    texts = {path: _read(path) for path in _yaml_files(config, first)}
    data = {path: _data(path, text) for path, text in texts.items()}
    versions = [part["colang_version"] for part in data.values() if "colang_version" in part]
    if str(versions[0] if versions else "1.0") != "1.0":
        found = _removed_v2(first.parent) if remove else _added_v2(first.parent)
    elif remove:
        # Without our import the flow is that of the built-in rail, which is not ours to take out.
        is_added = any(map(_is_ours, _import_paths(data)))
        own = texts.items() if is_added else ()
        found = [Change(path, text, _edited(path, text, None)) for path, text in own]
    else:
        path = _file_of_rails(first, data)
        found = [Change(path, texts[path], _edited(path, texts[path], data))]
    return [change for change in found if change.before != change.after]


def _edited(path: Path, text: str, adding_to: dict[Path, dict[str, Any]] | None) -> str:
    """A file's text without the rail, or with what the files together lack of it.

    Raises:
        DataError: The text has a form that cannot be edited.
    """
    try:
        return _without_rail(text) if adding_to is None else _with_rail(path, text, adding_to)
    except DataError as error:
        raise DataError(str(error), path=str(path)) from None


def _with_rail(path: Path, text: str, data: dict[Path, dict[str, Any]]) -> str:
    listed = any(is_trust_flow(str(flow)) for flow in values_at(data[path], _FLOWS))
    if not any(map(_is_ours, _import_paths(data))):
        comment = _IN_PLACE_OF_BUILT_IN if listed else ""
        text = with_value(text, _IMPORT_PATHS, IMPORT_PATH, comment)
    return text if listed else with_value(text, _FLOWS, FLOW_NAME)


def _without_rail(text: str) -> str:
    left = without_values(text.replace(_IN_PLACE_OF_BUILT_IN, ""), _IMPORT_PATHS, _is_ours)
    left = without_values(left, _TOOL_FLOWS, TOOL_CALLS_FLOW_NAME.__eq__)
    return left if _IN_PLACE_OF_BUILT_IN in text else without_values(left, _FLOWS, is_trust_flow)


def _import_paths(data: dict[Path, dict[str, Any]]) -> list[object]:
    """The import paths of all files of a configuration."""
    return [given for part in data.values() for given in values_at(part, _IMPORT_PATHS)]


def _is_ours(import_path: object) -> bool:
    """Whether a path leads to the rail, by its name or, as `nemo-trust rail-path` prints it."""
    return PurePath(str(import_path)).parts[-2:] == PurePath(IMPORT_PATH).parts


def _data(path: Path, text: str) -> dict[str, Any]:
    """What a file of a configuration holds.

    Raises:
        DataError: It is not YAML, or holds something else.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        parts = (getattr(error, "context", None), getattr(error, "problem", None))
        told = " ".join(filter(None, parts)) or " ".join(str(error).split())
        line = mark.line + 1 if mark else None
        raise DataError(f"is not YAML: {told}", path=str(path), line=line) from None
    if data is not None and not isinstance(data, dict):
        raise DataError("is not a NeMo Guardrails configuration", path=str(path))
    _require_shape(path, data or {})
    return data or {}


def _require_shape(path: Path, data: dict[str, Any]) -> None:
    """Makes sure that what would be edited can hold it.

    Raises:
        DataError: It holds something else.
    """
    for keys, kind, name in _SHAPES:
        value: Any = data
        for key in keys:
            value = None if value is None else value.get(key)
        if value is not None and not isinstance(value, kind):
            raise DataError(f"`{'.'.join(keys)}` must be {name}", path=str(path))


def _yaml_files(config: Path, first: Path) -> list[Path]:
    """The files that NeMo Guardrails joins, the main one first."""
    if config.is_file():
        return [first]
    found = sorted(path for path in config.rglob("*.y*ml") if path.suffix in (".yml", ".yaml"))
    return [first, *(path for path in found if path != first)]


def _file_of_rails(first: Path, data: dict[Path, dict[str, Any]]) -> Path:
    """The file whose `rails` hold: they are not joined, one file's take the place of another's.

    Raises:
        DataError: Several files have some.
    """
    having = [path for path, part in data.items() if part.get("rails")]
    if len(having) > 1:
        names = " and ".join(str(path.relative_to(first.parent)) for path in having)
        raise DataError(
            f"{names} have `rails`, but NeMo Guardrails uses those of only one file; "
            "move them into one",
            path=str(first.parent),
        )
    return having[0] if having else first


def _config_file(folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError("there is no such folder", path=str(folder))
    for name in ("config.yml", "config.yaml"):
        if (folder / name).is_file():
            return folder / name
    raise DataError("has no config.yml", path=str(folder))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", path=str(path)) from None


def _colang_files(folder: Path) -> dict[Path, str]:
    return {path: _read(path) for path in sorted(folder.rglob("*.co"))}


def _added_v2(folder: Path) -> list[Change]:
    files = _colang_files(folder)
    built_in = re.compile(rf"^{re.escape(_BUILT_IN)}(?=\s|\Z)", re.MULTILINE)
    rails = [found for code in files.values() for found in _OUTPUT_RAILS.findall(code)]
    is_called = any(map(_CALL.search, rails))
    instead = _INSTEAD if is_called else _INSTEAD_UNCALLED
    after = {path: built_in.sub(instead, text) for path, text in files.items()}
    path = next((path for path, text in files.items() if _OUTPUT_RAILS.search(text)), None)
    path = path or next((path for path in files if path.name == "main.co"), None)
    path = path or next(iter(files), folder / "main.co")
    text = after.get(path, "")
    after[path] = text = text if is_called else _with_call(text)
    if not any(_is_our_import(line) for code in after.values() for line in code.splitlines()):
        after[path] = _with_import(text, _IMPORT if path in files else _IN_NEW_FILE)
    return [Change(path, files.get(path, ""), text) for path, text in after.items()]


def _removed_v2(folder: Path) -> list[Change]:
    files = _colang_files(folder)
    together = "\n".join(files.values())
    if not any(map(_is_our_import, together.splitlines())):
        return []  # what is called is the built-in rail
    replaced, uncalled = _INSTEAD in together, _INSTEAD_UNCALLED in together

    def restored(text: str) -> str | None:
        is_made = _IN_NEW_FILE in text
        if uncalled or not replaced:
            text = _without_call(text)
        text = text.replace(_INSTEAD_UNCALLED, _BUILT_IN).replace(_INSTEAD, _BUILT_IN)
        text = text if replaced else _without_import(text)
        return text if text.strip() or not is_made else None

    return [Change(path, text, restored(text)) for path, text in files.items()]


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _with_call(text: str) -> str:
    end = _line_end(text)
    found = _OUTPUT_RAILS.search(text)
    if found is None:
        flow = f"flow output rails $output_text{end}  {FLOW_NAME}"
        if not text or text.endswith("\n"):
            return f"{text}{end if text else ''}{flow}{end}"
        return f"{text}{end}{end}{flow}"  # the last line has no end, and stays so
    body = found.group().rstrip()
    lines = [line for line in body.splitlines()[1:] if line.strip()]
    indent = re.match(r"[ \t]*", lines[0]).group() if lines else "  "  # type: ignore[union-attr]
    at = found.start() + len(body)
    return f"{text[:at]}{end}{indent}{FLOW_NAME}{text[at:]}"


def _without_call(text: str) -> str:
    for found in reversed(list(_OUTPUT_RAILS.finditer(text))):
        flow = _CALL.sub("", found.group())
        before, after = text[: found.start()], text[found.end() :]
        if flow != found.group() and "\n" not in flow.strip():  # the flow was for the rail alone
            before = _without_line_end(before)
            blank = flow[len(flow.rstrip()) :]
            before = before if blank else _without_line_end(before)
            flow = blank.removeprefix("\r").removeprefix("\n")
        text = f"{before}{flow}{after}"
    return text


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _is_our_import(line: str) -> bool:
    return line.partition("#")[0].strip() == _IMPORT


def _with_import(text: str, line: str) -> str:
    """The text with the line of our import after those that are there, else in front."""
    end = _line_end(text)
    imports = list(re.finditer(r"^import [^\r\n]*", text, re.MULTILINE))
    if not imports:
        return f"{line}{end}{end if text else ''}{text}"
    at = imports[-1].end()
    return f"{text[:at]}{end}{line}{text[at:]}"


def _without_import(text: str) -> str:
    lines = text.splitlines(keepends=True)
    ours = [place for place, line in enumerate(lines) if _is_our_import(line)]
    for place in reversed(ours):
        del lines[place]
        if place == len(lines) and place and not text.endswith("\n"):
            lines[-1] = _without_line_end(lines[-1])
        elif place == 0 and lines and not lines[0].strip():  # the gap below it
            del lines[0]
    return "".join(lines)
