"""A person who knows nothing goes from an empty folder through README and the start pages.

Every block is done as it stands, in the order of the pages and in one folder, in an environment
that has the wheel and what comes with it, and knows nothing of the checkout.
"""

from tests.pages.newcomer import Newcomer
from tests.pages.walk import Walk
from tests.servers.openai import OpenAIServer
from tests.tlm.scene import Body


def test_a_newcomer_stumbles_nowhere(newcomer: Newcomer, server: OpenAIServer) -> None:
    read_the_readme(newcomer)
    Walk(newcomer, "docs/index.md").to_its_end()
    read_about_the_rail(newcomer)
    read_about_python(newcomer, server)
    read_about_data_sets(newcomer)


def read_the_readme(newcomer: Newcomer) -> None:
    page = Walk(newcomer, "README.md")
    assert "one turn, 'What is the capital of France?'" in page.up_to("check bot --ask")
    answer, score = page.up_to("tlm.prompt").splitlines()
    assert "Ulaanbaatar" in answer
    assert float(score.split(": ")[1].rstrip("}")) < 0.6
    page.to_its_end()


def read_about_the_rail(newcomer: Newcomer) -> None:
    page = Walk(newcomer, "docs/rail.md")
    assert "The rail will run." in page.up_to("check bot2 --ask")
    score, threshold, status = page.up_to("output_data").split()
    assert (threshold, status) == ("0.6", "trusted")
    assert float(score) >= 0.6
    page.to_its_end()


def read_about_python(newcomer: Newcomer, server: OpenAIServer) -> None:
    page, value = Walk(newcomer, "docs/quickstart.md"), newcomer.value

    def asked(words: str) -> list[Body]:
        server.received.clear()
        page.up_to(words)
        return server.bodies

    assert {body["model"] for body in asked("tlm = TLM()")} == {"gpt-4o-mini"}
    assert value("output['response']") == "W"
    good = value("output['trustworthiness_score']")
    assert value("list(output)") == ["response", "trustworthiness_score"]

    page.up_to("constrain_outputs")
    assert value("output['response']") == "no"
    page.up_to('response="T"')
    assert value("output['trustworthiness_score']") < 0.6 < good

    page.up_to("worst, best")
    assert set(value("[prompt.split()[-1] for prompt in worst.prompt]")) == {"retire?", "nine?"}
    assert value("best.trustworthiness_score.min()") > 0.6
    page.up_to("threshold = tlm.threshold")
    assert value("sum('may be wrong' in answer for answer in answers)") == 2
    page.up_to("suspects")
    assert set(value("list(suspects.index)")) == {1, 3}

    bodies = asked('TLM("best")')
    assert value("output['response']") == "Ulaanbaatar"
    assert value("[output['response'] for output in outputs]") == ["391", "No"]
    assert sorted(body["n"] for body in bodies if body.get("n")) == [4, 4, 4, 8, 8, 8]

    page.up_to("custom_eval_criteria")
    log = value("output['log']")
    assert log["explanation"] == "That is so."
    assert [entry["name"] for entry in log["custom_eval_criteria"]] == ["brief"]
    assert 0.0 < log["perplexity"] <= 1.0

    page.up_to("score_claims")
    right, wrong = value("[claim['score'] for claim in result['claims']]")
    assert right > 0.6 > wrong

    page.up_to("try_prompt")
    assert value("[output['response'] for output in outputs]") == ["391", None, "No"]
    assert value("failed") == [{"message": "the prompt is empty", "retryable": False}]

    assert len(asked("score_dataset")) == 100 * 3
    assert value("results.response.tolist()") == list(range(1, 101))
    assert value("results.trustworthiness_score.min()") > 0.6

    page.up_to("prompt_async")
    assert value("[output['response'] for output in outputs]") == ["391", "No"]
    page.up_to("KnownAnswers")
    assert value("output") == {"trustworthiness_score": 1.0}
    page.to_its_end()


def read_about_data_sets(newcomer: Newcomer) -> None:
    Walk(newcomer, "docs/datasets.md").to_its_end()
    assert not list(newcomer.folder.glob("*.shards"))
