"""`nemo-trust langfuse`: scores the traces of an application and writes the scores to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nemoguardrails_trust.commands.building import build_scorer, scorer_settings
from nemoguardrails_trust.commands.help import Heading
from nemoguardrails_trust.commands.options import (
    REPLAY,
    CalibrationOption,
    JsonOption,
    ScorerOptions,
    ThresholdOption,
    is_default,
    user_errors,
    with_options,
)
from nemoguardrails_trust.errors import SettingsError

if TYPE_CHECKING:
    from datetime import timedelta

    from nemoguardrails_trust.integrations.langfuse.query import TraceQuery

Texts = list[str] | None


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """Which traces are scored. Each field is an option."""

    since: str | None = Heading.TRACES.field(
        "--since 24h", "Traces from this far back, such as 90s, 15m or 24h. Default: 24h."
    )
    from_: str | None = Heading.TRACES.field(
        "--from TIME", "Traces that began at this time or later (ISO 8601)."
    )
    to: str | None = Heading.TRACES.field(
        "--to TIME", "Traces that began before this time (ISO 8601)."
    )
    tags: Texts = Heading.TRACES.field("--tags TAG", "Traces with this tag. Can be repeated.")
    name: str | None = Heading.TRACES.field("--name NAME", "Traces with this name.")
    environment: Texts = Heading.TRACES.field(
        "--environment NAME", "Traces from this environment. Can be repeated."
    )
    session: str | None = Heading.TRACES.field("--session ID", "Traces of this session.")
    trace_id: Texts = Heading.TRACES.field(
        "--trace-id ID", "This trace, however old. Can be repeated."
    )
    filter_: str | None = Heading.TRACES.field(
        "--filter JSON", "Further conditions, in Langfuse's filter syntax."
    )


@with_options
@user_errors()
def langfuse(
    scorer_options: ScorerOptions,
    traces: TraceOptions,
    recorded: Path | None = Heading.MODEL.parameter(
        "--recorded FILE", "The recorded answers for --model replay (JSON Lines)."
    ),
    threshold: ThresholdOption = None,
    calibration: CalibrationOption = None,
    timeout: float | None = Heading.RUN.parameter(
        "--timeout SECONDS", "The time limit for one score. Default: 20."
    ),
    explain: bool = Heading.RESULT.parameter(
        "--explain", "Also ask the scorer for explanations.", default=False
    ),
    score_name: str = Heading.RESULT.parameter(
        "--score-name NAME", "The name of the score in Langfuse.", default="trust_score"
    ),
    context_key: Texts = Heading.TRACES.parameter(
        "--context-key KEY", "A metadata key that holds retrieved passages. Can be repeated."
    ),
    dry_run: bool = Heading.RESULT.parameter(
        "--dry-run", "Print the scores as a table, and write nothing.", default=False
    ),
    skip_scored: bool = Heading.TRACES.parameter(
        "--skip-scored", "Skip traces that already have the score.", default=False
    ),
    out: Path | None = Heading.RESULT.parameter(
        "--out FILE.jsonl", "Also save the results as JSON Lines, for 'report' and 'calibrate'."
    ),
    watch: str | None = Heading.WATCH.parameter(
        "--watch 60s", "Keep running, and look for new traces at this interval."
    ),
    position: Path | None = Heading.WATCH.parameter(
        "--position FILE", "The file in which --watch records how far it got."
    ),
    lookback: str = Heading.WATCH.parameter(
        "--lookback 15m",
        "How far back --watch looks each time. Must be longer than the longest trace.",
        default="15m",
    ),
    settle: str | None = Heading.WATCH.parameter(
        "--settle 30s",
        "Leave traces that ended less than this long ago for later. Default: 30s with "
        "--watch, otherwise 0s.",
    ),
    concurrency: int = Heading.RUN.parameter(
        "--concurrency N", "Score N traces at a time.", min=1, default=16
    ),
    page_size: int = Heading.RUN.parameter(
        "--page-size N", "Traces per request to Langfuse.", min=1, max=100, default=100
    ),
    max_characters: int = Heading.TRACES.parameter(
        "--max-characters N", "Skip traces with more text than this.", min=1, default=400_000
    ),
    json_output: JsonOption = False,
) -> None:
    """Score traces in Langfuse, and write the scores to them.

    Takes the keys of Langfuse's own client: LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY and
    LANGFUSE_BASE_URL. Another run replaces the scores of an earlier one.

    Exit codes: 0 all went well; 1 some traces have no score, each named on stderr; 2 it could not
    be done as asked; 130 interrupted.
    """
    from datetime import timedelta

    from nemoguardrails_trust.commands.langfuse_run import Job, run
    from nemoguardrails_trust.integrations.langfuse.client import Connection, require_client
    from nemoguardrails_trust.integrations.langfuse.query import parse_duration
    from nemoguardrails_trust.integrations.langfuse.run import ScoringOptions
    from nemoguardrails_trust.integrations.langfuse.watching import (
        DEFAULT_SETTLE,
        Watch,
        default_position,
    )

    given: dict[str, object] = {
        "watch": watch,
        "dry-run": dry_run,
        "json": json_output,
        "position": position,
        "lookback": None if is_default("lookback") else lookback,
    }
    _require_sense(traces, given, out)
    require_client()
    connection = Connection.from_environment()
    if recorded is not None and scorer_options.model != REPLAY:
        raise SettingsError("--recorded is for --model replay", key="recorded")
    period = parse_duration(traces.since or "24h", "since")
    query = _query(traces, period)
    settings = scorer_settings(
        scorer_options,
        threshold=threshold,
        calibration=calibration,
        timeout=timeout,
        explain=explain or None,
    )
    built = build_scorer(settings, scorer_options, recorded=recorded)
    usual = DEFAULT_SETTLE if watch else timedelta(0)
    job = Job(
        connection=connection,
        scorer=built.scorer,
        query=query,
        options=ScoringOptions(
            score_name=score_name,
            threshold=built.threshold,
            timeout=settings.timeout,
            dry_run=dry_run,
            skip_scored=skip_scored,
            context_keys=tuple(context_key or ()),
            concurrency=concurrency,
            page_size=page_size,
            max_characters=max_characters,
            settle=usual if settle is None else parse_duration(settle, "settle"),
        ),
        watch=None
        if watch is None
        else Watch(
            every=parse_duration(watch, "watch"),
            position=position or default_position(connection, query, score_name),
            lookback=parse_duration(lookback, "lookback"),
            period=period,
        ),
        out=out,
        json_output=json_output,
    )
    raise typer.Exit(run(job))


def _require_sense(traces: TraceOptions, more: dict[str, object], out: Path | None) -> None:
    """Refuses options that contradict each other."""
    period = {"since": traces.since, "from": traces.from_, "to": traces.to}
    given: dict[str, object] = {**period, "trace-id": traces.trace_id, **more}
    contradictions = {
        "since": ("from", "to", "trace-id"),
        "watch": ("from", "to", "trace-id", "dry-run", "json"),
    }
    for option, others in contradictions.items():
        for other in others:
            if given[option] and given[other]:
                raise SettingsError(f"--{option} and --{other} contradict each other", key=other)
    for option in ("position", "lookback"):
        if given[option] and not given["watch"]:
            raise SettingsError(f"--{option} is for --watch", key=option)
    if out is not None and out.suffix != ".jsonl":
        raise SettingsError(f"--out is {str(out)!r}; it must end in .jsonl", key="out")


def _query(traces: TraceOptions, period: "timedelta") -> "TraceQuery":
    from datetime import UTC, datetime

    from nemoguardrails_trust.integrations.langfuse.query import (
        TraceQuery,
        parse_conditions,
        parse_moment,
    )

    start = None if traces.from_ is None else parse_moment(traces.from_, "from")
    if start is None and not traces.trace_id:
        start = datetime.now(UTC) - period
    return TraceQuery(
        start=start,
        end=None if traces.to is None else parse_moment(traces.to, "to"),
        tags=tuple(traces.tags or ()),
        name=traces.name,
        environments=tuple(traces.environment or ()),
        session=traces.session,
        trace_ids=tuple(traces.trace_id or ()),
        conditions=() if traces.filter_ is None else parse_conditions(traces.filter_),
    )
