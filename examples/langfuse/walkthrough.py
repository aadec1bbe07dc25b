"""Traces answers to trivia questions, scores all traces of the past day, shows the worst.

    LANGFUSE_PUBLIC_KEY=… LANGFUSE_SECRET_KEY=… LANGFUSE_BASE_URL=… python walkthrough.py

The answers are recorded ones of a real model, and so are the samples that they are compared with:
no key for a model is needed.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from langfuse import get_client, observe, propagate_attributes

from nemoguardrails_trust import (
    Recorded,
    ReplayModel,
    ScorerSettings,
    ScoringOptions,
    TraceQuery,
    TraceReport,
    create_scorer,
    read_recorded,
    score_traces,
)

RECORDED = Path(__file__).parents[1] / "trivia" / "recorded.jsonl"
QUESTIONS = 12
TAG = "TLM_eval_pipeline"
SYSTEM_PROMPT = "You are a trivia master."
PATIENCE = 60.0  # seconds until Langfuse gives back what was just traced


def main() -> None:
    answers = {str(each.prompt): each for each in read_recorded(RECORDED)}
    asked = list(answers)[:QUESTIONS]
    trace_answers([answers[question] for question in asked])

    scorer = create_scorer(ScorerSettings(), ReplayModel(answers.values())).scorer
    query = TraceQuery(start=datetime.now(UTC) - timedelta(hours=24), tags=(TAG,))
    report = score_traces(scorer, query, ScoringOptions(score_name="trust_score"))
    deadline = time.monotonic() + PATIENCE
    while report.read < len(asked) and time.monotonic() < deadline:
        time.sleep(5)
        report = score_traces(scorer, query, ScoringOptions(score_name="trust_score"))
    show(report)
    if report.read < len(asked) or not report.complete:
        sys.exit(1)


def trace_answers(recorded: list[Recorded]) -> None:
    """Traces each answer as an application would that calls its model here."""
    answers = {str(each.prompt): each.response for each in recorded}

    @observe()
    def generate_answer(trivia_question: str) -> str:
        # The function's own input lacks the system prompt, so the metadata has it.
        with propagate_attributes(
            trace_name="trivia", tags=[TAG], metadata={"system_prompt": SYSTEM_PROMPT}
        ):
            return answers[trivia_question]

    for question in answers:
        generate_answer(question)
    get_client().flush()
    print(f"Traced {len(answers)} answers.")


def show(report: TraceReport) -> None:
    """Prints the scores, the least trustworthy first."""
    print(f"Scored {len(report.scored)} traces, wrote {report.count('written')} scores.\n")
    for result in report.scored:
        if result.exchange is not None:
            question, answer = result.exchange.question, result.exchange.response
            print(f"{result.value:.2f}  {question[:60]:<60}  {answer[:30]}")
    least = report.least
    if least is not None and least.exchange is not None and least.score is not None:
        print("\nThe least trustworthy:")
        print(f"prompt:      {least.exchange.prompt}")
        print(f"response:    {least.exchange.response}")
        print(f"trust_score: {least.value:.2f}")
        print(f"explanation: {least.score.explanation}")


if __name__ == "__main__":
    main()
