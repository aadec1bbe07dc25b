"""The folder that NeMo Guardrails imports."""
