"""Who is interested in which instrument: from an instrument straight to its runners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from strategies.runner import Runner
from strategies.tape import Tape
from trading.roster import Roster
from trading.ticks import Groups

Ask = tuple[int, Runner]  # strategy, its runner


@dataclass(slots=True)
class Audience:
    """Runners that look at the same instruments."""

    tape: Tape
    asks: list[Ask] = field(default_factory=list)


class Interest:
    """Of a lane's runners, in their order. Whoever looks pays for those interested, not for all.

    `tapes` have the latest prices of the instruments that they look at, some of them from the interest before.
    `furthest` is the last tick that any of them had seen, `one_by_one` how many of them take no arrays.
    """

    def __init__(self, runners: Mapping[int, Runner], tapes: Mapping[Roster, Tape]) -> None:
        self.tapes = {r.roster: tapes.get(r.roster) or Tape(r.roster) for r in runners.values()}
        self._runners, self._count = runners, len(runners)
        self._turns = {strategy: turn for turn, strategy in enumerate(runners)}
        self._of_all: dict[int, Audience] = {}
        self._of_some: dict[int, Audience] = {}
        self._by_instrument: defaultdict[int, list[int]] = defaultdict(list)
        for ask in runners.items():
            self._add(ask)
        self._found: dict[int, list[Ask]] = {}
        self.one_by_one = sum(not runner.takes_arrays for runner in runners.values())
        self.furthest = max((runner.place for runner in runners.values()), default=0)

    def _add(self, ask: Ask) -> None:
        runner = ask[1]
        name, audiences = id(runner.roster), self._of_all if runner.instruments is None else self._of_some
        if name not in audiences:
            for instrument in runner.instruments or ():
                self._by_instrument[instrument].append(name)
        audiences.setdefault(name, Audience(self.tapes[runner.roster])).asks.append(ask)

    def is_of(self, runners: Mapping[int, Runner]) -> bool:
        """Runners only leave a mapping; who joins comes in a new one."""
        return self._runners is runners and self._count == len(runners)

    def about(self, instrument: int) -> list[Ask]:
        if instrument not in self._found:
            audiences = [*self._of_all.values(), *(self._of_some[name] for name in self._by_instrument[instrument])]
            asks = [ask for audience in audiences for ask in audience.asks]
            self._found[instrument] = sorted(asks, key=lambda ask: self._turns[ask[0]])
        return self._found[instrument]

    def audiences(self, groups: Groups) -> Iterator[tuple[Audience, list[int] | None]]:
        """Who looks at any of a batch's groups, and at which of them; None are all."""
        for audience in self._of_all.values():
            yield audience, None
        chosen: defaultdict[int, list[int]] = defaultdict(list)
        for index, instrument in enumerate(groups.instruments.tolist() if self._of_some else ()):
            for name in self._by_instrument.get(instrument, ()):
                chosen[name].append(index)
        for name, indices in chosen.items():
            yield self._of_some[name], indices
