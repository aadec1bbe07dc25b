"""Modules of the user's own, which may stand beside a bot's configuration."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType


def import_from(folders: Sequence[Path], name: str) -> ModuleType:
    """Imports a module from one of some folders, or else an installed one.

    A file is a module of its folder alone: two bots may each have a `scoring.py`. It may import
    what stands beside it.

    Args:
        folders: Where it is looked for first.
        name: Its name, with dots where it is in a package.

    Raises:
        ImportError: There is none of that name, or another package of its name is in its place.
        Exception: Whatever the module itself raises.
    """
    for folder in folders:
        path = (folder / Path(*name.split("."))).absolute()
        if path.with_suffix(".py").is_file():
            if "." in name:
                return _from_package(name, folder.absolute())
            return _from_file(name, path.with_suffix(".py"))
        if (path / "__init__.py").is_file():
            return _from_package(name, folder.absolute())
    return importlib.import_module(name)


def _from_file(name: str, path: Path) -> ModuleType:
    own_name = f"{name}_{sha256(str(path).encode()).hexdigest()[:12]}"
    if own_name in sys.modules:
        return sys.modules[own_name]
    spec = importlib.util.spec_from_file_location(own_name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[own_name] = module  # where dataclasses and pickle look for it
    try:
        with _found_first(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[own_name]
        raise
    return module


def _from_package(name: str, folder: Path) -> ModuleType:
    with _found_first(folder):
        importlib.invalidate_caches()
        module = importlib.import_module(name)
    origin = module.__file__ or ""
    if not Path(origin).is_relative_to(folder):
        raise ImportError(f"{name} is already imported from {origin}, not from {folder}")
    return module


@contextmanager
def _found_first(folder: Path) -> Iterator[None]:
    """Has a folder's modules found before others."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
