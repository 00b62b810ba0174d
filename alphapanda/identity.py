"""Deterministic ids: the same cause always gives the same id, so that doing a thing twice is a no-op."""

from uuid import NAMESPACE_OID, UUID, uuid5


def derived_id(parent: UUID, what: str) -> UUID:
    """The id of what follows from `parent`."""
    return uuid5(parent, what)


def root_id(what: str) -> UUID:
    """The id of something that nothing caused, such as a strategy of a backtest."""
    return uuid5(NAMESPACE_OID, what)


def correlation_id(market: UUID, tick: int) -> UUID:
    """One id for a tick and everything that follows from it."""
    return derived_id(market, str(tick))
