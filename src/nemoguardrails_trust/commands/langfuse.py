"""`nemo-trust langfuse`: scores the traces of an application and writes the scores to them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nemoguardrails_trust.commands.building import build_scorer, scorer_settings
from nemoguardrails_trust.commands.help import Heading
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
            "--since",
            metavar="24h",
            help="Traces from this far back, such as 90s, 15m or 24h. Default: 24h.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="Traces that began at this time or later (ISO 8601).",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TIME",
            help="Traces that began before this time (ISO 8601).",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    tags: Annotated[
        Texts,
        typer.Option(
            "--tags",
            metavar="TAG",
            help="Traces with this tag. Can be repeated.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Traces with this name.", rich_help_panel=Heading.TRACES
        ),
    ] = None,
    environment: Annotated[
        Texts,
        typer.Option(
            "--environment",
            metavar="NAME",
            help="Traces from this environment. Can be repeated.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            "--session",
            metavar="ID",
            help="Traces of this session.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    trace_id: Annotated[
        Texts,
        typer.Option(
            "--trace-id",
            metavar="ID",
            help="This trace, however old. Can be repeated.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="JSON",
            help="Further conditions, in Langfuse's filter syntax.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(
            "--recorded",
            metavar="FILE",
            help="The recorded answers for --model replay (JSON Lines).",
            rich_help_panel=Heading.MODEL,
        ),
    ] = None,
    threshold: ThresholdOption = None,
    calibration: CalibrationOption = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            help="The time limit for one score. Default: 20.",
            rich_help_panel=Heading.RUN,
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also ask the scorer for explanations.",
            rich_help_panel=Heading.RESULT,
        ),
    ] = False,
    score_name: Annotated[
        str,
        typer.Option(
            "--score-name",
            metavar="NAME",
            help="The name of the score in Langfuse.",
            rich_help_panel=Heading.RESULT,
        ),
    ] = "trust_score",
    context_key: Annotated[
        Texts,
        typer.Option(
            "--context-key",
            metavar="KEY",
            help="A metadata key that holds retrieved passages. Can be repeated.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the scores as a table, and write nothing.",
            rich_help_panel=Heading.RESULT,
        ),
    ] = False,
    skip_scored: Annotated[
        bool,
        typer.Option(
            "--skip-scored",
            help="Skip traces that already have the score.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.jsonl",
            help="Also save the results as JSON Lines, for 'report' and 'calibrate'.",
            rich_help_panel=Heading.RESULT,
        ),
    ] = None,
    watch: Annotated[
        str | None,
        typer.Option(
            "--watch",
            metavar="60s",
            help="Keep running, and look for new traces at this interval.",
            rich_help_panel=Heading.WATCH,
        ),
    ] = None,
    position: Annotated[
        Path | None,
        typer.Option(
            "--position",
            metavar="FILE",
            help="The file in which --watch records how far it got.",
            rich_help_panel=Heading.WATCH,
        ),
    ] = None,
    lookback: Annotated[
        str,
        typer.Option(
            "--lookback",
            metavar="15m",
            help="How far back --watch looks each time. Must be longer than the longest trace.",
            rich_help_panel=Heading.WATCH,
        ),
    ] = "15m",
    settle: Annotated[
        str | None,
        typer.Option(
            "--settle",
            metavar="30s",
            help="Leave traces that ended less than this long ago for later. Default: 30s with "
            "--watch, otherwise 0s.",
            rich_help_panel=Heading.WATCH,
        ),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            min=1,
            metavar="N",
            help="Score N traces at a time.",
            rich_help_panel=Heading.RUN,
        ),
    ] = 16,
    page_size: Annotated[
        int,
        typer.Option(
            "--page-size",
            min=1,
            max=100,
            metavar="N",
            help="Traces per request to Langfuse.",
            rich_help_panel=Heading.RUN,
        ),
    ] = 100,
    max_characters: Annotated[
        int,
        typer.Option(
            "--max-characters",
            min=1,
            metavar="N",
            help="Skip traces with more text than this.",
            rich_help_panel=Heading.TRACES,
        ),
    ] = 400_000,
    json_output: JsonOption = False,
) -> None:
    """Score traces in Langfuse, and write the scores to them.

    Takes the keys of Langfuse's own client: LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY and
    LANGFUSE_BASE_URL. Another run replaces the scores of an earlier one.

    Exit codes: 0 all went well; 1 some traces have no score, each named on stderr; 2 it could not
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
