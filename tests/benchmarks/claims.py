"""How well scores of sentences tell right ones from wrong ones.

    NEMO_TRUST_LIVE_URL=http://localhost:8000/v1 python -m tests.benchmarks.claims

A live model judges the sentences of answers that people have labelled sentence by sentence;
without that variable it says so. `NEMO_TRUST_LIVE_MODEL` names the model (`qwen` unless set). The
rows of each set are taken in one shuffled order, so that any number of them is a fair sample, for
`NEMO_TRUST_LIVE_SECONDS` (240 a set unless set) or to the end. `NEMO_TRUST_DATA` is a folder with
`factscore-bios.jsonl` (of FActScore) and `expertqa.jsonl` (of ExpertQA, whose passages are third
parties'), which are not part of this repository.

What samples bear out is measured on recorded ones, without a model: whether the weakest sentence of
a response tells that it is wrong. Nothing here is a bound.
"""

import asyncio
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from nemoguardrails_trust import OpenAICompatibleModel
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.errors import TrustError
from nemoguardrails_trust.exchange import Exchange, read_messages
from nemoguardrails_trust.models.deadline import whole_deadline
from nemoguardrails_trust.models.limits import Limits
from nemoguardrails_trust.scorers.local.calls import Calls
from nemoguardrails_trust.scorers.local.claims import sentences_of
from nemoguardrails_trust.scorers.local.judge import Judge
from nemoguardrails_trust.signals.sentences import Sentences, split_sentences
from nemoguardrails_trust.signals.support import support
from tests.benchmarks.groundedness import OWN_DATA, SECONDS_A_ROW, Row, area, sets_there

SETS = ("factscore-bios", "expertqa")
SAMPLED = (("contradictions", 1), ("sac3-hotpotqa", 5), ("sac3-nq", 5))
SECONDS_A_SET = 240.0
_REFERENCE = re.compile(r"\[\d{1,3}\]")
SHORTEST_PART = 20  # characters by which a labelled sentence is found in one of ours


@dataclass
class Judged:
    """The labelled sentences that a judge was asked about.

    Attributes:
        scores: What it said of each.
        correct: Whether each is right.
        places: The number of each in its answer.
        rows: Answers that were judged.
        failed: Answers that were not.
        silent: Labelled sentences of which it said nothing.
    """

    scores: list[float] = field(default_factory=list)
    correct: list[bool] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    rows: int = 0
    failed: int = 0
    silent: int = 0


def labels_of(row: Row, sentences: Sentences) -> dict[int, bool]:
    """The labels of an answer's sentences by their number, as far as they can be told."""
    listed = [_bare(sentence.text) for sentence in sentences.listed]
    found: dict[int, bool] = {}
    for labelled in row["sentences"]:
        if labelled.get("correct") is None:
            continue  # nobody has labelled it
        text = _bare(labelled["text"])
        for number, own in enumerate(listed):
            is_part = min(len(text), len(own)) >= SHORTEST_PART and (text in own or own in text)
            if number not in found and (text == own or is_part):
                found[number] = bool(labelled["correct"])
                break
    return found


def _bare(text: str) -> str:
    """A sentence without its references, such as `[1]`, and on one line."""
    return " ".join(_REFERENCE.sub("", text).split())


async def judged(rows: Sequence[Row], url: str, model: str, seconds: float) -> Judged:
    """Has the sentences of the first rows' answers judged, one answer after the other."""
    ends = time.monotonic() + seconds
    asked = OpenAICompatibleModel(model, base_url=url, api_key="none", timeout=SECONDS_A_ROW)
    judge, limits, found = Judge(asked), Limits(1), Judged()
    try:
        for row in rows:
            if time.monotonic() > ends:
                break
            messages = read_messages(row["prompt"], in_text=False)
            exchange = Exchange(row["response"], messages, tuple(row.get("context") or ()))
            sentences = sentences_of(exchange)
            texts = [sentence.text for sentence in sentences.listed]
            try:
                with whole_deadline(SECONDS_A_ROW):
                    verdicts = await judge.judge_claims(exchange, texts, Calls(limits))
            except TrustError:
                found.failed += 1
                continue
            found.rows += 1
            for number, is_right in labels_of(row, sentences).items():
                score = verdicts.get(number)
                if score is None:
                    found.silent += 1
                    continue
                found.scores.append(score)
                found.correct.append(is_right)
                found.places.append(number)
    finally:
        await asked.aclose()
    return found


def show_judged(console: Console, name: str, rows: Sequence[Row], url: str, model: str) -> None:
    """Prints what a live model tells of a set."""
    seconds = float(os.environ.get("NEMO_TRUST_LIVE_SECONDS") or SECONDS_A_SET)
    started = time.perf_counter()
    found = asyncio.run(judged(rows, url, model, seconds))
    took = time.perf_counter() - started
    table = Table("score", "sentences", "AUROC (95 % interval)")
    table.title = (
        f"{name}: {found.rows} of {len(rows)} answers in {took:.0f} s, {found.failed} not judged, "
        f"{found.silent} sentences without a verdict"
    )
    count = str(len(found.scores))
    table.add_row(f"judged by {model}", count, area(found.scores, found.correct))
    earlier = [-float(place) for place in found.places]
    table.add_row("the earlier in the answer", count, area(earlier, found.correct))
    console.print(table)


def show_sampled(console: Console) -> None:
    """Prints what recorded samples tell."""
    table = Table("data", "rows", "samples", "AUROC (95 % interval)", "ms a row")
    table.title = "the weakest sentence of a response, held against recorded samples"
    for name, count in SAMPLED:
        rows = [row for _, row in open_source(OWN_DATA / f"{name}.jsonl.gz").rows()]
        started = time.perf_counter()
        scores = [weakest(row, count) for row in rows]
        took = 1_000 * (time.perf_counter() - started) / len(rows)
        shown = area(scores, [bool(row["correct"]) for row in rows])
        table.add_row(name, str(len(rows)), str(count), shown, f"{took:.1f}")
    console.print(table)


def weakest(row: Row, count: int) -> float:
    """How far samples bear out the sentence of a response that they bear out least."""
    listed = split_sentences(row["response"], most=100).listed
    texts = [sentence.text for sentence in listed] or [row["response"]]
    found = support(texts, row["samples"][:count], prompt=row["prompt"])
    assert found
    return min(found)


def main() -> int:
    """Prints the tables of all that is there."""
    console = Console(highlight=False, width=110)
    show_sampled(console)
    url = os.environ.get("NEMO_TRUST_LIVE_URL")
    if not url:
        console.print("NEMO_TRUST_LIVE_URL is not set: there is no live model to judge sentences.")
        return 0
    model = os.environ.get("NEMO_TRUST_LIVE_MODEL") or "qwen"
    for name, rows in sets_there(console, SETS):
        show_judged(console, name, rows, url, model)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
