"""Reads traces page by page: observations with client 5, traces with client 4."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from nemoguardrails_trust.errors import SettingsError
from nemoguardrails_trust.integrations.langfuse.client import LangfuseClient
from nemoguardrails_trust.integrations.langfuse.exchanges import (
    GENERATION,
    RETRIEVER,
    SYSTEM_PROMPT_KEY,
    Observation,
    Trace,
)
from nemoguardrails_trust.integrations.langfuse.query import Condition, TraceQuery, any_of, since
from nemoguardrails_trust.integrations.langfuse.writing import score_id

DEFAULT_PAGE_SIZE = 100
MOST_PER_PAGE = 100
"""Ids of so many traces fit into one address; older servers give no more in a page."""

STEPS_PER_PAGE = 1000
OLD_STEPS_PER_PAGE = 100

_STEP_KINDS = any_of("type", [GENERATION, RETRIEVER])
_SKEW = timedelta(hours=1)
"""So far may the clocks of the machines that write one trace be apart."""

_NO_OBSERVATIONS = (
    "client 5 reads Langfuse Cloud and self-hosted servers of 4.59 or later; for an older server "
    "install 'langfuse>=4.18,<5'"
)
_NO_TRACES = "this server needs client 5: install 'langfuse>=5'"


@dataclass(frozen=True, slots=True)
class Reading:
    """How traces are read."""

    score_name: str  # whose presence is `Trace.scored`
    look_for_scores: bool = False
    context_keys: tuple[str, ...] = ()  # of metadata that must come uncut
    page_size: int = DEFAULT_PAGE_SIZE

    def __post_init__(self) -> None:
        if not 1 <= self.page_size <= MOST_PER_PAGE:
            raise SettingsError(
                f"page-size is {self.page_size}; it must be from 1 to {MOST_PER_PAGE}",
                key="page-size",
            )


async def read_traces(
    client: LangfuseClient, query: TraceQuery, reading: Reading
) -> AsyncGenerator[list[Trace]]:
    """Reads the traces a page at a time, the newest first, the next page while one is used.

    Each trace comes once. For 100 traces it makes two requests, three where it looks for scores.

    Raises:
        TrustError: The server could not be read; pages that came before are good.
    """
    if client.lists_traces:
        pages, complete = _trace_pages(client, query, reading), _complete_old
    else:
        pages, complete = _root_pages(client, query, reading), _complete
    seen: set[str] = set()
    ahead = asyncio.ensure_future(anext(pages, None))
    try:
        while (page := await ahead) is not None:
            ahead = asyncio.ensure_future(anext(pages, None))
            fresh = [trace for trace in page if trace.id not in seen]
            seen.update(trace.id for trace in fresh)
            if fresh:
                yield await complete(client, fresh, reading)
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
        await pages.aclose()


async def _pages(client: LangfuseClient, doing: str, **arguments: Any) -> AsyncGenerator[list[Any]]:
    """What `LangfuseClient.call` brings page by page, by the cursor that each names."""
    cursor: str | None = None
    while True:
        answer = await client.call(doing, cursor=cursor, **arguments)
        yield answer.data
        cursor = answer.meta.cursor
        if not cursor or not answer.data:
            return


async def _counted_pages(
    client: LangfuseClient, doing: str, **arguments: Any
) -> AsyncGenerator[list[Any]]:
    """What `LangfuseClient.call` brings page by page from an older server, which counts them."""
    page = 1
    while True:
        answer = await client.call(doing, page=page, absent=_NO_TRACES, **arguments)
        yield answer.data
        page += 1
        if page > answer.meta.total_pages or not answer.data:
            return


def _observations(
    client: LangfuseClient,
    doing: str,
    reading: Reading,
    conditions: Sequence[Condition],
    *,
    fields: str,
    limit: int,
) -> AsyncGenerator[list[Any]]:
    """The observations that meet all conditions, page by page."""
    return _pages(
        client,
        doing,
        method=client.api.observations.get_many,
        absent=_NO_OBSERVATIONS,
        fields=fields,
        expand_metadata=",".join((SYSTEM_PROMPT_KEY, *reading.context_keys)),
        limit=limit,
        filter=json.dumps(conditions),
    )


async def _root_pages(
    client: LangfuseClient, query: TraceQuery, reading: Reading
) -> AsyncGenerator[list[Trace]]:
    pages = _observations(
        client,
        "reading traces",
        reading,
        query.root_conditions(),
        fields="core,basic,io,metadata,trace_context",
        limit=reading.page_size,
    )
    async for observations in pages:
        roots: dict[str, list[Any]] = defaultdict(list)
        for root in observations:
            roots[root.trace_id or root.id].append(root)
        yield [
            _trace_of_roots(trace_id, group)
            for trace_id, group in roots.items()
            if query.name is None or query.name in _names(group)
        ]


async def _complete(client: LangfuseClient, traces: list[Trace], reading: Reading) -> list[Trace]:
    """Adds the steps to traces of which the roots were read."""
    ids = [trace.id for trace in traces]
    pages = _observations(
        client,
        "reading generations",
        reading,
        _of_steps(ids, _earliest(traces)),
        fields="core,io,metadata",
        limit=STEPS_PER_PAGE,
    )
    steps, scored = await asyncio.gather(_by_trace(pages), _scored(client, ids, reading))
    return [_with_steps(trace, steps[trace.id], trace.id in scored) for trace in traces]


def _earliest(traces: Sequence[Trace]) -> datetime:
    """When the first step of some traces may have begun."""
    return min(trace.start for trace in traces) - _SKEW


def _of_steps(ids: list[str], earliest: datetime) -> list[Condition]:
    return [any_of("traceId", ids), _STEP_KINDS, since(earliest)]


async def _by_trace(pages: AsyncGenerator[list[Any]]) -> Mapping[str, list[Observation]]:
    steps: dict[str, list[Observation]] = defaultdict(list)
    async for observations in pages:
        for step in observations:
            steps[step.trace_id].append(_observation(step))
    return steps


async def _scored(client: LangfuseClient, ids: Sequence[str], reading: Reading) -> set[str]:
    """Which of the traces have a score of the asked name."""
    if not reading.look_for_scores:
        return set()
    pages = _pages(
        client,
        "looking for scores",
        method=client.api.scores.get_many,
        name=reading.score_name,
        trace_id=",".join(ids),
        fields="subject",
        limit=MOST_PER_PAGE,
    )
    return {
        score.subject.id
        async for scores in pages
        for score in scores
        if score.subject.kind == "trace"
    }


async def _trace_pages(
    client: LangfuseClient, query: TraceQuery, reading: Reading
) -> AsyncGenerator[list[Trace]]:
    wanted = set(query.trace_ids)
    pages = _counted_pages(
        client,
        "reading traces",
        method=client.api.trace.list,
        limit=reading.page_size,
        fields="core,io,scores" if reading.look_for_scores else "core,io",
        order_by="timestamp.desc",
        **_old_arguments(query),
    )
    async for traces in pages:
        yield [
            _old_trace(trace, score_id(trace.id, reading.score_name))
            for trace in traces
            # Servers from before filters pass over them.
            if not wanted or trace.id in wanted
        ]


def _old_arguments(query: TraceQuery) -> dict[str, Any]:
    if query.conditions or query.trace_ids:
        return {"filter": json.dumps(query.trace_conditions())}
    arguments: dict[str, Any] = {
        "from_timestamp": query.start,
        "to_timestamp": query.end,
        "tags": list(query.tags) or None,
        "name": query.name,
        "environment": list(query.environments) or None,
        "session_id": query.session,
    }
    return {name: value for name, value in arguments.items() if value is not None}


async def _complete_old(
    client: LangfuseClient, traces: list[Trace], reading: Reading
) -> list[Trace]:
    earliest = _earliest(traces)
    conditions = _of_steps([trace.id for trace in traces], earliest)
    pages = _counted_pages(
        client,
        "reading generations",
        method=client.api.legacy.observations_v1.get_many,
        limit=OLD_STEPS_PER_PAGE,
        filter=json.dumps(conditions),
        from_start_time=earliest,  # for servers from before filters
    )
    steps = await _by_trace(pages)
    return [_with_steps(trace, steps[trace.id], trace.scored) for trace in traces]


def _names(roots: Iterable[Any]) -> set[str | None]:
    return {name for root in roots for name in (root.trace_name, root.name)}


def _trace_of_roots(trace_id: str, roots: Sequence[Any]) -> Trace:
    """A trace may have several roots: it starts with the first and answers with the last."""
    ordered = sorted(roots, key=lambda root: (root.start_time, root.id))
    first = ordered[0]
    last = next((root for root in reversed(ordered) if root.output is not None), ordered[-1])
    metadata: dict[str, Any] = {}
    for root in reversed(ordered):
        metadata.update(_metadata(root))
    running = any(root.end_time is None for root in ordered)
    return Trace(
        id=trace_id,
        start=first.start_time,
        end=None if running else max(root.end_time for root in ordered),
        environment=first.environment,
        input=first.input,
        output=last.output,
        metadata=metadata,
        steps=tuple(_observation(root) for root in ordered if root.type == GENERATION),
    )


def _old_trace(trace: Any, own_score: str) -> Trace:
    return Trace(
        id=trace.id,
        start=trace.timestamp,
        environment=trace.environment,
        input=trace.input,
        output=trace.output,
        metadata=_metadata(trace),
        scored=own_score in (trace.scores or ()),
    )


def _with_steps(trace: Trace, steps: Sequence[Observation], scored: bool) -> Trace:
    by_id = {step.id: step for step in (*trace.steps, *steps)}
    ends = [step.end for step in by_id.values() if step.end is not None]
    end = trace.end or max(ends, default=None)
    return replace(trace, end=end, steps=tuple(by_id.values()), scored=scored)


def _observation(source: Any) -> Observation:
    return Observation(
        id=source.id,
        kind=source.type,
        start=source.start_time,
        end=source.end_time,
        input=source.input,
        output=source.output,
        metadata=_metadata(source),
    )


def _metadata(source: Any) -> dict[str, Any]:
    return dict(source.metadata) if isinstance(source.metadata, Mapping) else {}
