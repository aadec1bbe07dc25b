"""The benchmark of embeddings, run without a model and with one that stands in."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemoguardrails_trust.calibration.evaluation import Floats
from nemoguardrails_trust.signals.consistency import compare
from tests.benchmarks import embeddings
from tests.benchmarks.groundedness import Row

QUESTION = "In what city was Joris Delle born?"
ROW: Row = {
    "prompt": QUESTION,
    "response": "Joris Delle was born in Marseille, France.",
    "samples": ["Joris Delle was born in Amiens, France.", "He has several sisters."],
    "correct": 0,
}
CITIES = ("Amiens", "Lyon", "Oslo", "Marseille")
ROWS: list[Row] = [
    {
        "prompt": f"{number}. {QUESTION}",
        "response": ROW["response"],
        "samples": [f"It was {CITIES[number % 4]}, where {CITIES[number % 3]} lies."],
        "correct": number % 4 == 3,
    }
    for number in range(40)
]


def _encode(texts: Sequence[str]) -> Floats:
    """Two texts are alike as far as they have the same letters."""
    letters = [[text.count(letter) for letter in "aeinorst"] for text in texts]
    vectors: Floats = np.array(letters, dtype=float) + 0.01
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _one_set() -> list[embeddings.DataSet]:
    repeated = [{**row, "paraphrase_samples": row["samples"]} for row in ROWS]
    return [
        embeddings.DataSet(embeddings.LABELLED, ROWS, 1),
        embeddings.DataSet("again", repeated, 1),
    ]


def test_without_a_model_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NEMO_TRUST_EMBEDDING_MODEL", raising=False)
    monkeypatch.setattr(embeddings, "PACKAGED", "a-package-that-nobody-has")
    assert embeddings.main() == 0
    assert "pip install torch" in capsys.readouterr().out


def test_with_a_model_every_rule_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embeddings, "load_encoder", lambda: _encode)
    monkeypatch.setattr(embeddings, "recorded", _one_set)
    assert embeddings.main() == 0
    told = capsys.readouterr().out
    assert "contradictions: AUROC of 40 pairs" in told
    assert "fitted to other labels" in told
    for rule in embeddings.RULES:
        assert told.count(f"│ {rule} ") == 2


@pytest.mark.parametrize("name", [embeddings.LABELLED, "sac3-nq"])
def test_words_alone_are_what_the_product_makes_of_them(name: str) -> None:
    words = embeddings.RULES["words alone"]
    for row in embeddings.rows_of(name)[:20]:
        beside = embeddings.read(row, 5)
        others = [pair.theirs for pair in beside]
        rephrased = len(row.get("paraphrase_samples") or ())
        answer = embeddings.compare(row, beside, embeddings.embed(beside, _encode))
        found = compare(row["response"], others, prompt=row["prompt"], rephrased=rephrased)
        assert embeddings.score(words, answer) == found.value


def test_what_differs_is_left_when_shared_words_are_gone() -> None:
    cities, sisters = embeddings.read(ROW, 2)
    assert (cities.our_rest, cities.their_rest) == ("marseille", "amiens")
    assert cities.name_others
    assert not sisters.name_others
    assert not cities.found.settled


cosines = st.floats(-1.0, 1.0)
pairs = st.builds(
    embeddings.Pair,
    words=st.floats(0.0, 1.0),
    whole=cosines,
    rest=st.none() | cosines,
    asked=cosines,
    name_others=st.booleans(),
)


@given(pair=pairs, settled=st.floats(0.0, 1.0))
def test_every_rule_stays_between_0_and_1_and_leaves_alone_what_words_settle(
    pair: embeddings.Pair, settled: float
) -> None:
    for rule in embeddings.RULES.values():
        assert 0.0 <= embeddings.settle(rule, pair) <= 1.0
        assert embeddings.settle(rule, settled) == settled


@given(pair=pairs)
def test_what_raises_never_lowers_and_what_lowers_never_raises(pair: embeddings.Pair) -> None:
    for name, rule in embeddings.RULES.items():
        if name.endswith(" raises"):
            assert rule(pair) >= pair.words
        if name.endswith((" lowers", " times cosine")):
            assert rule(pair) <= pair.words


def test_the_fit_is_told_on_questions_that_it_has_not_seen() -> None:
    beside = [pair for row in ROWS for pair in embeddings.read(row, 1)]
    vectors = embeddings.embed(beside, _encode)
    answers = [
        embeddings.compare(row, [pair], vectors) for row, pair in zip(ROWS, beside, strict=True)
    ]
    first = answers[0].number // 2 % embeddings.FOLDS
    told = embeddings.fitted(answers, beside, vectors)
    turned = [
        embeddings.Compared(
            answer.pairs,
            answer.rephrased,
            answer.correct != (answer.number // 2 % embeddings.FOLDS == first),
            answer.number,
        )
        for answer in answers
    ]
    again = embeddings.fitted(turned, beside, vectors)
    same = [
        bool(np.isclose(one, other))
        for one, other, answer in zip(told, again, answers, strict=True)
        if answer.number // 2 % embeddings.FOLDS == first
    ]
    assert all(same)
    assert any(np.abs(told) > 1e-6)
    assert not np.allclose(told, again)
