"""A proxy as firms have them: it opens TLS with a certificate of its own, whatever the host.

    with threaded_server(OpenAIServer()) as server, threaded_server(Proxy(server.url)) as proxy:
        proxy.variables(folder)          # HTTPS_PROXY and SSL_CERT_FILE

Whoever has these variables talks to `server` where he asks for https://api.openai.com, without a
word of code that says so.
"""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import trustme

LONGEST_HEAD = 64 * 1024


class Proxy:
    """Passes what is meant for any host on to one local server.

    Args:
        url: The local server's.
        hosts: Whom the proxy may be taken for.

    Attributes:
        asked: The hosts asked for, in order.
    """

    def __init__(self, url: str, *hosts: str) -> None:
        self.asked: list[str] = []
        self._port = urlsplit(url).port
        self._authority = trustme.CA()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(*(hosts or ("api.openai.com",))).configure_cert(self._context)
        self._server: asyncio.Server | None = None
        self._url = ""

    def variables(self, folder: Path) -> dict[str, str]:
        """The variables of the environment that lead here; the certificate goes into the folder."""
        path = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(path)
        return {"HTTPS_PROXY": self._url, "SSL_CERT_FILE": str(path)}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", limit=LONGEST_HEAD)
        self._url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            method, address, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
            assert method == "CONNECT", method
            self.asked.append(address.partition(":")[0])
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self._context)
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        writer.close()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while some := await source.read(64 * 1024):
            sink.write(some)
            await sink.drain()
    sink.close()
