"""Answers and scores from Python, one at a time or for a list."""

from nemoguardrails_trust.tlm.calibrated import TLMCalibrated
from nemoguardrails_trust.tlm.chat import TLMChatCompletion, TLMResponses
from nemoguardrails_trust.tlm.client import TLM
from nemoguardrails_trust.tlm.lite import TLMLite
from nemoguardrails_trust.tlm.rag import TrustworthyRAG

__all__ = ["TLM", "TLMCalibrated", "TLMChatCompletion", "TLMLite", "TLMResponses", "TrustworthyRAG"]
