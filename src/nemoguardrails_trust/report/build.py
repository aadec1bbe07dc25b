"""Builds one self-contained HTML page from results."""

import base64
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from nemoguardrails_trust import __version__
from nemoguardrails_trust.datasets.columns import no_column
from nemoguardrails_trust.datasets.files import open_source
from nemoguardrails_trust.datasets.frames import open_frame
from nemoguardrails_trust.datasets.rows import Row
from nemoguardrails_trust.datasets.tally import Prices
from nemoguardrails_trust.disk import write_atomically
from nemoguardrails_trust.errors import DataError, SettingsError
from nemoguardrails_trust.report.answers import AnswerPicker, Picked, answers_json, embedded_json
from nemoguardrails_trust.report.comparison import Comparison, compare_results, comparison_figures
from nemoguardrails_trust.report.facts import money, run_facts
from nemoguardrails_trust.report.figures import SCORE_NAME, THRESHOLD_STEPS, Gathered, summarise
from nemoguardrails_trust.report.groups import Groups
from nemoguardrails_trust.report.results import ChosenColumns, Columns, ResultReader, Unread
from nemoguardrails_trust.scorers.base import DEFAULT_THRESHOLD, require_threshold

DEFAULT_TITLE = "Trustworthiness report"

_SCRIPTS = ("numbers.js", "charts.js", "answers.js", "export.js", "groups.js", "page.js")
_NOT_HTML = frozenset({".csv", ".docx", ".json", ".jsonl", ".parquet", ".pdf", ".tsv", ".xlsx"})
_NAMES_SHOWN = 5
_NAMES_KEPT = 100
_USAGE_NAMES = {
    "calls": "Calls",
    "samples": "Samples",
    "prompt_tokens": "Tokens read",
    "completion_tokens": "Tokens written",
    "seconds": "Seconds",
}
_GROUP_NAMES = {
    "least": "the {} least trusted",
    "most": "the {} most trusted",
    "wrong": "the {} most trusted of the wrong ones",
    "right": "the {} least trusted of the right ones",
    "failed": "the first {} without a score",
    "sample": "a random sample of {}",
}


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written.

    Attributes:
        path: The HTML file.
        threshold: The initial position of the page's slider.
        rows: Answers in the results.
        scored: Answers with a score.
        flagged: Answers whose score is below the threshold.
        labelled: Scored answers that are known to be right or wrong.
        answers: Answers whose text is in the page.
        bytes: The size of the file.
        unread: Rows with a value that could not be read.
        remarks: What a reader of the report should know about the results.
    """

    path: Path
    threshold: float
    rows: int
    scored: int
    flagged: int
    labelled: int
    answers: int
    bytes: int
    unread: Unread
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types."""
        return asdict(self) | {"path": str(self.path)}


def build_report(
    results: Any,
    out: str | Path,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    title: str = DEFAULT_TITLE,
    prompt_column: str | None = None,
    response_column: str | None = None,
    score_column: str = "trustworthiness_score",
    label_column: str | None = None,
    group_by: str | None = None,
    against: str | Path | None = None,
    encoding: str | None = None,
    prices: Prices | None = None,
) -> Report:
    """Makes one self-contained HTML page from scored answers.

    Every figure covers all rows. The page contains the texts of the highest and lowest scores and
    of a sample. Rows are read one at a time, and only their numbers are kept.

    Args:
        results: The output of `nemo-trust score`: a path (CSV, JSON lines or Parquet), a pandas
            or polars frame, an Arrow table, or any iterable of mappings.
        out: The HTML file to write.
        threshold: The initial position of the page's slider, 0 to 1, rounded to its step of
            0.001.
        title: The page's heading.
        prompt_column: The column with the prompts. `None` uses `prompt` or another usual name,
            such as `question`, if there is one.
        response_column: The column with the answers. `None` uses `response` or another usual
            name, such as `answer`, if there is one.
        score_column: The column with the trustworthiness scores, 0 to 1 or empty.
        label_column: The column that says whether an answer is right (1 or 0, true or false).
            `None` uses `correct` or another usual name, such as `label`, if there is one.
        group_by: A column; the figures are also given for each of its values.
        against: The path of earlier results on the same prompts, to compare with. `results` must
            then be a path too.
        encoding: The text encoding of these files; `None` detects it.
        prices: The price of a million tokens, to show the cost of scoring in money.

    Raises:
        SettingsError: The threshold is not from 0 to 1, only paths can be compared, or there is no
            such encoding.
        DataError: The results cannot be read, have no rows, lack a column, or have no score or
            label that can be read; or the page cannot be written.
        MissingDependencyError: The results are a Parquet file, but pyarrow is not installed.
    """
    require_threshold(threshold)
    threshold = round(threshold * THRESHOLD_STEPS) / THRESHOLD_STEPS
    out = Path(out)
    if out.is_dir():
        raise DataError("is a folder, not a file to write", path=str(out))
    source = Path(results) if isinstance(results, str | Path) else None
    if source is not None and out.exists() and source.exists() and out.samefile(source):
        raise DataError("the page would overwrite the results", path=str(out))
    if out.suffix.lower() in _NOT_HTML:
        raise DataError("the report is HTML; give a name that ends in .html", path=str(out))
    chosen: ChosenColumns = {
        "prompt_column": prompt_column,
        "response_column": response_column,
        "score_column": score_column,
        "label_column": label_column,
    }
    comparison = _compared(source, against, chosen, threshold, encoding)
    name = None if source is None else str(source)
    present, rows, remarks = _numbered_rows(results if source is None else source, name, encoding)
    if comparison is not None:
        remarks += comparison.remarks
    columns = Columns.find(present, path=name, **chosen)
    if group_by is not None and group_by not in present:
        raise no_column(present, group_by, "--group-by", name)
    by_group = None if group_by is None else Groups(group_by)
    reader = ResultReader(columns, name)
    gathered, picker, names = _read(rows, reader, by_group)
    unread = reader.finish()
    figures = summarise(gathered) | {"groups": by_group.to_json() if by_group else []}
    groups = picker.groups()
    answers, limit = answers_json(groups, columns)
    page = _render(
        title=title,
        threshold=threshold,
        figures=figures,
        answers=answers,
        held=_held(groups),
        cut=limit,
        source=source.name if source else None,
        models=_listed(names["model"]),
        scorers=_listed(names["scorer"]),
        group_by=group_by,
        against=None if against is None else Path(against).name,
        comparison=comparison,
        compared=comparison_figures(comparison) if comparison else [],
        facts=run_facts(source),
        money=money(figures["usage"], prices),
    )
    write_atomically(out, page)
    return Report(
        path=out,
        threshold=threshold,
        rows=figures["rows"],
        scored=figures["scored"],
        flagged=sum(1 for score in gathered.scores if score < threshold),
        labelled=figures["labelled"],
        answers=len(answers),
        bytes=len(page),
        unread=unread,
        remarks=tuple(dict.fromkeys((*remarks, *reader.remarks))),
    )


