"""`manage.py up`: the whole house on this machine, until Ctrl-C."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict

import redis
import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import connection

from alphapanda.errors import ConfigurationError
from alphapanda.house import House, held, make_plan, settle
from alphapanda.live_view import HouseStatus, LiveView
from alphapanda.numbers import Numbers
from alphapanda.ports import Reservations
from alphapanda.settings import env
from alphapanda.supervisor import Stopped

log = structlog.get_logger(__name__)
_SHOW_SECONDS = 1.0
_LOG_SECONDS = 10.0


class Command(BaseCommand):
    help = "Starts everything on this machine and keeps it running until Ctrl-C."
    requires_system_checks = ("pipeline",)  # others may ask the database, which is not up yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--feed", choices=("mock", "none", "kite"), default="mock")
        parser.add_argument("--no-web", action="store_true", help="without the API and the admin")

    def handle(self, *, feed: str, no_web: bool, **_: object) -> None:
        try:
            with held(env.alphapanda_home), Reservations() as ports:
                settle(env)
                plan = make_plan(env, ports, with_web=not no_web)
                live_in(House(env, plan, feed, say if sys.stdout.isatty() else log.info))
        except ConfigurationError as error:
            raise CommandError(str(error)) from error


def live_in(house: House) -> None:
    """However it ends, everything that was started is ended."""
    house.supervisor.heed_signals()
    try:
        with suppress(Stopped):
            house.open()
            print_addresses(house)
            keep(house)
    finally:
        house.close()


def print_addresses(house: House) -> None:
    lines = [f"ready {house.url}", f"flower {house.flower_url}"]
    if house.url:
        lines.insert(1, f"admin {house.url}/admin/")
    lines.append(f"login demo, password in {house.password_place}")
    print("\n".join(lines), flush=True)


def keep(house: House) -> None:
    numbers = Numbers()
    if not sys.stdout.isatty():
        house.keep(every(_LOG_SECONDS, lambda: log.info("status", **asdict(status(numbers)), **house.troubles())))
        return
    with LiveView() as view:
        house.supervisor.report = view.note
        house.keep(every(_SHOW_SECONDS, lambda: view.show(status(numbers), house.states())))
    house.supervisor.report = say


def status(numbers: Numbers) -> HouseStatus:
    """Without numbers while the servers are away: the house must go on to bring them back."""
    try:
        return numbers.look()
    except (DatabaseError, redis.RedisError, TimeoutError):
        connection.close()
        return HouseStatus()


def every(seconds: float, act: Callable[[], None]) -> Callable[[], None]:
    """A look that acts only when that much time has passed."""
    due = time.monotonic()

    def look() -> None:
        nonlocal due
        if time.monotonic() >= due:
            act()
            due = time.monotonic() + seconds

    return look


def say(event: str, **fields: object) -> None:
    words = " ".join(f"{key}={value}" for key, value in fields.items() if key != "part")
    with suppress(OSError):  # the terminal may be gone; the house is still to be closed
        print(event, fields.get("part", ""), words, flush=True)
