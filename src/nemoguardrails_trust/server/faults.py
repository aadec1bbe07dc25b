"""What a fault of the server itself becomes: an answer, and a log entry without anybody's words."""

import logging
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nemoguardrails_trust.server.failures import failure

_log = logging.getLogger(__name__)


class FaultsTold:
    """An ASGI application around another, whose unforeseen errors are told with status 500.

    The log has each error's kind and where it came from. Its text, which may quote a prompt or an
    answer, is logged at DEBUG.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Takes the other."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection of the ASGI protocol."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - uvicorn would log it with its text
            way = "".join(traceback.format_tb(error.__traceback__)).rstrip()
            _log.error("a request failed with %s:\n%s", type(error).__name__, way)
            _log.debug("a request failed", exc_info=error)
            if not has_begun:  # otherwise uvicorn closes the connection
                told = failure(scope["path"], 500, "this server failed; its log says why")
                await told(scope, receive, send)
