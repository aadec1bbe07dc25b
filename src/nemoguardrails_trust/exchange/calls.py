"""What stands where in a call to a model and in what comes back, by the names that servers have."""

from collections.abc import Collection, Mapping
from typing import Any

from nemoguardrails_trust.errors import DataError
from nemoguardrails_trust.exchange.given import keys_of, within

CHATS = (
    *("messages", "conversations", "conversation", "contents", "input", "prompt"),
    *("question", "query", "user_input", "chat_messages", "items"),
)
"""What was asked: a chat, or a text."""
LISTS = ("turns", "events", "activities", "chunks", "data")
"""Where exports have a chat; elsewhere these names mean other things."""
ENVELOPES = (
    *("request", "params", "body", "chat", "chunkedPrompt", "values", "channel_values", "kwargs"),
)
"""Where exports and batches put a whole call."""
INSTRUCTIONS = (
    *("system", "instructions", "system_instruction", "systemInstruction", "preamble"),
    *("systemPrompt", "system_prompt"),
)
COMPLETIONS = ("choices", "candidates", "generations", "output", "outputs", "replies", "results")
WHOLE = ("output", "outputs")
"""Of which all items are the answer, not only the first."""
AS_TEXTS = (*WHOLE, "replies")
"""Of which an item may be text instead of an object."""
SAID = (
    *("generated_text", "output_text", "outputText", "response", "completion", "output"),
    *("answer", "raw"),
)
"""Where servers and pipelines put an answer that is no message."""
SERVED = {
    "generated_text", "finishReason", "finish_reason", "stop_reason", "tokenUsage",
    "token_usage", "tokens_predicted", "source_nodes",
}  # fmt: skip
"""Keys beside an answer by which it is known to come from a server, and is no structure itself."""

BESIDE = {
    "answer": (
        *("input", "question", "query", "context", "contexts", "documents", "source_documents"),
        *("sources", "chat_history", "history", "metadata", "usage", "reasoning", "rationale"),
    ),
    "raw": ("tasks_output", "pydantic", "json_dict", "token_usage"),
}
"""What a chain or a crew gives again beside its answer; anything else is a part of the answer."""

ABOUT_A_CALL = {
    "model", "model_name", "engine", "deployment", "provider", "service_tier", "user", "role",
    "id", "run_id", "request_id", "trace_id", "user_id", "session_id", "thread_id", "name",
    "metadata", "tags", "callbacks", "store", "include", "truncation", "type", "config",
    "tool_choice", "toolChoice", "tool_config", "toolConfig", "function_call", "text",
    "response_format", "text_format", "modalities", "reasoning", "thinking", "stream_options",
    "reasoning_effort", "verbosity", "stop", "stop_sequences", "logit_bias", "prediction",
    "extra_body", "extra_headers", "extra_query", "safety_settings", "safetySettings",
    "generation_config", "generationConfig", "inferenceConfig", "source", "language",
    "modelId", "anthropic_version", "anthropic_beta", "stream", "stop_reason",
    "citation_options", "citation_quality", "safety_mode", "prompt_truncation", "uuid",
    "created_at", "updated_at", "title", "account", "schemaVersion", "object", "endpoint",
    "conversationId", "rootMessageId", "timestamp", "call_id", "message_tree_id", "tree_state",
    "runSettings", "sender_id", "latest_message", "latest_action", "latest_action_name",
    "latest_input_channel", "appName", "userId", "watermark", "first_id",
    "last_id", "lc",
}  # fmt: skip
"""Keys beside a chat that say how the model was called, not what it was given."""

ABOUT_AN_ENVELOPE = (ABOUT_A_CALL - {"text"}) | {
    *("custom_id", "key", "method", "url", "share_id", "folder_id", "next", "tasks"),
    *("checkpoint", "parent_checkpoint", "interrupts", "channel_versions", "versions_seen", "ts"),
}
"""Keys beside a whole call that say which it is."""


def require_nothing_more(
    value: Mapping[str, Any], known: Collection[str], chat: str, what: str
) -> None:
    """Makes sure that nothing but what is known stands beside a chat.

    Raises:
        DataError: Something does.
    """
    more = {
        key: inner
        for key, inner in value.items()
        if key not in known and any(isinstance(text, str) and text for text in within(inner))
    }
    if more:
        raise DataError(
            f"{what} has {keys_of(more)} beside {chat}, and it is unclear whether the model was "
            "given that too"
        )
