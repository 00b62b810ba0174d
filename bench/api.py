"""api: a portfolio's page and the list of its fills, with many fills in the table against a thousand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from platform import python_version
from time import perf_counter

from django.contrib.auth.models import User
from django.db import connection as database

from alphapanda import embedded, ports, processes, program
from alphapanda.ports import LOOPBACK
from bench import naive, peers
from bench.house import temporary_home, use_servers, wait_for
from bench.replay import Wanted, add_strategies, balanced_portfolio, bench_instruments
from bench.report import Row, less_is_better, more_is_better, percentile
from bench.size import Size
from portfolio.models import Position
from trading.markets import open_market
from trading.models import Fill, Market

FEW = 1_000
BLOCK = 25  # requests to one side before it is the other's turn
PASSWORD = "bench on loopback"  # noqa: S105
# What differs from row to row; all other columns are copied.
VARIES = {"id": "gen_random_uuid()", "n": "g", "tick": "g", "exchange_time": "exchange_time + g * interval '1 second'"}


@dataclass(slots=True)
class Side:
    """A web process on a database with so many fills; milliseconds of each request by page."""

    fills: int
    connection: HTTPConnection
    token: str = ""
    taken: dict[str, list[float]] = field(default_factory=dict)


def run(size: Size, folder: Path) -> Iterator[Row]:
    with temporary_home() as home, embedded.running(home) as kept:
        portfolio = _databases(home, size.many_fills)
        with _web(home, kept, "few", FEW) as few, _web(home, kept, "many", size.many_fills) as many:
            for side in (few, many):
                side.token = _login(side.connection)
            pages = {"portfolio": f"/api/portfolios/{portfolio}/", "fills": f"/api/fills/?portfolio={portfolio}"}
            for name, path in pages.items():
                _alternate(name, path, (few, many), size.requests)
                yield from _rows(name, few, many)


def _databases(home: Path, fills: int) -> int:
    """Two that are equal but for the number of fills; returns the portfolio's id."""
    environment = {**os.environ, "ALPHAPANDA_HOME": str(home), "DEMO_PASSWORD": PASSWORD}
    for command in ("migrate", "seed"):
        peers.run(peers.OURS, "manage", command, environment=environment)
    use_servers(home, 1)
    portfolio = _traded_once()
    own = database.settings_dict["NAME"]
    for name, count in (("few", FEW), ("many", fills)):
        _connect("postgres")
        _execute(f'CREATE DATABASE {name} TEMPLATE "{own}"')
        _connect(name)
        _execute(_more_fills(), [count])
        _execute("VACUUM ANALYZE")
    database.close()
    return portfolio


def _traded_once() -> int:
    market = open_market("api", Market.Kind.REPLAY, range(1), is_active=False)
    portfolio = balanced_portfolio("api", 0, 1, market)
    instruments = bench_instruments(1)
    add_strategies(portfolio, [Wanted("flip", {}, (1,))], instruments)
    (strategy,) = portfolio.strategies.all()
    Position.objects.create(portfolio=portfolio, strategy=strategy, instrument=instruments[0])
    naive.book(naive.execute(naive.decide(naive.evaluate(strategy.pk, 1, "100"))))
    assert User.objects.filter(portfolios=portfolio).exists()
    return portfolio.pk


def _more_fills() -> str:
    columns = [column.column for column in Fill._meta.concrete_fields]
    values = ", ".join(VARIES.get(name, f'"{name}"') for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    table = Fill._meta.db_table
    return f'INSERT INTO "{table}" ({named}) SELECT {values} FROM "{table}", generate_series(2, %s) g'  # noqa: S608


def _connect(name: str) -> None:
    database.close()
    database.settings_dict["NAME"] = name
    database.settings_dict["OPTIONS"] = {}  # no time limits: this is no request


def _execute(statement: str, arguments: list[int] | None = None) -> None:
    with database.cursor() as cursor:
        cursor.execute(statement, arguments)


@contextmanager
def _web(home: Path, kept: embedded.Addresses, name: str, fills: int) -> Iterator[Side]:
    """As the house starts it, on a database and a part of Redis of its own."""
    url = kept.database_url.rpartition("/")[0] + f"/{name}"
    part = {"few": 1, "many": 2}[name]
    web = processes.web(port := ports.find_free())
    environment = {
        **web.environment,
        "ALPHAPANDA_HOME": str(home),
        "DATABASE_URL": url,
        "REDIS_URL": kept.redis_url.rpartition("/")[0] + f"/{part}",
    }
    child = program.start(replace(web, name=name, environment=environment), home)
    try:
        wait_for(web.is_ready, 60, "the web process answers")
        yield Side(fills, HTTPConnection(LOOPBACK, port))
    finally:
        program.kill(child)


def _login(connection: HTTPConnection) -> str:
    body = json.dumps({"username": "demo", "password": PASSWORD})
    connection.request("POST", "/api/auth/token/", body, {"Content-Type": "application/json"})
    return str(json.loads(connection.getresponse().read())["access"])


def _alternate(name: str, path: str, sides: tuple[Side, Side], requests: int) -> None:
    for side in sides:
        _ask(side, path, BLOCK)
        side.taken[name] = []
    for _ in range(0, requests, BLOCK):
        for side in sides:
            side.taken[name] += _ask(side, path, BLOCK)


def _ask(side: Side, path: str, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        begun = perf_counter()
        side.connection.request("GET", path, headers={"Authorization": f"Bearer {side.token}"})
        answer = side.connection.getresponse()
        answer.read()
        taken.append((perf_counter() - begun) * 1_000)
        assert answer.status == 200, f"{path}: {answer.status}"
    return taken


def _rows(name: str, few: Side, many: Side) -> Iterator[Row]:
    ours, other = many.taken[name], few.taken[name]
    against = f"the same with {few.fills:,} fills"
    text = (
        f"{name} page with {many.fills:,} fills of its portfolio in the table; a web process for each side as the "
        f"house starts it, Python {python_version()}; {len(ours):,} requests one after the other on a kept connection, "
        f"{BLOCK} by turns"
    )
    slowest, usual = percentile(ours, 0.99), percentile(other, 0.99)
    yield less_is_better("api", slowest, f"ms {name}, p99", against, usual, text)
    rates = (1_000 * len(taken) / sum(taken) for taken in (ours, other))
    yield more_is_better("api", next(rates), f"requests/s {name}", against, next(rates), text)
