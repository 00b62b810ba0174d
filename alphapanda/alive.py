"""Whether a process of this machine still runs."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """A process that was killed and not yet reaped is still listed, but does and holds nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
