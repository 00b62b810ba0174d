"""DATABASE_URL → Django's settings of a database."""

from typing import Any
from urllib.parse import unquote, urlsplit

from alphapanda.errors import ConfigurationError

_OPTIONS = {
    "connect_timeout": 5,
    "options": "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=5s",
}


def parse_database_url(url: str) -> dict[str, Any]:
    """`postgresql://user:password@host:port/name`; the error never shows the password."""
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
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _OPTIONS,
    }
