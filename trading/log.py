"""The market's log: a Redis stream of numbered ticks, packed in batches. Only a lease holder appends.

An entry's stream id is its last tick number, so that "after n" also finds the batch that n lies in.
"""

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import numpy as np
import redis
from numpy.typing import NDArray

from alphapanda import lease
from alphapanda.connection import key
from trading.instrument import Instrument
from trading.ticks import LATEST, Ticks

LEASE_MS = 5_000
READ_ENTRIES, MOST_JOINED = 100, 65_536  # entries read at once, and ticks of which that are taken together
_ID, _LAST = struct.Struct("<I"), struct.Struct("<qqq")  # together a record of `LATEST`

# Refused unless the lease holds my token and the batch follows the log's last number.
_APPEND = (
    """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0, 0} end
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local last = newest[1] and tonumber(string.match(newest[1][1], '^%d+')) or 0
if last ~= tonumber(ARGV[2]) then return {0, last} end
if #ARGV[6] > 0 then redis.call('XADD', KEYS[2], ARGV[4] .. '-0', 'f', ARGV[3], 'c', ARGV[5], 't', ARGV[6]) end
local prices = {}
for at = 1, #ARGV[7], PRICE_BYTES do
  prices[#prices + 1] = string.sub(ARGV[7], at, at + ID_BYTES - 1)
  prices[#prices + 1] = string.sub(ARGV[7], at + ID_BYTES, at + PRICE_BYTES - 1)
  if #prices == 1000 then redis.call('HSET', KEYS[3], unpack(prices)); prices = {} end
end
if #prices > 0 then redis.call('HSET', KEYS[3], unpack(prices)) end
redis.call('PEXPIRE', KEYS[1], LEASE_MS)
return {1, tonumber(ARGV[4])}
""".replace("LEASE_MS", str(LEASE_MS))
    .replace("PRICE_BYTES", str(LATEST.itemsize))
    .replace("ID_BYTES", str(_ID.size))
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A packed batch of consecutive ticks; `controls` is how many of its market had their tick then."""

    first: int
    last: int
    controls: int
    data: bytes

    def ticks(self, instruments: Mapping[int, Instrument]) -> Ticks:
        return Ticks.unpacked(self.data, self.first, instruments)


@dataclass(frozen=True, slots=True)
class LastPrice:
    price_e4: int
    time: int
    tick: int


def joined(entries: Iterable[Entry], most: int = MOST_JOINED) -> Iterator[Entry]:
    """Entries that follow each other as one, of at most about so many ticks: long batches cost less a tick."""
    gathered: list[Entry] = []
    for entry in entries:
        if gathered and not (_follows(gathered[-1], entry) and entry.last - gathered[0].first < most):
            yield _one(gathered)
            gathered = []
        gathered.append(entry)
    if gathered:
        yield _one(gathered)


def _follows(one: Entry, other: Entry) -> bool:
    """With the same controls in force and records of the same form."""
    return (one.last + 1, one.controls, one.data[:1]) == (other.first, other.controls, other.data[:1])


def _one(entries: Sequence[Entry]) -> Entry:
    first, last = entries[0], entries[-1]
    data = first.data if first is last else first.data[:1] + b"".join(entry.data[1:] for entry in entries)
    return Entry(first.first, last.last, first.controls, data)


class LogGapError(Exception):
    """Ticks that a reader needs are not in the log (now)."""


class MarketLog:
    def __init__(self, client: redis.Redis, market: UUID) -> None:
        self._redis = client
        self._lease = key("lease", market)
        self._stream = key("log", market)
        self._prices = key("last", market)
        self._script = client.register_script(_APPEND)
        self._awaited: tuple[int, list[Any]] | None = None  # what came behind a number

    def acquire(self, token: str) -> bool:
        """Takes the lease that allows appending, for a few seconds; appending renews it."""
        return lease.acquire(self._redis, self._lease, token, LEASE_MS)

    def is_fed(self) -> bool:
        """Whether someone who is not known to be dead may append."""
        return lease.is_held(self._redis, self._lease)

    def renew(self, token: str) -> bool:
        return lease.renew(self._redis, self._lease, token, LEASE_MS)

    def release(self, token: str) -> None:
        lease.release(self._redis, self._lease, token)

    def append(
        self, token: str, expected_last: int, controls: int, ticks: Ticks, latest: NDArray[np.void] | None = None
    ) -> bool:
        """Adds a batch behind `expected_last`; False when another holds the lease or the log has moved. `latest` are
        the last prices told with it, those of its own ticks unless they are given.
        """
        told = (ticks.latest if latest is None else latest).tobytes()
        return self._add(token, expected_last, [ticks.first, ticks.last, controls, ticks.data, told])

    def tell(self, token: str, last: int, latest: NDArray[np.void]) -> bool:
        """Last prices that were not told with the ticks up to `last`; False when another holds the lease by now."""
        return self._add(token, last, [last, last, 0, b"", latest.tobytes()])

    def _add(self, token: str, expected_last: int, entry: Sequence[int | bytes]) -> bool:
        done, _ = self._script(keys=[self._lease, self._stream, self._prices], args=[token, expected_last, *entry])
        return bool(done)

    def told(self) -> int:
        """The newest tick whose price is told."""
        return int(self.latest()["tick"].max(initial=0))

    def tail(self) -> int:
        """The last number in the log, 0 when it is empty."""
        newest = cast("list[Any]", self._redis.xrevrange(self._stream, count=1))
        return _number(newest[0][0]) if newest else 0

    def first(self) -> int:
        """The oldest number that can still be read; 0 when the log is empty."""
        oldest = cast("list[Any]", self._redis.xrange(self._stream, count=1))
        return int(oldest[0][1][b"f"]) if oldest else 0

    def read(self, after: int, count: int = READ_ENTRIES) -> list[Entry]:
        """Entries that hold numbers above `after`, oldest first."""
        awaited, self._awaited = self._awaited, None
        if awaited and awaited[0] == after:
            return _entries(awaited[1])
        return self._read(after, "+", count)

    def await_entries(self, after: int, count: int, seconds: float) -> None:
        """Until there is an entry that ends behind a number, or the time is over: the next `read` has what there is."""
        found = self._redis.xread({self._stream: f"{after}-0"}, count=count, block=int(seconds * 1_000))
        self._awaited = after, cast("list[Any]", found)[0][1] if found else []

    def _read(self, after: int, most: int | str, count: int) -> list[Entry]:
        rows = self._redis.xrange(self._stream, min=f"({after}-0", max=most, count=count)
        return _entries(cast("list[Any]", rows))

    def between(self, after: int, until: int, instruments: Mapping[int, Instrument]) -> Iterator[Ticks]:
        """Ticks after one number up to another. Errors: LogGapError where some of them are missing."""
        place = after
        while place < until:
            entries = self._up_to(place, until)
            if not entries or entries[0].first > place + 1:
                raise LogGapError(f"ticks {place + 1} to {entries[0].first - 1 if entries else until}")
            for entry in joined(entries):
                yield entry.ticks(instruments).between(place, until)
                place = entry.last
                if place >= until:
                    return

    def available(
        self, after: int, until: int, instruments: Mapping[int, Instrument], missed: Callable[[int, int], None]
    ) -> Iterator[Ticks]:
        """Like `between`, but `missed` is told the first and last number of what is missing, which is passed over."""
        place = after
        while place < until and (entries := self._up_to(place, until)):
            for entry in joined(entries):
                if entry.first > place + 1 and place < until:
                    missed(place + 1, min(entry.first - 1, until))
                yield entry.ticks(instruments).between(place, until)
                place = entry.last
        if place < until:
            missed(place + 1, until)

    def _up_to(self, after: int, until: int) -> list[Entry]:
        """Entries behind one number, not many more than reach another: what lies behind may be 200 entries long."""
        return self._read(after, until, READ_ENTRIES) or self._read(after, "+", 1)

    def trim(self, before: int) -> None:
        """Drops entries that end before a number; the newest entry always stays."""
        self._redis.xtrim(self._stream, minid=min(before, self.tail()), approximate=True)

    def last_prices(self, instruments: Iterable[int] | None = None) -> dict[int, LastPrice]:
        if instruments is None:
            rows = self.latest().tolist()
            return {instrument: LastPrice(price, time, tick) for instrument, price, time, tick in rows}
        wanted = list(instruments)
        fields = [_ID.pack(instrument) for instrument in wanted]
        found = cast("list[bytes | None]", self._redis.hmget(self._prices, fields)) if wanted else []
        return {i: LastPrice(*_LAST.unpack(row)) for i, row in zip(wanted, found, strict=True) if row}

    def have_ticked(self, instruments: Collection[int], after: int) -> bool:
        """Whether any of them may have ticked behind a number: what is not known may."""
        last = self.last_prices(instruments)
        return len(last) < len(instruments) or any(price.tick > after for price in last.values())

    def latest(self) -> NDArray[np.void]:
        """All last prices as records, in the order of instruments."""
        rows = cast("dict[bytes, bytes]", self._redis.hgetall(self._prices))
        return np.sort(np.frombuffer(b"".join(map(bytes.__add__, rows.keys(), rows.values())), LATEST))

    def drop(self) -> None:
        self._redis.delete(self._stream, self._prices)


def _entries(rows: Iterable[Any]) -> list[Entry]:
    return [Entry(int(fields[b"f"]), _number(number), int(fields[b"c"]), fields[b"t"]) for number, fields in rows]


def _number(stream_id: bytes) -> int:
    return int(stream_id.partition(b"-")[0])
