"""Answers and scores from Python, one or a list at a time."""

from nemoguardrails_trust.tlm.client import TLM

__all__ = ["TLM"]
