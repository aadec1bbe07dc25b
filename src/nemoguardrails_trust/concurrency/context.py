"""Context variables that hold a value for a while."""

from contextvars import ContextVar
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Holding(Generic[Value]):
    """Has a variable hold a value for what is done within, also by tasks started there.

    No generator, which would cost three times as much, several times a score.
    """

    __slots__ = ("_token", "_value", "_variable")

    def __init__(
        self, variable: ContextVar[Value] | ContextVar[Value | None], value: Value
    ) -> None:
        self._variable: ContextVar[Any] = variable
        self._value = value

    def __enter__(self) -> Value:
        self._token = self._variable.set(self._value)
        return self._value

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)
