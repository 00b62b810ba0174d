"""DATABASE_URL → Django's settings of a database."""

from typing import Any
from urllib.parse import unquote, urlsplit

from alphapanda.errors import ConfigurationError

_OPTIONS = {
    "connect_timeout": 5,
    # Packets that vanish without a reset: no server's timeout ends that, and a thread of the web process has none.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "prepare_threshold": 0,  # Django forbids what `statements.py` does; its own statements are never prepared
    "options": "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=5s",
}
_POOL = {"min_size": 1, "max_size": 10, "timeout": 10}


def parse_database_url(url: str, *, pooled: bool = False) -> dict[str, Any]:
    """`postgresql://user:password@host:port/name`; the error never shows the password.

    Workers keep one connection each. The web process answers every request in another thread and shares a
    pool: connections kept by threads would pile up.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise ConfigurationError("DATABASE_URL must look like postgresql://user:password@host:5432/name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.strip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or 5432,
        "CONN_MAX_AGE": 0 if pooled else None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**_OPTIONS, **({"pool": _POOL} if pooled else {})},
    }
