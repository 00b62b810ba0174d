"""The rules before a trade. Each looks at a situation and gives a verdict; the five here are always asked.

Exits (they reduce the portfolio's |position| in the instrument) are exempt from the limits on entries:
position, trades a day, price deviation. Nothing is exempt from a stale price, and from a halt only
what reduces, when the halt allows that.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

from risk.account_rules import ACCOUNT_RULES, LIMIT_OF_ACCOUNT_RULE
from risk.decision import Verdict
from risk.exchange_rules import EXCHANGE_RULES, LIMIT_OF_EXCHANGE_RULE
from risk.halt import HaltState
from risk.limits import Limits
from risk.situation import Situation
from strategies.signal import Signal
from trading.session import SECOND


def position(situation: Situation) -> Verdict:
    """Shares held, working and ordered, per portfolio and instrument."""
    limit, after = situation.limits.max_position, abs(situation.held + situation.ordered)
    passed = limit is None or after <= limit
    return situation.verdict("position", "max_position", limit, after, passed, not passed and situation.is_exit)


def trades_per_day(situation: Situation) -> Verdict:
    """Approved decisions of the strategy on the signal's day in India, this one included."""
    limit, count = situation.limits.max_trades_per_day, situation.trades_today + 1
    passed = limit is None or count <= limit
    return situation.verdict(
        "trades_per_day", "max_trades_per_day", limit, count, passed, not passed and situation.is_exit
    )


def price_deviation(situation: Situation) -> Verdict:
    """|order price − last| / last; a MARKET order is held against the tick before: |last − previous| / previous."""
    limit, deviation = situation.limits.max_price_deviation, _deviation(situation.signal)
    if deviation is None:
        return situation.verdict("price_deviation", "max_price_deviation", limit, None, True)
    off, base = deviation
    passed, observed = limit is None or off <= limit * base, round(Decimal(off) / base, 6)
    is_exempt = not passed and situation.is_exit
    return situation.verdict("price_deviation", "max_price_deviation", limit, observed, passed, is_exempt)


def stale_price(situation: Situation) -> Verdict:
    """Seconds from exchange to arrival of the price that was acted on; files without arrival have no age.

    A signal is made by a tick of its own instrument, so that tick is the instrument's last.
    """
    limit, signal = situation.limits.max_age_seconds, situation.signal
    if signal.arrival is None:
        return situation.verdict("stale_price", "max_age_seconds", limit, None, True)
    age = Decimal(signal.arrival - signal.time) / SECOND
    return situation.verdict("stale_price", "max_age_seconds", limit, age, limit is None or age <= limit)


def halt(situation: Situation) -> Verdict:
    """Nothing is ordered while a halt is in force; a reducing one spares what goes towards flat."""
    halt = situation.halt
    if halt is None:
        return NO_HALT
    is_spared = halt.state is HaltState.REDUCING and situation.only_reduces
    return Verdict("halt", False, str(halt.state), halt.reason, is_spared)


NO_HALT = Verdict("halt", True, None, None)
Rule = Callable[[Situation], Verdict | None]
RULES: tuple[Callable[[Situation], Verdict], ...] = (position, trades_per_day, price_deviation, stale_price, halt)
LIMIT_OF = {
    "position": "max_position",
    "trades_per_day": "max_trades_per_day",
    "price_deviation": "max_price_deviation",
    "stale_price": "max_age_seconds",
    **LIMIT_OF_ACCOUNT_RULE,
    **LIMIT_OF_EXCHANGE_RULE,
}


def judge(situation: Situation) -> tuple[Verdict, ...]:
    """The verdicts of all rules, of those about account and exchange when they are on."""
    return tuple([verdict for rule in asked(situation.limits) if (verdict := rule(situation))])


@lru_cache(maxsize=1_000)
def asked(limits: Limits) -> tuple[Rule, ...]:
    """The five, and of the others those that may say something: one that is off costs nothing at a signal."""
    return (*RULES, *(rule for rule in (*ACCOUNT_RULES, *EXCHANGE_RULES) if rule.is_on(limits)))


def _deviation(signal: Signal) -> tuple[int, int] | None:
    """(distance, base) in 1/10,000 rupee; None when there is nothing to compare with."""
    price = signal.terms.limit_e4 or signal.terms.trigger_e4
    if price is not None:
        return abs(price - signal.price_e4), signal.price_e4
    if signal.previous_e4 is None:
        return None
    return abs(signal.price_e4 - signal.previous_e4), signal.previous_e4
