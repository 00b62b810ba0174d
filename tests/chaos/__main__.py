"""`make chaos`: faults in a running house, and the ledger must not notice."""

import json
import os
import signal
import sys
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path

from tests.servers import _OURS, temporary_home

USER_STRATEGIES = ["tests.chaos.sample.Patient", "tests.chaos.sample.Fisher"]


def main() -> int:
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    with ExitStack() as stack:
        home = stack.enter_context(temporary_home("chaos"))
        if options.keep:
            stack.pop_all()
            print(f"home {home}", flush=True)  # noqa: T201
        prepare_environment(home)
        return run(home, options)


def read_options() -> Namespace:
    parser = ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=50)
    parser.add_argument("--data", type=Path, nargs="+", metavar="FILE", help="ticks or bars; seeded bars without it")
    parser.add_argument("--days", type=int, default=2, help="of seeded bars")
    parser.add_argument("--seconds", type=float, default=90, help="that a replay lasts without faults")
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="only these faults")
    parser.add_argument("--keep", action="store_true", help="leave the home with its logs")
    return parser.parse_args()


def prepare_environment(home: Path) -> None:
    """Before Django reads its settings: nothing of the caller's own house."""
    for name in ("DATABASE_URL", "REDIS_URL", *_OURS):
        os.environ.pop(name, None)
    os.environ["ALPHAPANDA_HOME"] = str(home)
    os.environ["USER_STRATEGIES"] = json.dumps(USER_STRATEGIES)
    os.environ["DJANGO_SETTINGS_MODULE"] = "alphapanda.settings"


def run(home: Path, options: Namespace) -> int:
    import django

    django.setup()
    from tests.chaos import chaos

    return chaos.run(home, options)


if __name__ == "__main__":
    sys.exit(main())
