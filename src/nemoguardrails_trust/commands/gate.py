"""Limits that end a command with an exit code of its own, so that a build fails."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import typer

from nemoguardrails_trust.commands.help import Heading
from nemoguardrails_trust.commands.options import EXIT_GATE
from nemoguardrails_trust.commands.output import say
from nemoguardrails_trust.errors import SettingsError

UNDER = ("accuracy", "auroc", "precision", "recall", "accuracy_kept")
OVER = ("flagged", "unchecked")

FailUnderOption = Annotated[
    list[str] | None,
    Heading.RESULT.option(
        "--fail-under FIGURE=LIMIT,...",
        f"Exit with {EXIT_GATE} if a figure is below its limit, such as "
        f"'auroc=0.8,accuracy_kept=0.9'. Figures: {', '.join(UNDER)}. Can be repeated.",
    ),
]
FailIfOption = Annotated[
    list[str] | None,
    Heading.RESULT.option(
        "--fail-if FIGURE=LIMIT,...",
        f"Exit with {EXIT_GATE} if a share is above its limit, such as "
        "'flagged=0.2,unchecked=0.01': flagged of the scored rows, unchecked of all rows. "
        "Can be repeated.",
    ),
]


def parse_limits(
    given: Sequence[str] | None, figures: tuple[str, ...], option: str
) -> dict[str, float]:
    """Reads limits such as `auroc=0.8,accuracy_kept=0.9`.

    Args:
        given: What the user gave, each time the option was; `None` sets no limit. Of several
            limits for a figure, the strictest counts.
        figures: Those that may have one.
        option: The option, for the error.

    Raises:
        SettingsError: A figure is unknown or named twice in a text, or a limit is no number from
            0 to 1.
    """
    strictest = max if figures is UNDER else min
    limits: dict[str, float] = {}
    for text in given or ():
        for name, limit in _limits_in(text, figures, option).items():
            limits[name] = strictest(limit, limits.get(name, limit))
    return limits


def _limits_in(text: str, figures: tuple[str, ...], option: str) -> dict[str, float]:
    from nemoguardrails_trust.scores import number_of

    limits: dict[str, float] = {}
    for part in text.split(","):
        name, _, limit = (piece.strip() for piece in part.partition("="))
        name = name.replace("-", "_").lower()
        if name not in figures:
            told = f"{option} has {name!r}; the figures are: {', '.join(figures)}"
            other = "--fail-under" if name in UNDER else "--fail-if" if name in OVER else None
            raise SettingsError(f"{told} ({name} is for {other})" if other else told)
        if name in limits:
            raise SettingsError(f"{option} has {name!r} twice")
        limits[name] = number_of(limit)
        if not 0.0 <= limits[name] <= 1.0:
            raise SettingsError(
                f"{option} has {part.strip()!r}; a limit is a number from 0 to 1, as in "
                f"'{figures[0]}=0.9'"
            )
    return limits


def require_limits(
    figures: Mapping[str, float | None],
    *,
    under: Mapping[str, float] | None = None,
    over: Mapping[str, float] | None = None,
) -> None:
    """Ends the command where a figure misses its limit; a figure that is not known misses it.

    Args:
        figures: The figures by name, `None` where there is nothing to have one from.
        under: The least that figures may be.
        over: The most that figures may be.

    Raises:
        typer.Exit: A limit is missed; each is named on stderr.
    """
    missed = list(_missed(figures, under or {}, over or {}))
    for told in missed:
        say(told)
    if missed:
        raise typer.Exit(EXIT_GATE)


def _missed(
    figures: Mapping[str, float | None], under: Mapping[str, float], over: Mapping[str, float]
) -> Iterator[str]:
    for limits, word in ((under, "under"), (over, "over")):
        for name, limit in limits.items():
            value = figures[name]
            if value is None:
                yield f"failed: {name} cannot be computed from these answers"
            elif value < limit if word == "under" else value > limit:
                told = f"{value:.4g}" if float(f"{value:.4g}") != limit else repr(value)
                yield f"failed: {name} is {told}, {word} the limit of {limit:g}"
