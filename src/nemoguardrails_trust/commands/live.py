"""The shipped questions, asked of the user's own live model: behind `demo` and `calibrate`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nemoguardrails_trust.commands.building import RowScorerSpec, scorer_settings
from nemoguardrails_trust.commands.demo_screen import percent
from nemoguardrails_trust.commands.options import EXIT_INCOMPLETE, REPLAY, RowOptions, ScorerOptions
from nemoguardrails_trust.commands.output import temporary_folder
from nemoguardrails_trust.commands.running import prepare_job, run_job, tell_missing, tell_unscored
from nemoguardrails_trust.commands.score_progress import cost_of, duration
from nemoguardrails_trust.commands.terminal import tell_json, terminal
from nemoguardrails_trust.disk import write_atomically
from nemoguardrails_trust.errors import SettingsError, counted
from nemoguardrails_trust.exchange.values import shortened

if TYPE_CHECKING:
    from nemoguardrails_trust.datasets.tally import Tally


_SHOWN = 3  # of the surest, and of the least sure
AT_A_TIME = 4  # a model on one's own machine answers no faster to more


@dataclass(frozen=True, slots=True)
class Live:
    """What a live model made of the questions.

    Attributes:
        rows: The scored rows, with `correct` beside them; `None` where there is no answer.
        tally: What they cost.
        seconds: How long it took.
    """

    rows: list[dict[str, Any]]
    tally: "Tally"
    seconds: float


def ask_live(
    options: ScorerOptions, rows: RowOptions, count: int, out: Path, *, quiet: bool
) -> Live:
    """Has the model answer the shipped questions, scores the answers, and labels them.

    Args:
        options: Which model, and how it scores.
        rows: How many at a time.
        count: How many questions.
        out: The file that keeps the scored rows: the same call goes on where one ended.
        quiet: Whether to show no progress.

    Raises:
        TrustError: It cannot be done; the message says why.
        typer.Exit: It was interrupted.
    """
    from nemoguardrails_trust.datasets.columns import Columns
    from nemoguardrails_trust.datasets.files import open_source
    from nemoguardrails_trust.datasets.labels import GoldLabels
    from nemoguardrails_trust.datasets.shipped import shipped_questions

    if options.model == REPLAY:
        raise SettingsError(
            "'replay' is not a live model; for recorded answers, leave out --model ('demo') or "
            "name DATA ('calibrate')",
            key="model",
        )
    settings = scorer_settings(options, timeout=rows.timeout)
    questions = out.with_name(f"{out.name}.questions.jsonl")
    _write_lines(questions, shipped_questions(count))
    try:
        spec = RowScorerSpec(settings, options, rows, generate=True)
        scorer = spec.build()
        job = prepare_job(open_source(questions), out, spec, scorer)
        job = replace(job, disposable=True)
        outcome = run_job(job, spec, scorer, quiet=quiet)
        scored = [dict(row) for _, row in open_source(out).rows()]
    finally:
        questions.unlink(missing_ok=True)
    tell_unscored(outcome.tally.reasons)
    tell_missing(outcome.tally)
    labels = GoldLabels("gold", Columns())
    for row in scored:
        row["correct"] = labels.read(row) if row.get("response") else None
    return Live(scored, outcome.tally, outcome.seconds)


def labelled_file(live: Live, path: Path) -> Path:
    """Writes the rows that have a score, with their labels, for `calibrate` to read.

    Raises:
        DataError: It cannot be written.
    """
    _write_lines(path, (row for row in live.rows if row["trustworthiness_score"] is not None))
    return path


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_atomically(path, "".join(f"{json.dumps(row)}\n" for row in rows).encode())


def live_demo(options: ScorerOptions, count: int, *, show_every: bool, as_json: bool) -> None:
    """Asks the user's own model, and shows what was right, what was flagged, and what it cost.

    Raises:
        TrustError: It cannot be done; the message says why.
        typer.Exit: No answer could be scored, or it was interrupted.
    """
    with temporary_folder() as folder:
        out = folder / "live.jsonl"
        live = ask_live(options, RowOptions(concurrency=AT_A_TIME), count, out, quiet=as_json)
    figures = _figures(live, options)
    if as_json:
        tell_json(figures)
    elif live.tally.scored:
        _show(live, figures, options, show_every=show_every)
    if not live.tally.scored:
        raise typer.Exit(EXIT_INCOMPLETE)


def _figures(live: Live, options: ScorerOptions) -> dict[str, Any]:
    from nemoguardrails_trust.calibration.evaluation import evaluate
    from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD

    scores = [row["trustworthiness_score"] for row in live.rows]
    correct = [bool(row["correct"]) for row in live.rows]
    result = evaluate(scores, correct, DEFAULT_THRESHOLD)
    counts = {
        f"{'right' if right else 'wrong'}_{'flagged' if flagged else 'kept'}": sum(
            score is not None and (score < DEFAULT_THRESHOLD, label) == (flagged, right)
            for score, label in zip(scores, correct, strict=True)
        )
        for right in (True, False)
        for flagged in (False, True)
    }
    return {
        "model": options.model,
        "questions": len(live.rows),
        "threshold": DEFAULT_THRESHOLD,
        **counts,
        "unchecked": live.tally.errors,
        "accuracy": result.accuracy,
        "accuracy_kept": result.accuracy_kept,
        "wrong_caught": result.recall,
        "auroc": result.auroc,
        "calls": live.tally.calls,
        "prompt_tokens": live.tally.prompt_tokens,
        "completion_tokens": live.tally.completion_tokens,
        "seconds": round(live.seconds, 1),
    }


def _show(live: Live, figures: dict[str, Any], options: ScorerOptions, *, show_every: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    from nemoguardrails_trust.calibration.calibration import calibrating_command

    console = terminal()
    asked = counted(figures["questions"], "trivia question")
    console.print(f"{asked}, asked of {escape(figures['model'])}")
    shown = sorted(live.rows, key=lambda row: row["trustworthiness_score"] or 0.0)
    answers = Table("Score", "Question", "Answer", "")
    few = len(shown) <= 2 * _SHOWN or show_every
    for row in shown[::-1] if few else [*shown[-_SHOWN:][::-1], *shown[:_SHOWN]]:
        score = row["trustworthiness_score"]
        answers.add_row(
            "–" if score is None else f"{score:.2f}",
            escape(shortened(row["prompt"][-1]["content"], 60)),
            escape(shortened(row.get("response") or "", 30)),
            "right"
            if row["correct"]
            else "no answer"
            if row["correct"] is None
            else "[red]wrong[/]",
        )
    console.print(answers)
    outcomes = Table("", "right", "wrong")
    for kind in ("kept", "flagged"):
        cells = (str(figures[f"{label}_{kind}"]) for label in ("right", "wrong"))
        outcomes.add_row(kind, *cells)
    console.print(outcomes)
    console.print(f"Right of all: {percent(figures['accuracy'])}")
    console.print(f"Right of those kept: {percent(figures['accuracy_kept'])}")
    console.print(f"Wrong answers that were flagged: {percent(figures['wrong_caught'])}")
    tokens = cost_of(figures["prompt_tokens"], figures["completion_tokens"])
    console.print(f"Cost: {counted(figures['calls'], 'call')}, {tokens}, {duration(live.seconds)}")
    console.print(
        "Labels were made by comparison with one reference answer each; a few may be wrong."
    )
    command = calibrating_command(
        figures["model"], base_url=options.base_url, quality=options.quality
    )
    console.print("To turn such scores into probabilities:")
    console.print(f"  {command}", markup=False, soft_wrap=True)
