"""Who is interested in which instrument: from an instrument straight to its runners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from strategies.runner import Runner

Ask = tuple[int, Runner]  # strategy, its runner


class Interest:
    """Of a lane's runners, in their order. Whoever looks pays for those interested, not for all."""

    def __init__(self, runners: Mapping[int, Runner]) -> None:
        self._runners, self._count = runners, len(runners)
        self._turns = {strategy: turn for turn, strategy in enumerate(runners)}
        self._in_all = [(s, r) for s, r in runners.items() if r.instruments is None]
        self._in_some: defaultdict[int, list[Ask]] = defaultdict(list)
        for strategy, runner in runners.items():
            for instrument in runner.instruments or ():
                self._in_some[instrument].append((strategy, runner))
        self._found: dict[int, list[Ask]] = {}
        self.one_by_one = sum(not runner.takes_arrays for runner in runners.values())

    def is_of(self, runners: Mapping[int, Runner]) -> bool:
        """Runners only leave a mapping; who joins comes in a new one."""
        return self._runners is runners and self._count == len(runners)

    def about(self, instrument: int) -> list[Ask]:
        if instrument not in self._found:
            asks = self._in_all + self._in_some.get(instrument, [])
            self._found[instrument] = sorted(asks, key=lambda ask: self._turns[ask[0]])
        return self._found[instrument]
