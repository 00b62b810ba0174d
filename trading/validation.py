"""Which prices may enter the log: positive, not from the past or the future, not absurdly far off."""

from collections import Counter
from typing import TypedDict

from trading.instrument import Instrument
from trading.session import SECOND

FUTURE = 60 * SECOND


class ValidatorState(TypedDict):
    """JSON: by instrument id the last accepted price and time, the last refused price and how many agree."""

    levels: dict[str, list[int]]
    refused: dict[str, int]


class Validator:
    """Remembers the last accepted price of each instrument; a jump must be confirmed by `agree` prices."""

    def __init__(self, max_ratio: int = 4, agree: int = 20) -> None:
        self.refused: Counter[str] = Counter()
        self._max_ratio = max_ratio
        self._agree = agree
        self._levels: dict[int, list[int]] = {}

    def check(self, instrument: Instrument, price_e4: int, time: int, now: int | None = None) -> str | None:
        """Reason why the price is refused, None where it is accepted; `now` is given by live feeds only."""
        reason = self._reason(self._levels.get(instrument.id), price_e4, time, now)
        if reason is None:
            self._levels[instrument.id] = [price_e4, time, 0, 0]
        else:
            self.refused[reason] += 1
        return reason

    def dump(self) -> ValidatorState:
        levels = {str(number): list(level) for number, level in self._levels.items()}
        return {"levels": levels, "refused": dict(self.refused)}

    def load(self, state: ValidatorState) -> None:
        self._levels = {int(number): list(level) for number, level in state["levels"].items()}
        self.refused = Counter(state["refused"])

    def _reason(self, level: list[int] | None, price_e4: int, time: int, now: int | None) -> str | None:
        if price_e4 <= 0:
            return "bad_price"
        if now is not None and time > now + FUTURE:
            return "future"
        if level is None:
            return None
        if time < level[1]:
            return "time_went_back"
        if self._is_far(price_e4, level[0]) and not self._is_confirmed(level, price_e4):
            return "jump"
        return None

    def _is_confirmed(self, level: list[int], price_e4: int) -> bool:
        """Enough refused prices in a row agreed with one another, and this one agrees with them."""
        refused_e4, agreeing = level[2:]
        agrees = agreeing > 0 and not self._is_far(price_e4, refused_e4)
        level[2:] = price_e4, agreeing + 1 if agrees else 1
        return agrees and agreeing >= self._agree

    def _is_far(self, price_e4: int, from_e4: int) -> bool:
        return price_e4 > from_e4 * self._max_ratio or price_e4 * self._max_ratio < from_e4
