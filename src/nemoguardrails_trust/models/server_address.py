"""Where a server of OpenAI's protocol is, and the headers that it knows its customer by."""

import os
from collections.abc import Mapping

from yarl import URL

from nemoguardrails_trust.errors import CredentialsError, SettingsError


def address(base: str) -> URL:
    """Reads the address of a server.

    Raises:
        SettingsError: It is none.
    """
    try:
        url = URL(base)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise SettingsError(
            "base_url must be an address such as http://localhost:8000/v1", key="base_url"
        )
    return url


def headers_for(url: URL, api_key: str | None, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of every request, with the key where there is one.

    Args:
        url: The server.
        api_key: The key; `None` takes that of `OPENAI_API_KEY`.
        headers: The caller's own, which win.

    Raises:
        CredentialsError: A key is needed and there is none, or it holds what no key has.
    """
    key = (os.environ.get("OPENAI_API_KEY", "") if api_key is None else api_key).strip()
    names = {name.lower() for name in headers}
    if not key:
        if url.host == "api.openai.com" and "authorization" not in names:
            raise CredentialsError(
                "api.openai.com needs a key: set OPENAI_API_KEY, or pass api_key; for "
                "another server, set base_url"
            )
        return dict(headers)
    if not (key.isascii() and key.isprintable()):
        raise CredentialsError("the key contains characters that no key has; copy it again")
    if "authorization" in names:
        return dict(headers)
    return {"Authorization": f"Bearer {key}", **headers}


def credential(headers: Mapping[str, str]) -> str:
    """What tells one customer of a server from another."""
    return next((value for name, value in headers.items() if name.lower() == "authorization"), "")
