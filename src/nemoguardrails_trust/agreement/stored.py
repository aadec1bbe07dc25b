"""What `languages.json` holds, read once."""

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def stored() -> Any:
    """The file's content."""
    return json.loads(files(__package__).joinpath("languages.json").read_text("utf-8"))
