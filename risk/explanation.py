"""Verdicts in words: which rule, what it saw, whose limit it was, and why it did not matter to an exit."""

from collections.abc import Iterable, Mapping
from typing import Any

from risk.rules import LIMIT_OF

Stored = Mapping[str, Any]  # a verdict as the ledger keeps it
WHAT = {
    "position": "Shares held, working and ordered would be {observed}",
    "trades_per_day": "It would be trade {observed} of the strategy that day",
    "price_deviation": "The price is off by a fraction of {observed}",
    "stale_price": "The price was {observed} s old",
    "order_quantity": "The order has {observed} shares",
    "order_value": "The order is worth {observed} rupees",
    "position_value": "The position would be worth {observed} rupees",
    "gross_exposure": "Gross exposure would be {observed} rupees",
    "net_exposure": "Net exposure would be {observed} rupees",
    "concentration": "The position would be a fraction of {observed} of equity",
    "leverage": "Gross exposure would be {observed} times equity",
    "open_orders": "It would be open order {observed}",
    "orders_per_day": "It would be order {observed} of the portfolio that day",
    "orders_per_second": "It would be order {observed} within a second",
    "equal_order": "The strategy ordered the same {observed} s before",
    "short_selling": "The portfolio would be short: {observed}",
    "cash": "When all working buys fill at their worst, cash would be {observed}",
    "self_crossing": "It would trade with an own order: {observed}",
    "session": "The exchange does not trade: {observed}",
    "circuit": "The exchange takes no such price: {observed}",
    "close_deviation": "The price is off the previous close by a fraction of {observed}",
    "freeze": "The exchange's freeze quantity makes it {observed} orders",
    "volume_fraction": "The order is a fraction of {observed} of the recent volume",
    "allowed_instrument": "{observed} is traded only when it is listed",
    "forbidden_instrument": "{observed} is not traded when it is listed",
    "grid": "The order does not fit the instrument: {observed}",
}
SPECIAL = {
    "nothing_to_do": "The strategy has its target of {observed} shares already, or orders on their way there.",
    "behind_clock": "The signal of tick {observed} came when the portfolio's clock stood at {limit}.",
    "halt": "A halt ({limit}) is in force: {observed}.",
}


def sentence(verdict: Stored) -> str:
    """One verdict in words."""
    rule = str(verdict["rule"])
    if rule in SPECIAL and not verdict.get("passed"):
        return SPECIAL[rule].format(**verdict) + _outcome(verdict)
    if verdict["observed"] is None:
        return f"{rule}: nothing against it{_limit(verdict)}."
    said = WHAT.get(rule, f"{rule}: {{observed}}").format(**verdict)
    return f"{said}{_limit(verdict)}.{_outcome(verdict)}"


def explained(verdicts: Iterable[Stored]) -> list[dict[str, Any]]:
    """Each verdict with its sentence and the name of its limit; what denied comes first."""
    rows = [
        {
            "rule": verdict["rule"],
            "denies": denies(verdict),
            "is_exempt": bool(verdict.get("is_exempt")),
            "limit_name": LIMIT_OF.get(str(verdict["rule"])),
            **{name: verdict.get(name) for name in ("limit", "observed", "scope", "version")},
            "sentence": sentence(verdict),
        }
        for verdict in verdicts
    ]
    return sorted(rows, key=lambda row: not row["denies"])


def denies(verdict: Stored) -> bool:
    return not (verdict.get("passed", True) or verdict.get("is_exempt"))


def _limit(verdict: Stored) -> str:
    name, limit = LIMIT_OF.get(str(verdict["rule"])), verdict["limit"]
    if limit is None or name is None:
        return "; no limit is set" if name else ""
    whose = f" of the {verdict['scope']} in version {verdict['version']}" if verdict.get("scope") else ""
    return f"; {name}{whose} {'forbids it' if limit == 'never' else f'is {limit}'}"


def _outcome(verdict: Stored) -> str:
    return " An exit is exempt." if verdict.get("is_exempt") else " Denied." if denies(verdict) else ""
