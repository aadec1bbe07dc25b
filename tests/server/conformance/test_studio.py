"""`cleanlab-studio`, and the rail of NeMo Guardrails that is built on it."""

from typing import Any

import pandas as pd
import pytest
from nemoguardrails import LLMRails, RailsConfig

from tests.server.running import KEY, Running, is_share, serving
from tests.servers.openai import Answer
from tests.servers.tlm import point_clients_at
from tests.tlm.scene import is_judging, is_sampling

studio_client = pytest.importorskip("cleanlab_studio")

pytestmark = [
    pytest.mark.conformance(21),
    pytest.mark.filterwarnings("ignore:studio.TLM.* is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Deprecated method:DeprecationWarning"),
]

CHECKS = ["/api/cli/v0/check_client_version", "/api/cli/v0/validate"]
SCORE = "/api/v0/trustworthy_llm/get_confidence_score"


def test_it_scores_and_answers(pointed: Running) -> None:
    tlm = studio_client.Studio(KEY).TLM(quality_preset="low")
    assert pointed.requests == CHECKS
    assert is_share(tlm.get_trustworthiness_score("Say echo", "echo")["trustworthiness_score"])
    answered = tlm.prompt("Say echo")
    assert answered["response"] == "echo"
    assert is_share(answered["trustworthiness_score"])
    tried = tlm.try_get_trustworthiness_score(["Say one", "Say two"], ["one", "two"])
    assert all(is_share(result["trustworthiness_score"]) for result in tried)
    assert [result["response"] for result in tlm.try_prompt(["Say one", "Say two"])] == [
        "one",
        "two",
    ]


def test_it_enriches_data(pointed: Running) -> None:
    from cleanlab_studio.utils.data_enrichment.enrich import enrich_data

    data = pd.DataFrame({"word": ["one", "two", "three"]})
    enriched = enrich_data(
        studio_client.Studio(KEY), data, "Say {word}", optimize_prompt=False, subset_indices=None
    )
    assert list(enriched["metadata"]) == ["one", "two", "three"]
    assert all(is_share(float(score)) for score in enriched["metadata_trustworthiness"])


BOT = """
models: [{{type: main, engine: openai, model: gpt-test, parameters: {{base_url: "{url}"}}}}]
rails: {{output: {{flows: [cleanlab trustworthiness]}}}}
"""


@pytest.mark.parametrize("is_flagged", [True, False], ids=["low", "high"])
async def test_the_built_in_rail_flags_what_has_a_low_score(
    monkeypatch: pytest.MonkeyPatch, is_flagged: bool
) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        if is_judging(body):
            return "False 98" if is_flagged else "True 98"
        return "Rome" if is_flagged and is_sampling(body) else "Paris"

    monkeypatch.setenv("CLEANLAB_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with serving(answer) as running:
        point_clients_at(running.api, monkeypatch)
        bot = LLMRails(
            RailsConfig.from_content(yaml_content=BOT.format(url=running.model.base_url))
        )
        said = await bot.generate_async(
            messages=[{"role": "user", "content": "Which city is the capital of France?"}]
        )
        assert running.requests == [*CHECKS, SCORE]
    assert said["content"].startswith("Paris")
    assert ("UNTRUSTWORTHY" in said["content"]) is is_flagged


@pytest.mark.conformance(24)
def test_a_key_that_is_not_the_servers_is_told_without_being_shown(
    pointed: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would list all installed packages, for the report of its failure.
    monkeypatch.setattr("cleanlab_studio.internal.util.get_basic_info", dict)
    from cleanlab_studio.errors import APIError

    with pytest.raises(APIError) as raised:
        studio_client.Studio("wrong-key")
    assert "key" in str(raised.value)
    assert "wrong-key" not in str(raised.value)
    assert pointed.requests == CHECKS
