"""`nemo-trust langfuse`: scores the traces of an application and writes the scores to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.building import build_scorer, scorer_settings
from nemoguardrails_trust.commands.help import Heading
from nemoguardrails_trust.commands.options import (
    CalibrationOption,
    JsonOption,
    ScorerOptions,
    ThresholdOption,
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

    since: Annotated[
        str | None,
        Heading.TRACES.option(
            "--since 24h", "Traces from this far back, such as 90s, 15m or 24h. Default: 24h."
        ),
    ] = None
    from_: Annotated[
        str | None,
        Heading.TRACES.option("--from TIME", "Traces that began at this time or later (ISO 8601)."),
    ] = None
    to: Annotated[
        str | None,
        Heading.TRACES.option("--to TIME", "Traces that began before this time (ISO 8601)."),
    ] = None
    tags: Annotated[
        Texts, Heading.TRACES.option("--tags TAG", "Traces with this tag. Can be repeated.")
    ] = None
    name: Annotated[str | None, Heading.TRACES.option("--name NAME", "Traces with this name.")] = (
        None
    )
    environment: Annotated[
        Texts,
        Heading.TRACES.option(
            "--environment NAME", "Traces from this environment. Can be repeated."
        ),
    ] = None
    session: Annotated[
        str | None, Heading.TRACES.option("--session ID", "Traces of this session.")
    ] = None
    trace_id: Annotated[
        Texts, Heading.TRACES.option("--trace-id ID", "This trace, however old. Can be repeated.")
    ] = None
    filter_: Annotated[
        str | None,
        Heading.TRACES.option("--filter JSON", "Further conditions, in Langfuse's filter syntax."),
    ] = None


@with_options
@user_errors()
def langfuse(
    scorer_options: ScorerOptions,
    traces: TraceOptions,
    recorded: Annotated[
        Path | None,
        Heading.MODEL.option(
            "--recorded FILE", "The recorded answers for --model replay (JSON Lines)."
        ),
    ] = None,
    threshold: ThresholdOption = None,
    calibration: CalibrationOption = None,
    timeout: Annotated[
        float | None,
        Heading.RUN.option("--timeout SECONDS", "The time limit for one score. Default: 20."),
    ] = None,
    explain: Annotated[
        bool, Heading.RESULT.option("--explain", "Also ask the scorer for explanations.")
    ] = False,
    score_name: Annotated[
        str, Heading.RESULT.option("--score-name NAME", "The name of the score in Langfuse.")
    ] = "trust_score",
    context_key: Annotated[
        Texts,
        Heading.TRACES.option(
            "--context-key KEY", "A metadata key that holds retrieved passages. Can be repeated."
        ),
    ] = None,
    dry_run: Annotated[
        bool, Heading.RESULT.option("--dry-run", "Print the scores as a table, and write nothing.")
    ] = False,
    skip_scored: Annotated[
        bool, Heading.TRACES.option("--skip-scored", "Skip traces that already have the score.")
    ] = False,
    out: Annotated[
        Path | None,
        Heading.RESULT.option(
            "--out FILE.jsonl", "Also save the results as JSON Lines, for 'report' and 'calibrate'."
        ),
    ] = None,
    watch: Annotated[
        str | None,
        Heading.WATCH.option(
            "--watch 60s", "Keep running, and look for new traces at this interval."
        ),
    ] = None,
    position: Annotated[
        Path | None,
        Heading.WATCH.option(
            "--position FILE", "The file in which --watch records how far it got."
        ),
    ] = None,
    lookback: Annotated[
        str,
        Heading.WATCH.option(
            "--lookback 15m",
            "How far back --watch looks each time. Must be longer than the longest trace.",
        ),
    ] = "15m",
    settle: Annotated[
        str | None,
        Heading.WATCH.option(
            "--settle 30s",
            "Leave traces that ended less than this long ago for later. Default: 30s with "
            "--watch, otherwise 0s.",
        ),
    ] = None,
    concurrency: Annotated[
        int, Heading.RUN.option("--concurrency N", "Score N traces at a time.", min=1)
    ] = 16,
    page_size: Annotated[
        int, Heading.RUN.option("--page-size N", "Traces per request to Langfuse.", min=1, max=100)
    ] = 100,
    max_characters: Annotated[
        int,
        Heading.TRACES.option("--max-characters N", "Skip traces with more text than this.", min=1),
    ] = 400_000,
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
    }
    _require_sense(traces, given, out)
    require_client()
    connection = Connection.from_environment()
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
    if given["position"] and not given["watch"]:
        raise SettingsError("--position is for --watch", key="position")
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
