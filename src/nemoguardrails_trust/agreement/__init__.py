"""Do two answers say the same? Knows nothing of scores, models or NeMo Guardrails.

from nemoguardrails_trust import agreement

agreement.agreement("It is 12 km.", "12,000 m").value  # 1.0
"""

from nemoguardrails_trust.agreement.compare import agreement
from nemoguardrails_trust.agreement.result import SAME, Agreement

__all__ = ["SAME", "Agreement", "agreement"]
