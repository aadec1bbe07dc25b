"""Words of desks and manuals that say the same, brought to the commonest of them."""

from collections.abc import Mapping

_GROUPS = (
    "start begin begins began begun beginning commence commences commenced commencing",
    "end finish finishes finished finishing conclude concludes concluded expire expires expiring",
    "ship shipped shipping dispatch dispatches dispatched dispatching",
    "buy bought purchase purchases purchased purchasing",
    "fix repair repairs repaired repairing",
    "delete remove removes removed removing erase erases erased",
    "choose chosen chose select selects selected selecting pick picks picked picking",
    "require requires required need needs needed necessary mandatory compulsory obligatory",
    "allow permit permits",
    "receive get gets got obtain obtains obtained",
    "large big",
    "doctor physician physicians",
    "child children kid kids",
    "car automobile automobiles",
    "help assist assists assistance",
    "free complimentary",
    "sauf hormis",
    "excepto salvo exceto",
    "eccetto tranne",
)

SYNONYMS: Mapping[str, str] = {
    word: group.split()[0] for group in _GROUPS for word in group.split()[1:]
}
"""By each word, the commonest one that says the same."""
