"""`nemo-trust langfuse`: scores the traces of an application and writes the scores to them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.building import build_scorer, scorer_settings
from nemoguardrails_trust.commands.options import (
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    CalibrationOption,
    JsonOption,
    ScorerOptions,
    ThresholdOption,
    user_errors,
    with_options,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from nemoguardrails_trust.integrations.langfuse.query import TraceQuery

Texts = list[str] | None


@with_options
def langfuse(
    scorer_options: ScorerOptions,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="24h", help="Traces from this far back: 90s, 15m, 24h (the default)."
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Traces that began at or after this time (ISO 8601)."
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Traces that began before this time (ISO 8601)."),
    ] = None,
    tags: Annotated[
        Texts, typer.Option("--tags", metavar="TAG", help="Traces with this tag. Repeatable.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Traces with this name.")
    ] = None,
    environment: Annotated[
        Texts,
        typer.Option(
            "--environment", metavar="NAME", help="Traces from this environment. Repeatable."
        ),
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Traces of this session.")
    ] = None,
    trace_id: Annotated[
        Texts, typer.Option("--trace-id", metavar="ID", help="This trace, however old. Repeatable.")
    ] = None,
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter", metavar="JSON", help="More conditions, in Langfuse's filter syntax."
        ),
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option("--recorded", metavar="FILE", help="JSON lines for '--model replay'."),
    ] = None,
    threshold: ThresholdOption = None,
    calibration: CalibrationOption = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="SECONDS", help="The most time for one score. Default: 20."
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Ask the scorer for explanations, too.")
    ] = False,
    score_name: Annotated[
        str,
        typer.Option("--score-name", metavar="NAME", help="What the score is called in Langfuse."),
    ] = "trust_score",
    context_key: Annotated[
        Texts,
        typer.Option(
            "--context-key",
            metavar="KEY",
            help="A metadata key that holds retrieved passages. Repeatable.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the scores as a table and write nothing.")
    ] = False,
    skip_scored: Annotated[
        bool, typer.Option("--skip-scored", help="Skip traces that already have the score.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.jsonl",
            help="Also save the results as JSON lines, for 'report' and 'calibrate'.",
        ),
    ] = None,
    watch: Annotated[
        str | None,
        typer.Option(
            "--watch", metavar="60s", help="Keep running; poll for new traces at this interval."
        ),
    ] = None,
    position: Annotated[
        Path | None,
        typer.Option(
            "--position", metavar="FILE", help="The file in which --watch remembers how far it got."
        ),
    ] = None,
    lookback: Annotated[
        str,
        typer.Option(
            "--lookback",
            metavar="15m",
            help="How far back each poll of --watch looks. Must be longer than the longest trace.",
        ),
    ] = "15m",
    settle: Annotated[
        str | None,
        typer.Option(
            "--settle",
            metavar="30s",
            help="Skip traces that ended less than this long ago, for now. "
            "Default: 30s with --watch, otherwise 0s.",
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, metavar="N", help="Score N traces at a time.")
    ] = 16,
    page_size: Annotated[
        int, typer.Option("--page-size", min=1, max=100, metavar="N", help="Traces per request.")
    ] = 100,
    max_characters: Annotated[
        int,
        typer.Option(
            "--max-characters",
            min=1,
            metavar="N",
            help="Do not score traces with more text than this.",
        ),
    ] = 400_000,
    json_output: JsonOption = False,
) -> None:
    """Score the traces in Langfuse and write the scores and their reasons to them.

    The keys are those of Langfuse's own client: LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY and
    LANGFUSE_BASE_URL. Running it again replaces the earlier scores.

    Exit codes: 0 all went well; 1 some traces have no score, each named on stderr; 2 it cannot
    be done as asked; 130 interrupted.
    """
    with user_errors():
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
            "since": since,
            "from": from_,
            "to": to,
            "trace-id": trace_id,
            "watch": watch,
        }
        given |= {"dry-run": dry_run, "json": json_output, "position": position}
        _require_sense(given, out)
        require_client()
        connection = Connection.from_environment()
        period = parse_duration(since or "24h", "since")
        query = _query(period, from_, to, tags, name, environment, session, trace_id, filter_)
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
        ended = run(job)
    if ended == "interrupted":
        raise typer.Exit(EXIT_INTERRUPTED)
    if ended == "incomplete":
        raise typer.Exit(EXIT_INCOMPLETE)


def _require_sense(given: dict[str, object], out: Path | None) -> None:
    """Refuses options that contradict each other."""
    from nemoguardrails_trust.errors import SettingsError

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


def _query(
    period: "timedelta",
    from_: str | None,
    to: str | None,
    tags: Texts,
    name: str | None,
    environment: Texts,
    session: str | None,
    trace_id: Texts,
    filter_: str | None,
) -> "TraceQuery":
    from datetime import UTC, datetime

    from nemoguardrails_trust.integrations.langfuse.query import (
        TraceQuery,
        parse_conditions,
        parse_moment,
    )

    start = None if from_ is None else parse_moment(from_, "from")
    if start is None and not trace_id:
        start = datetime.now(UTC) - period
    return TraceQuery(
        start=start,
        end=None if to is None else parse_moment(to, "to"),
        tags=tuple(tags or ()),
        name=name,
        environments=tuple(environment or ()),
        session=session,
        trace_ids=tuple(trace_id or ()),
        conditions=() if filter_ is None else parse_conditions(filter_),
    )
