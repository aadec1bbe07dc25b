"""A trustworthiness score for every answer of a language model, and a guardrail that acts on it.

The public names are loaded on first use, so importing this package loads neither NeMo
Guardrails nor any client.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for true; `typing` is most of what importing takes
if TYPE_CHECKING:
    from nemoguardrails_trust import agreement
    from nemoguardrails_trust.calibration.calibration import Calibration
    from nemoguardrails_trust.calibration.evaluation import Evaluation
    from nemoguardrails_trust.datasets import (
        calibrate_dataset,
        evaluate_dataset,
        score_dataset,
        score_rows,
    )
    from nemoguardrails_trust.errors import (
        BatchError,
        CredentialsError,
        DataError,
        MissingDependencyError,
        ModelError,
        ScoringError,
        SettingsError,
        SetupError,
        TrustError,
    )
    from nemoguardrails_trust.exchange import Exchange, Media, Message
    from nemoguardrails_trust.exchange.tokens import TokenLogprob
    from nemoguardrails_trust.guardrail.flows import rail_path
    from nemoguardrails_trust.guardrail.outcome import TrustOutcome
    from nemoguardrails_trust.guardrail.plugin import register
    from nemoguardrails_trust.guardrail.settings import TrustSettings
    from nemoguardrails_trust.guardrail.streaming import TrustEvent, stream_with_trust
    from nemoguardrails_trust.integrations.langfuse import (
        ScoringOptions,
        TraceQuery,
        TraceReport,
        attach_outcome_to_current_trace,
        score_traces,
        score_traces_async,
    )
    from nemoguardrails_trust.integrations.openai import trust_openai
    from nemoguardrails_trust.integrations.testing.answers import assert_trustworthy
    from nemoguardrails_trust.models.base import Ask, Completion, LanguageModel, Reply
    from nemoguardrails_trust.models.openai import OpenAICompatibleModel
    from nemoguardrails_trust.models.replay import Recorded, ReplayModel, read_recorded
    from nemoguardrails_trust.models.reply_cache import ReplyCache
    from nemoguardrails_trust.report import Report, build_report
    from nemoguardrails_trust.scorers.base import QualityPreset, Scorer, ScorerSettings
    from nemoguardrails_trust.scorers.create import BuiltScorer, create_scorer
    from nemoguardrails_trust.scorers.local.scorer import LocalScorer
    from nemoguardrails_trust.scores import CallUsage, Claim, Signal, TrustworthinessScore, Usage
    from nemoguardrails_trust.signals.evaluations import (
        Eval,
        get_default_evals,
        get_default_tool_call_evals,
    )
    from nemoguardrails_trust.tlm import (
        TLM,
        TLMCalibrated,
        TLMChatCompletion,
        TLMLite,
        TLMResponses,
        TrustworthyRAG,
    )

__version__ = "0.1.0"

_PUBLIC = {
    "agreement": ("agreement",),
    "calibration.calibration": ("Calibration",),
    "calibration.evaluation": ("Evaluation",),
    "datasets": ("calibrate_dataset", "evaluate_dataset", "score_dataset", "score_rows"),
    "errors": (
        "BatchError", "CredentialsError", "DataError", "MissingDependencyError", "ModelError",
        "ScoringError", "SettingsError", "SetupError", "TrustError",
    ),
    "exchange": ("Exchange", "Media", "Message"),
    "exchange.tokens": ("TokenLogprob",),
    "guardrail.flows": ("rail_path",),
    "guardrail.outcome": ("TrustOutcome",),
    "guardrail.plugin": ("register",),
    "guardrail.settings": ("TrustSettings",),
    "guardrail.streaming": ("TrustEvent", "stream_with_trust"),
    "integrations.langfuse": (
        "ScoringOptions", "TraceQuery", "TraceReport", "attach_outcome_to_current_trace",
        "score_traces", "score_traces_async",
    ),
    "integrations.openai": ("trust_openai",),
    "integrations.testing.answers": ("assert_trustworthy",),
    "models.base": ("Ask", "Completion", "LanguageModel", "Reply"),
    "models.openai": ("OpenAICompatibleModel",),
    "models.replay": ("Recorded", "ReplayModel", "read_recorded"),
    "models.reply_cache": ("ReplyCache",),
    "report": ("Report", "build_report"),
    "scorers.base": ("QualityPreset", "Scorer", "ScorerSettings"),
    "scorers.create": ("BuiltScorer", "create_scorer"),
    "scorers.local.scorer": ("LocalScorer",),
    "scores": ("CallUsage", "Claim", "Signal", "TrustworthinessScore", "Usage"),
    "signals.evaluations": ("Eval", "get_default_evals", "get_default_tool_call_evals"),
    "tlm": (
        "TLM", "TLMCalibrated", "TLMChatCompletion", "TLMLite", "TLMResponses", "TrustworthyRAG",
    ),
}  # fmt: skip
"""The public names by the modules that they are of."""

_HOMES = {name: home for home, names in _PUBLIC.items() for name in names}

__all__ = [  # noqa: RUF022 - in the order of `sorted`, which a test checks
    "Ask",
    "BatchError",
    "BuiltScorer",
    "Calibration",
    "CallUsage",
    "Claim",
    "Completion",
    "CredentialsError",
    "DataError",
    "Eval",
    "Evaluation",
    "Exchange",
    "LanguageModel",
    "LocalScorer",
    "Media",
    "Message",
    "MissingDependencyError",
    "ModelError",
    "OpenAICompatibleModel",
    "QualityPreset",
    "Recorded",
    "ReplayModel",
    "Reply",
    "ReplyCache",
    "Report",
    "Scorer",
    "ScorerSettings",
    "ScoringError",
    "ScoringOptions",
    "SettingsError",
    "SetupError",
    "Signal",
    "TLM",
    "TLMCalibrated",
    "TLMChatCompletion",
    "TLMLite",
    "TLMResponses",
    "TokenLogprob",
    "TraceQuery",
    "TraceReport",
    "TrustError",
    "TrustEvent",
    "TrustOutcome",
    "TrustSettings",
    "TrustworthinessScore",
    "TrustworthyRAG",
    "Usage",
    "agreement",
    "assert_trustworthy",
    "attach_outcome_to_current_trace",
    "build_report",
    "calibrate_dataset",
    "create_scorer",
    "evaluate_dataset",
    "get_default_evals",
    "get_default_tool_call_evals",
    "rail_path",
    "read_recorded",
    "register",
    "score_dataset",
    "score_rows",
    "score_traces",
    "score_traces_async",
    "stream_with_trust",
    "trust_openai",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{home}")
    value = module if home == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
