"""Attributes that are worked out when they are first asked for."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

_Value = TypeVar("_Value")


class lazy(Generic[_Value]):  # noqa: N801 - it is written as a decorator
    """A method whose result is kept as an attribute.

    `functools.cached_property` does the same, but takes a lock each time under Python 3.11; here,
    two threads at worst work out the same value twice.
    """

    def __init__(self, work: Callable[[Any], _Value]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    def __get__(self, instance: Any, owner: type) -> _Value:
        value = instance.__dict__[self._name] = self._work(instance)
        return value
