"""The rail's action, under the name of the built-in one.

NeMo Guardrails executes this file outside `sys.modules`, so it only imports and names.
"""

from nemoguardrails.actions import action

from nemoguardrails_trust.guardrail.action import check_answer

call_cleanlab_api = action(name="call_cleanlab_api", is_system_action=True)(check_answer)
