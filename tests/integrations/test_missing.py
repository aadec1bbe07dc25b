"""An adapter whose library is not installed names the extra that brings it."""

import subprocess
import sys

import pytest

CASES = {
    "openai": ("openai", "trust_openai(None)"),
    "langchain": ("langchain_core", ""),
    "litellm": ("litellm", ""),
    "llama_index": ("llama_index", ""),
    "mlflow": ("mlflow", "trust_scorer(None)"),
}


@pytest.mark.parametrize("found", ["None", "ModuleType('too old')"], ids=["missing", "too_old"])
@pytest.mark.parametrize("adapter", CASES)
def test_the_extra_is_named(adapter: str, found: str) -> None:
    library, call = CASES[adapter]
    code = (
        "import sys\n"
        "from types import ModuleType\n"
        f"sys.modules[{library!r}] = {found}\n"
        "from nemoguardrails_trust import MissingDependencyError\n"
        "try:\n"
        f"    from nemoguardrails_trust.integrations.{adapter} import *\n"
        f"    {call}\n"
        "except MissingDependencyError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "is not installed, or is too old" in run.stdout
    assert f"nemoguardrails-trust[{adapter.replace('_', '-')}]" in run.stdout
