"""`python -m bench`: measures, prints a table, writes bench/results.json. Ends with 1 when something failed."""

import os
import signal
import sys
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import django

from bench.report import RESULTS, Row, markdown, read, table, write
from bench.size import FULL, QUICK, Size

# Names of the rows by the module that measures them, in the order of their run.
MODULES = {
    "backtest": ("backtest", "backtest_floor"),
    "pipeline_evaluations": ("pipeline_evaluations", "pipeline_floor"),
    "firehose": ("firehose", "tick_to_fill"),
    "fills": ("fills",),
    "growth": ("growth",),
    "api": ("api",),
    "start": ("start",),
}
NAMES = [name for names in MODULES.values() for name in names]


def main() -> int:
    given = _arguments()
    if given.list:
        print("\n".join(NAMES))
        return 0
    if given.markdown:
        print(markdown(read(given.out)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    modules = [module for module, names in MODULES.items() if not given.only or set(given.only) & set(names)]
    with TemporaryDirectory(prefix="alphapanda-bench-") as home:
        set_up_django(Path(home))
        rows, failed = measure(modules, QUICK if given.quick else FULL, given.out)
    print("\n" + table(rows))
    for name in failed:
        print(f"FAILED {name}", file=sys.stderr)
    return 1 if failed else 0


def _arguments() -> Namespace:
    parser = ArgumentParser("python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="in 3 minutes, for a rough idea")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help="not everything")
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--markdown", action="store_true", help="print the last results as markdown")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the rows are written")
    return parser.parse_args()


def measure(modules: Iterable[str], size: Size, out: Path) -> tuple[list[Row], list[str]]:
    """All rows, also written after each module, and the names of modules that failed."""
    rows: list[Row] = []
    failed = []
    for name in modules:
        begun = monotonic()
        try:
            with TemporaryDirectory(prefix=f"alphapanda-bench-{name}-") as folder:
                for row in import_module(f"bench.{name}").run(size, Path(folder)):
                    rows.append(row)  # one by one: those before a failure are kept
        except Exception:  # noqa: BLE001  (one that fails must not hide the others)
            traceback.print_exc()
            failed.append(name)
        write(rows, out)
        print(f"{name}: {monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return rows, failed


def set_up_django(home: Path) -> None:
    """For this process, which then borrows the servers of one house after the other. Queues of up to 4 shards."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="alphapanda.settings",
        ALPHAPANDA_HOME=str(home),
        STRATEGY_SHARDS="4",
        LOG_LEVEL="WARNING",
        USER_STRATEGIES='["bench.strategies.Flip"]',
    )
    django.setup()


if __name__ == "__main__":
    sys.exit(main())
