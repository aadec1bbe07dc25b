"""What readers of all forms are to find in them."""

from nemoguardrails_trust.exchange import Message

SYSTEM, USER, ANSWER = Message("system", "be brief"), Message("user", "why?"), "Because."
ASSISTANT = Message("assistant", ANSWER)
CALL = Message("assistant", '{"name": "find", "arguments": {"q": "x"}}')
CALLS = Message("assistant", '[{"name": "find", "arguments": {"q": "x"}}]')
FOUND = Message("tool", "found")
