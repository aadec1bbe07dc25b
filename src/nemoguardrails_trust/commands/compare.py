"""`nemo-trust compare`: two files of results side by side."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nemoguardrails_trust.commands.help import Heading, argument
from nemoguardrails_trust.commands.options import JsonOption, user_errors, with_options
from nemoguardrails_trust.commands.output import note
from nemoguardrails_trust.commands.result_options import ResultOptions
from nemoguardrails_trust.commands.terminal import tell_json, terminal
from nemoguardrails_trust.errors import counted

if TYPE_CHECKING:
    from nemoguardrails_trust.report.comparison import Comparison

_WIDTHS = {"row of B": 8, "A": 5, "B": 5, "answer": 9}


@with_options
@user_errors()
def compare(
    a: Annotated[
        Path,
        argument("A", "Earlier results, as written by 'nemo-trust score'; '-' is standard input."),
    ],
    b: Annotated[Path, argument("B", "Later results for the same prompts; '-' is standard input.")],
    reading: ResultOptions,
    threshold: float = Heading.RESULT.parameter(
        "--threshold 0..1", "Answers that score below it are flagged.", default=0.6
    ),
    json_output: JsonOption = False,
) -> None:
    """Compare two files of scored answers, and say which is better.

    If both have labels, the differences in AUROC and in accuracy come with 95 % intervals, from
    paired comparisons: an interval that excludes 0 means that the difference is more than chance.
    """
    from nemoguardrails_trust.report.comparison import compare_results

    result = compare_results(a, b, threshold=threshold, **dataclasses.asdict(reading))
    for told in result.remarks:
        note(told)
    if json_output:
        tell_json(result.to_json())
    else:
        _show(result, f"{a.name} and {b.name}")


def _show(result: "Comparison", names: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from nemoguardrails_trust.report.comparison import comparison_figures

    title = Text(f"{names}: {counted(result.questions, 'question')} in both")
    table = Table("figure", "value", title=title, title_justify="left")
    for figure, value in comparison_figures(result):
        table.add_row(figure, value)
    console = terminal()
    console.print(table)
    if result.largest:
        same = "not known" if result.answers_changed is None else "the same"
        changes = Table(title="Largest changes", title_justify="left")
        for name, width in _WIDTHS.items():
            changes.add_column(name, min_width=width)
        taken = sum(_WIDTHS.values()) + 3 * (len(_WIDTHS) + 1) + 1
        changes.add_column("prompt", no_wrap=True, max_width=max(10, console.width - taken))
        for change in result.largest:
            answer = "changed" if change.answer_changed else same
            scores = (f"{change.before:.3f}", f"{change.after:.3f}")
            prompt = " ".join(change.prompt.split())
            changes.add_row(f"{change.row:,}", *scores, answer, Text(prompt))
        console.print(changes)
