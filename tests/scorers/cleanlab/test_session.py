import logging

import pytest

from nemoguardrails_trust.errors import ModelError, TrustError
from nemoguardrails_trust.scorers.cleanlab.session import ServiceSession
from tests.servers.faults import status
from tests.servers.tlm import SCORES, TLMServer

KEY = "sk-very-secret-0123456789"


async def test_what_the_service_says_of_a_refusal_is_logged_at_debug_only_and_without_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    session = ServiceSession(KEY, "SOME_KEY", lambda *_: ValueError())
    async with TLMServer() as server:
        server.faults.next(status(422, {"error": f"no such model for {KEY}"}))
        with pytest.raises(TrustError) as raised:
            await session.request("POST", server.url + SCORES, {}, {})
    await session.close()
    assert isinstance(raised.value, ModelError)
    assert raised.value.status == 422
    assert "no such model" not in str(raised.value)
    said = [record for record in caplog.records if "no such model" in record.getMessage()]
    assert {record.levelno for record in said} == {logging.DEBUG}
    assert KEY not in caplog.text
