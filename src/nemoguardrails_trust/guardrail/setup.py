"""Adds the rail to a configuration that is there, or takes it out, line by line as it stood."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff
from io import StringIO
from pathlib import Path
from typing import Any

from nemoguardrails_trust.disk import write_atomically
from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.guardrail.settings import FLOW_NAME, is_trust_flow

IMPORT_PATH = "nemoguardrails_trust/rail"
_IMPORT = "import nemoguardrails_trust.rail"
_BUILT_IN = "import nemoguardrails.library.cleanlab"
_OUTPUT_RAILS = re.compile(
    r"^flow output rails\b.*\n(?:(?:[ \t]+.*|[ \t]*)(?:\n|\Z))*", re.MULTILINE
)
_CALL = re.compile(rf"^[ \t]+(?:await[ \t]+)?{FLOW_NAME}(?:[ \t$(].*)?(?:\n|\Z)", re.MULTILINE)
_ENDING = re.compile(r"(?:^(?:#.*)?(?:\n|\Z))+\Z", re.MULTILINE)
_SHAPES: tuple[tuple[tuple[str, ...], type, str], ...] = (
    (("import_paths",), list, "a list"),
    (("rails",), dict, "a mapping"),
    (("rails", "output"), dict, "a mapping"),
    (("rails", "output", "flows"), list, "a list"),
)
_WIDTH = 2**16  # no line of the user's is broken


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a file.

    Attributes:
        path: The file.
        before: What stands in it.
        after: What shall stand in it.
    """

    path: Path
    before: str
    after: str

    def difference(self) -> str:
        """The lines that go and come, as `diff -u` shows them."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        lines = unified_diff(before, after, str(self.path), str(self.path))
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def apply(self) -> None:
        """Writes the file.

        Raises:
            DataError: It cannot be written, or has changed since it was read.
        """
        now = _raw(self.path) if self.path.exists() else ""
        if now and _with_plain_ends(now) != self.before:
            raise DataError(
                "has changed in the meantime; run the command again", path=str(self.path)
            )
        after = self.after.replace("\n", "\r\n") if _has_windows_ends(now) else self.after
        write_atomically(self.path, after.encode())


def changes(config: Path, *, remove: bool = False) -> list[Change]:
    """What adds the rail to a configuration, or takes it out again.

    Args:
        config: The configuration's folder, or its config.yml.
        remove: Whether to take it out.

    Returns:
        The files that change; none where nothing is to be done.

    Raises:
        DataError: There is no configuration, or a file of it cannot be read.
        MissingDependencyError: What keeps comments in YAML is not installed.
    """
    first = config if config.is_file() else _config_file(config)
    texts = {path: _read(path) for path in _yaml_files(config, first)}
    data = {path: _data(path, text) for path, text in texts.items()}
    versions = [part["colang_version"] for part in data.values() if "colang_version" in part]
    if str(versions[0] if versions else "1.0") != "1.0":
        found = _removed_v2(first.parent) if remove else _added_v2(first.parent)
    elif remove:
        found = [Change(path, text, _edited(text, _without_rail)) for path, text in texts.items()]
    else:
        path = _file_of_rails(first, data)
        found = [Change(path, texts[path], _edited(texts[path], _with_rail))]
    return [change for change in found if change.before != change.after]


def _data(path: Path, text: str) -> dict[str, Any]:
    """What a file of a configuration holds.

    Raises:
        DataError: It is not YAML, or holds something else.
    """
    from ruamel.yaml.error import YAMLError

    try:
        data = _yaml(text).load(text)
    except YAMLError as error:
        told = " ".join(str(error).split())
        raise DataError(f"is not YAML: {told}", path=str(path)) from None
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
    for name in ("config.yml", "config.yaml"):
        if (folder / name).is_file():
            return folder / name
    raise DataError("has no config.yml", path=str(folder))


def _read(path: Path) -> str:
    return _with_plain_ends(_raw(path))


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n") if _has_windows_ends(text) else text


def _has_windows_ends(text: str) -> bool:
    """Whether all lines end as on Windows."""
    return "\n" in text and text.count("\n") == text.count("\r\n")


def _raw(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", path=str(path)) from None


def _yaml(text: str) -> Any:
    """A reader and writer that keeps comments, order, quotes and the indentation of a text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.util import load_yaml_guess_indent

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    _, indent, of_sequence = load_yaml_guess_indent(text)
    mapping = indent if of_sequence is None else indent - of_sequence
    yaml.indent(mapping=mapping or 2, sequence=indent or 2, offset=of_sequence or 0)
    return yaml


def _edited(text: str, edit: Callable[[Any], bool]) -> str:
    """A text of YAML after an edit of its data; as it is where the edit did nothing."""
    from ruamel.yaml.comments import CommentedMap

    yaml = _yaml(text)
    found = _ENDING.search(text)  # belongs to no key, so no edit may move or drop it
    ending = found.group() if found else ""
    data = yaml.load(text[: len(text) - len(ending)])
    # With nothing to stand beside, remarks would get lost.
    remarks = f"{text.rstrip()}\n" if data is None and text.strip() else ""
    ending = "" if remarks else ending
    data = CommentedMap() if data is None else data
    if not edit(data):
        return text
    written = StringIO()
    yaml.dump(data, written)
    return remarks + written.getvalue() + ending


