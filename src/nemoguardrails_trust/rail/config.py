"""What NeMo Guardrails calls when it loads the rail."""

from nemoguardrails_trust.guardrail.plugin import set_up as init

__all__ = ["init"]
