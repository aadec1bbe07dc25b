"""Do two answers say the same? Knows nothing of scores, models or NeMo Guardrails."""
