"""Where the peers live, and how a script of ours is run there."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
OURS = Path(sys.executable)
PEERS = CHECKOUT / "bench/.venv/bin/python"
VECTORBT = CHECKOUT / "bench/.venv-vectorbt/bin/python"


def run(
    python: Path, module: str, *arguments: object, environment: Mapping[str, str] | None = None, seconds: float = 600
) -> str:
    """What the module printed. Errors: RuntimeError with what it complained of."""
    done = subprocess.run(
        [python, "-m", module, *map(str, arguments)],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
    return done.stdout
