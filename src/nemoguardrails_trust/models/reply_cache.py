"""Keeps the answers of models on disk from one run to the next.

They are stored in one SQLite file, under digests of what was asked. No prompt is in a file name,
and nothing in the file is ever executed, as pickled objects would be.
"""

import asyncio
import hashlib
import json
import logging
import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from os import PathLike
from pathlib import Path
from typing import Any

from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.exchange import Message
from nemoguardrails_trust.exchange.tokens import TokenLogprob
from nemoguardrails_trust.models.base import Ask, Completion, LanguageModel, Reply

_log = logging.getLogger(__name__)

_VERSION = 1  # of what is kept and how; another one is another key
_FILE = "replies.sqlite3"
_WAIT = 5.0  # seconds for another process that is writing
_KEPT_SHARE = 0.9  # of the most bytes, once the oldest have made room
_FENCED = ("reflection", "comparison", "fields", "rephrasing", "claims")
_FENCE = re.compile(r"<\w+ ([0-9a-f]{8})>")  # around what a judge is shown, anew each time
_VERDICT = 16  # tokens
_WRITABLE = "; give a folder that can be written to"
_AFRESH = f"; remove {_FILE} there to start afresh"
_CURES: dict[int | None, str] = {
    sqlite3.SQLITE_CANTOPEN: _WRITABLE,
    sqlite3.SQLITE_READONLY: _WRITABLE,
    sqlite3.SQLITE_NOTADB: _AFRESH,
    sqlite3.SQLITE_CORRUPT: _AFRESH,
}
MEGABYTES = 1024.0
"""The space for answers, unless another is given."""
_TABLE = """
CREATE TABLE IF NOT EXISTS replies (
    key BLOB PRIMARY KEY, completion TEXT NOT NULL, bytes INTEGER NOT NULL
)"""


class ReplyCache:
    """Keeps the answers of models in a folder, which several processes can share.

    Prompts are not kept. Answers are, and anyone who can read the folder can read them. If the file
    later cannot be read or written, that is logged once, and the models are asked.

    Args:
        folder: The folder; `~` is the home folder. If it does not exist, it is created for its
            owner alone.
        megabytes: The space for answers, above 0. The oldest are deleted first.

    Raises:
        DataError: The folder cannot be used.
        SettingsError: No folder is named, or `megabytes` is not above 0.
    """

    def __init__(self, folder: str | PathLike[str], *, megabytes: float = MEGABYTES) -> None:
        if not megabytes > 0:
            raise SettingsError(f"megabytes is {megabytes!r}; it must be above 0", key="megabytes")
        if not isinstance(folder, str | PathLike) or not str(folder):
            raise SettingsError(f"cache is {folder!r}; it must name a folder", key="cache")
        self._most_bytes = megabytes * 1e6
        self._lock = threading.Lock()
        self._has_failed = False
        self._was_full = False
        try:
            self._path = Path(folder).expanduser() / _FILE
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._lock, closing(self._connect()) as connection, connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(_TABLE)
        except (OSError, RuntimeError, sqlite3.Error) as error:  # of a home that nobody has
            told = f"cannot be used as a cache: {_told(error)}"
            raise DataError(told, path=str(folder)) from None

    def __repr__(self) -> str:
        return f"ReplyCache({str(self._path.parent)!r})"

    async def find(self, keys: Sequence[bytes]) -> list[Completion | None]:
        """The answers under these keys; `None` for those that are missing."""
        return await asyncio.to_thread(self._find, keys)

    async def keep(self, completions: Mapping[bytes, Completion]) -> None:
        """Keeps answers under their keys."""
        await asyncio.to_thread(self._keep, completions)

    def _connect(self) -> sqlite3.Connection:
        # One for each use: it costs little beside a call, and a forked process has its own.
        return sqlite3.connect(self._path, timeout=_WAIT)

    def _find(self, keys: Sequence[bytes]) -> list[Completion | None]:
        query = "SELECT completion FROM replies WHERE key = ?"
        try:
            with self._lock, closing(self._connect()) as connection:
                rows = [connection.execute(query, (key,)).fetchone() for key in keys]
        except sqlite3.Error as error:
            self._failed("read", error)
            return [None] * len(keys)
        return [None if row is None else _completion_of(row[0]) for row in rows]

    def _keep(self, completions: Mapping[bytes, Completion]) -> None:
        texts = {key: _text_of(completion) for key, completion in completions.items()}
        rows = [(key, text, len(text.encode())) for key, text in texts.items()]
        try:
            with self._lock, closing(self._connect()) as connection, connection:
                connection.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?, ?)", rows)
                self._make_room(connection)
        except sqlite3.Error as error:
            self._failed("written", error)

    def _make_room(self, connection: sqlite3.Connection) -> None:
        (total,) = connection.execute("SELECT total(bytes) FROM replies").fetchone()
        if total <= self._most_bytes:
            return
        if not self._was_full:
            self._was_full = True
            size = self._most_bytes / 1e6
            _log.info("the cache %s is full (%g MB); its oldest answers go", self._path, size)
        spare = total - _KEPT_SHARE * self._most_bytes
        oldest = "SELECT rowid, bytes FROM replies ORDER BY rowid"
        for rowid, size in connection.execute(oldest).fetchall():
            if spare <= 0:
                break
            connection.execute("DELETE FROM replies WHERE rowid = ?", (rowid,))
            spare -= size

    def _failed(self, what: str, error: sqlite3.Error) -> None:
        level = logging.DEBUG if self._has_failed else logging.WARNING
        self._has_failed = True
        _log.log(level, "the cache %s cannot be %s: %s", self._path, what, error)


