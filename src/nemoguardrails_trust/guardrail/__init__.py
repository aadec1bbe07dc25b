"""All that touches NeMo Guardrails."""