def _compared(
    source: Path | None,
    against: str | Path | None,
    chosen: ChosenColumns,
    threshold: float,
    encoding: str | None,
) -> Comparison | None:
    if against is None:
        return None
    if source is None:
        raise SettingsError("against compares two files; give the results as a path", key="against")
    return compare_results(against, source, threshold=threshold, encoding=encoding, **chosen)


def _numbered_rows(
    results: Any, name: str | None, encoding: str | None
) -> tuple[list[str], Iterator[tuple[int, Row]], tuple[str, ...]]:
    """The columns, all rows with their places in the file, and what had to be guessed of it."""
    is_path = isinstance(results, Path)
    source = open_source(results, encoding=encoding) if is_path else open_frame(results)
    rows: Iterator[tuple[int, Row]]
    if source is None:
        rows = enumerate(results, start=1)
    else:
        rows = ((position.number, row) for position, row in source.rows())
    first = next(rows, None)
    if first is None:
        raise DataError("there are no rows to report on", path=name)
    present = list(first[1]) if source is None else list(source.columns)
    remarks = () if source is None else source.remarks
    return present, itertools.chain([first], rows), remarks


def _read(
    rows: Iterable[tuple[int, Row]], reader: ResultReader, groups: Groups | None
) -> tuple[Gathered, AnswerPicker, dict[str, Counter[str]]]:
    gathered, picker = Gathered(), AnswerPicker()
    names: dict[str, Counter[str]] = {"model": Counter(), "scorer": Counter()}
    for number, (line, row) in enumerate(rows, start=1):
        result = reader.read(row, line)
        gathered.add(result)
        picker.add(number, row, result)
        if groups is not None:
            groups.add(row, result)
        for column, counter in names.items():
            value = row.get(column)
            if (
                isinstance(value, str)
                and value
                and (value in counter or len(counter) < _NAMES_KEPT)
            ):
                counter[value] += 1
    return gathered, picker, names


def _listed(names: Counter[str]) -> list[str]:
    """The most frequent names, and how many more there are."""
    shown = [name for name, _ in names.most_common(_NAMES_SHOWN)]
    more = len(names) - len(shown)
    return [*shown, f"{more} more"] if more else shown


def _held(groups: Mapping[str, list[Picked]]) -> str:
    parts = [_GROUP_NAMES[name].format(len(rows)) for name, rows in groups.items()]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _render(
    *, threshold: float, figures: Mapping[str, Any], answers: list[dict[str, Any]], **shown: Any
) -> bytes:
    files = resources.files(__package__) / "page"
    style = (files / "report.css").read_text("utf-8")
    script = "\n".join((files / name).read_text("utf-8") for name in _SCRIPTS)
    data = {
        "threshold": threshold,
        "scoreName": SCORE_NAME,
        "figures": figures,
        "answers": answers,
    }
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((files / "report.html.j2").read_text("utf-8"))
    page = template.render(
        threshold=threshold,
        figures=figures,
        shown=len(answers),
        usage_names=_USAGE_NAMES,
        version=__version__,
        made=datetime.now(UTC).date().isoformat(),
        policy=_policy(style, script),
        style=style,
        script=script,
        data=embedded_json(data),
        **shown,
    )
    # Half a surrogate pair, which JSON lines may hold, is not UTF-8.
    return page.encode("utf-8", "replace")


def _policy(style: str, script: str) -> str:
    """Allows this page's own style and script, known by their digests, and nothing else."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{digest(style)}'",
            f"script-src 'sha256-{digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )
