"""Answers and scores from Python, one or a list at a time."""

from nemoguardrails_trust.tlm.client import TLM
from nemoguardrails_trust.tlm.rag import TrustworthyRAG

__all__ = ["TLM", "TrustworthyRAG"]