class CachedModel:
    """A model whose answers are kept, and given again where the same is asked.

    The same is: of the same model at the same server with the same parameters, the same messages
    for the same purpose, and of several answers the one of the same number. An answer that is
    given again costs nothing: it counts no call.
    """

    def __init__(self, model: LanguageModel, cache: ReplyCache) -> None:
        """Takes the model, and where its answers are kept."""
        self._model = model
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)  # its server, its limits, what it gives

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    async def complete(self, ask: Ask) -> Reply:
        """Gives the answers that are kept, and asks for the rest; see `LanguageModel`.

        Raises:
            ModelError: No answer could be had.
            CredentialsError: The key was refused.
        """
        keys = self._keys(ask)
        found = await self._cache.find(keys)
        missing = [key for key, completion in zip(keys, found, strict=True) if completion is None]
        kept = tuple(completion for completion in found if completion is not None)
        if not missing:
            return Reply(kept)
        reply = await self._model.complete(ask.asking_for(len(missing)))
        said = [completion for completion in reply.completions if completion.text.strip()]
        await self._cache.keep(dict(zip(missing, said, strict=False)))
        return Reply((*kept, *reply.completions), reply.calls, reply.failures)

    async def aclose(self) -> None:
        """Closes the model's connections."""
        await self._model.aclose()

    def _keys(self, ask: Ask) -> list[bytes]:
        asked = {
            "version": _VERSION,
            "model": self.name,
            "server": getattr(self._model, "base_url", None),
            "parameters": dict(getattr(self._model, "parameters", {})),
            "messages": [_message(message) for message in ask.messages],
            "purpose": ask.purpose,
            "temperature": ask.temperature,
            "max_tokens": _room(ask),
            "top_logprobs": ask.top_logprobs,
        }
        return [_key({**asked, "number": ask.first + number}, ask) for number in range(ask.n)]


def _told(error: OSError | RuntimeError | sqlite3.Error) -> str:
    """Why a folder cannot be used, and what to do."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "it is a file; give a folder"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    code = error.sqlite_errorcode & 0xFF if isinstance(error, sqlite3.Error) else None
    return f"{error}{_CURES.get(code, '')}"


def _key(asked: Mapping[str, Any], ask: Ask) -> bytes:
    text = json.dumps(asked, sort_keys=True, default=repr)
    if ask.purpose in _FENCED and (fence := _FENCE.search(text)):
        text = text.replace(fence[1], "")
    return hashlib.sha256(text.encode()).digest()


def _message(message: Message) -> dict[str, Any]:
    media = [medium.identity for medium in message.media]
    return {"role": message.role, "content": message.content, "media": media}


def _room(ask: Ask) -> int | None:
    """The most tokens; a verdict is the same whether the judge had room for one token or a few."""
    room = ask.max_tokens
    return _VERDICT if ask.purpose == "reflection" and room and room < _VERDICT else room


def _text_of(completion: Completion) -> str:
    tokens = completion.tokens
    kept = {
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "tokens": tokens and [[token.token, token.logprob, token.top] for token in tokens],
    }
    return json.dumps(kept)


def _completion_of(text: str) -> Completion | None:
    """What was kept; `None` where it is not as it was written."""
    try:
        kept = json.loads(text)
        tokens = kept["tokens"]
        if tokens is not None:
            tokens = tuple(
                TokenLogprob(token, float(logprob), tuple((other, float(p)) for other, p in top))
                for token, logprob, top in tokens
            )
        return Completion(str(kept["text"]), tokens, kept["finish_reason"])
    except (KeyError, TypeError, ValueError):
        return None