def _with_rail(data: Any) -> bool:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    changed = False
    paths = data.get("import_paths")
    if paths is None:
        listed = CommentedSeq([IMPORT_PATH])
        listed.fa.set_flow_style()
        data.insert(0, "import_paths", listed)
        changed = True
    elif not any(str(path).strip("/") == IMPORT_PATH for path in paths):
        _append(paths, IMPORT_PATH)
        changed = True
    output = _made(_made(data, "rails", CommentedMap), "output", CommentedMap)
    flows = _made(output, "flows", CommentedSeq)
    if not any(is_trust_flow(str(flow)) for flow in flows):
        _append(flows, FLOW_NAME)
        changed = True
    return changed


def _made(mapping: Any, key: str, kind: type) -> Any:
    """What a key has, made where it has nothing."""
    if mapping.get(key) is None:
        mapping[key] = kind()
    return mapping[key]


def _append(listed: Any, value: str) -> None:
    """Adds a value behind the last one, and before the remarks that follow it."""
    listed.append(value)
    _hand_on_remarks(listed, len(listed) - 2, len(listed) - 1)


def _hand_on_remarks(listed: Any, old: int, new: int) -> None:
    """Gives the lines of remarks below one value to another; its own line keeps its remark."""
    from ruamel.yaml.tokens import CommentToken

    token = (listed.ca.items.get(old) or [None])[0]
    own, line_end, below = token.value.partition("\n") if token else ("", "", "")
    if not below:
        return
    token.value = own + line_end
    other = (listed.ca.items.get(new) or [None])[0]
    if other is None:
        mark = token.start_mark
        listed.ca.items[new] = [CommentToken(f"\n{below}", mark, None), None, None, None]
    else:
        other.value += below


def _without_rail(data: Any) -> bool:
    before = len(data.get("import_paths") or ()), len(_flows(data))
    _drop(data.get("import_paths") or [], lambda path: str(path).strip("/") == IMPORT_PATH)
    _drop(_flows(data), lambda flow: is_trust_flow(str(flow)))
    changed = before != (len(data.get("import_paths") or ()), len(_flows(data)))
    if before[0] and not data["import_paths"]:
        del data["import_paths"]
    if before[1] and not _flows(data):  # what was made for the flow alone goes with it
        del data["rails"]["output"]["flows"]
        if not data["rails"]["output"]:
            del data["rails"]["output"]
        if not data["rails"]:
            del data["rails"]
    return changed


def _flows(data: Any) -> Any:
    output = (data.get("rails") or {}).get("output") or {}
    return output.get("flows") or []


def _drop(listed: Any, goes: Callable[[Any], bool]) -> None:
    for place in reversed(range(len(listed))):
        if goes(listed[place]):
            if place:
                _hand_on_remarks(listed, place, place - 1)
            del listed[place]


def _colang_files(folder: Path) -> dict[Path, str]:
    return {path: _read(path) for path in sorted(folder.rglob("*.co"))}


def _added_v2(folder: Path) -> list[Change]:
    files = _colang_files(folder)
    after = {path: text.replace(f"{_BUILT_IN}\n", "") for path, text in files.items()}
    path = next((path for path, text in files.items() if _OUTPUT_RAILS.search(text)), None)
    path = path or next((path for path in files if path.name == "main.co"), None)
    path = path or next(iter(files), folder / "main.co")
    text = after.get(path, "")
    if not any(_CALL.search(rails) for code in files.values() for rails in _output_rails(code)):
        text = _with_call(text)
    if not any(_is_our_import(line) for code in files.values() for line in code.splitlines()):
        text = _with_import(text, _IMPORT)
    after[path] = text
    return [Change(path, files.get(path, ""), text) for path, text in after.items()]


def _removed_v2(folder: Path) -> list[Change]:
    return [Change(path, text, _without_call(text)) for path, text in _colang_files(folder).items()]


def _output_rails(text: str) -> list[str]:
    return [found.group() for found in _OUTPUT_RAILS.finditer(text)]


def _with_call(text: str) -> str:
    found = _OUTPUT_RAILS.search(text)
    if found is None:
        start = text if not text or text.endswith("\n") else f"{text}\n"
        gap = "\n" if start else ""
        return f"{start}{gap}flow output rails $output_text\n  {FLOW_NAME}\n"
    flow = found.group()
    body = flow.rstrip()
    lines = [line for line in body.splitlines()[1:] if line.strip()]
    indent = re.match(r"[ \t]*", lines[0]).group() if lines else "  "  # type: ignore[union-attr]
    rest = flow[len(body) :] or "\n"
    called = f"{body}\n{indent}{FLOW_NAME}{rest}"
    return f"{text[: found.start()]}{called}{text[found.end() :]}"


def _without_call(text: str) -> str:
    def shortened(found: re.Match[str]) -> str:
        left = _CALL.sub("", found.group())
        return left if left == found.group() or left.strip().count("\n") else ""

    left = _OUTPUT_RAILS.sub(shortened, text)
    lines = left.splitlines(keepends=True)
    kept = [line for line in lines if not _is_our_import(line)]
    left = "".join(kept)
    return text if left == text else f"{left.rstrip()}\n" if left.strip() else ""


def _is_our_import(line: str) -> bool:
    return line.partition("#")[0].strip() == _IMPORT


def _with_import(text: str, line: str) -> str:
    """The text with an import after those that are there, else in front."""
    ends = [found.end() for found in re.finditer(r"^import .*(?:\n|\Z)", text, re.MULTILINE)]
    if not ends:
        return f"{line}\n\n{text}" if text else f"{line}\n"
    start, rest = text[: ends[-1]], text[ends[-1] :]
    start = start if start.endswith("\n") else f"{start}\n"
    return f"{start}{line}\n{rest}"
