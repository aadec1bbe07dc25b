"""A trustworthiness score for every answer of a language model, and a guardrail that acts on it.

The public names are loaded on first use, so importing this package loads neither NeMo
Guardrails nor any client.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemoguardrails_trust.errors import (
        BatchError,
        CredentialsError,
        DataError,
        MissingDependencyError,
        ModelError,
        ScoringError,
        SettingsError,
        TrustError,
    )
    from nemoguardrails_trust.exchange import Exchange, Message
    from nemoguardrails_trust.guardrail.flows import rail_path
    from nemoguardrails_trust.guardrail.outcome import TrustOutcome
    from nemoguardrails_trust.guardrail.plugin import register
    from nemoguardrails_trust.guardrail.settings import TrustSettings
    from nemoguardrails_trust.guardrail.streaming import TrustEvent, stream_with_trust
    from nemoguardrails_trust.scorers.base import Scorer, ScorerSettings
    from nemoguardrails_trust.scores import CallUsage, Signal, TrustworthinessScore, Usage
    from nemoguardrails_trust.tlm import TLM

__version__ = "0.1.0"

_HOMES = {
    "BatchError": "errors",
    "CallUsage": "scores",
    "CredentialsError": "errors",
    "DataError": "errors",
    "Exchange": "exchange",
    "Message": "exchange",
    "MissingDependencyError": "errors",
    "ModelError": "errors",
    "Scorer": "scorers.base",
    "ScorerSettings": "scorers.base",
    "ScoringError": "errors",
    "SettingsError": "errors",
    "Signal": "scores",
    "TLM": "tlm",
    "TrustError": "errors",
    "TrustEvent": "guardrail.streaming",
    "TrustOutcome": "guardrail.outcome",
    "TrustSettings": "guardrail.settings",
    "TrustworthinessScore": "scores",
    "Usage": "scores",
    "rail_path": "guardrail.flows",
    "register": "guardrail.plugin",
    "stream_with_trust": "guardrail.streaming",
}

__all__ = [  # noqa: RUF022 - in the order of `sorted`, which a test checks
    "BatchError",
    "CallUsage",
    "CredentialsError",
    "DataError",
    "Exchange",
    "Message",
    "MissingDependencyError",
    "ModelError",
    "Scorer",
    "ScorerSettings",
    "ScoringError",
    "SettingsError",
    "Signal",
    "TLM",
    "TrustError",
    "TrustEvent",
    "TrustOutcome",
    "TrustSettings",
    "TrustworthinessScore",
    "Usage",
    "rail_path",
    "register",
    "stream_with_trust",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
