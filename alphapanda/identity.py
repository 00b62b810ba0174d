"""Deterministic ids: the same cause always gives the same id, so that doing a thing twice is a no-op."""

from hashlib import sha1
from typing import Any
from uuid import NAMESPACE_OID, UUID, SafeUUID, uuid5

_VERSION_5 = 0x5 << 76 | 0x8 << 60
_OTHER_BITS = ~(0xF << 76 | 0xC << 60)


class Derived(UUID):
    """A uuid5 that is worked out when somebody looks at it: each signal has three, and a backtest looks at none."""

    __slots__ = ("_names", "_parent")
    __setattr__ = object.__setattr__  # type: ignore[assignment]  # a way around `UUID`'s takes twice as long

    def __init__(self, parent: UUID, names: tuple[str, ...]) -> None:
        self._parent = parent
        self._names = names

    def __getattr__(self, name: str) -> Any:
        """`int` before the first look, which keeps it, and what `UUID` would have set beside it."""
        if name == "is_safe":
            return SafeUUID.unknown
        if name != "int":
            raise AttributeError(name)
        number = self._parent.int
        for what in self._names:
            hashed = sha1(number.to_bytes(16) + what.encode(), usedforsecurity=False).digest()
            number = int.from_bytes(hashed[:16]) & _OTHER_BITS | _VERSION_5
        self.__setattr__("int", number)
        return number


def derived_id(parent: UUID, *names: str) -> UUID:
    """The id of what follows from `parent`, and of what follows from that: its uuid5."""
    return Derived(parent, names)


def root_id(what: str) -> UUID:
    """The id of something that nothing caused, such as a strategy of a backtest."""
    return uuid5(NAMESPACE_OID, what)


def correlation_id(market: UUID, tick: int) -> UUID:
    """One id for a tick and everything that follows from it."""
    return derived_id(market, str(tick))
