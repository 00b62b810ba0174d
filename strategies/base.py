"""What a strategy is: a class with parameters and `on_tick`. One instance trades one instrument."""

import re
from math import isfinite
from types import NoneType
from typing import Any, ClassVar, TypeAlias, cast

from pydantic import BaseModel, ConfigDict

from strategies.arrays import Wishes
from strategies.indicators import Window
from strategies.panel import Panel
from strategies.sheet import Sheet
from strategies.signal import Target
from trading.fill import Fill
from trading.tick import Tick

Wanted: TypeAlias = Target | int | list[Target] | None


class Parameters(BaseModel):
    """What a person may set; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Strategy:
    """Subclass it: declare `Parameters`, make the state in `start`, return the wanted position from `on_tick`.

    Whatever `start` assigns to the instance is the state: plain JSON values and windows. It is saved and
    restored by the framework, as is `target`, the position wanted last.
    """

    Parameters: ClassVar[type[BaseModel]] = Parameters
    name: ClassVar[str] = ""
    sees_fills: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        if "on_tick" in vars(cls) and "on_prices" not in vars(cls):
            cls.on_prices = Strategy.on_prices  # type: ignore[method-assign]  # another's form for arrays would say what it does not

    def __init__(self, parameters: BaseModel) -> None:
        self.parameters: Any = parameters
        self.target = 0
        self.start()

    def start(self) -> None:
        """Makes the state of one instrument."""

    def on_tick(self, tick: Tick) -> Wanted:
        """The position wanted in the tick's instrument, or None for no opinion."""
        raise NotImplementedError

    def on_prices(self, sheet: Sheet, panel: Panel) -> Wishes | None:
        """Many prices of many instruments at once, for strategies that look at nothing else and whose state is windows
        alone: `panel.windows` has them by attribute, and `panel.held(sheet)` the targets.

        Says what `on_tick` would one by one, and changes nothing: (index, position) where another position is wanted
        than before, those of an instrument in order. None or a fault: `on_tick` is asked.
        """
        return None

    def on_fill(self, fill: Fill) -> None:
        """Called before the next tick when the strategy declares `sees_fills`."""

    def on_gap(self) -> None:
        """Ticks are missing: price windows start anew, the target stays."""
        for value in vars(self).values():
            if isinstance(value, Window):
                value.clear()

    def dump(self) -> dict[str, Any]:
        """The state as JSON values. Errors: TypeError naming the attribute that is none."""
        return {name: _dumped(name, value) for name, value in vars(self).items() if name != "parameters"}

    def load(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            held = getattr(self, name, None)
            if isinstance(held, Window):
                held.load(cast("list[int]", value))
            else:
                setattr(self, name, value)


def _dumped(name: str, value: object) -> object:
    if isinstance(value, Window):
        return value.dump()
    if _is_plain(value):
        return value
    raise TypeError(f"state {name!r} must hold plain JSON values (finite numbers, text keys) or be a Window")


def _is_plain(value: object) -> bool:
    """Whether JSON gives back exactly this value."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    return type(value) in (int, str, bool, NoneType)
