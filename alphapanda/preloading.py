"""What the forked processes of a house have in common, and what each of them has for itself."""

import gc
from importlib import import_module

from django.conf import settings
from django.db import connections

from alphapanda.celery import app
from alphapanda.connection import connection
from alphapanda.database import parse_database_url
from alphapanda.environment import read_environment

_MODULES = (
    *("alphapanda.urls", "alphapanda.asgi", "uvicorn.main", "flower.command", "celery.apps.beat"),
    *("celery.bin.celery", "celery.apps.worker", "celery.concurrency.prefork", "celery.worker.consumer"),
    *("alphapanda.transport", "alphapanda.consumer", "alphapanda.pool"),
)


def preload() -> None:
    """Loads what the programs need, and keeps the collector from touching it: untouched memory is shared."""
    for name in _MODULES:
        import_module(name)
    app.loader.import_default_modules()
    app.finalize()
    gc.collect()
    gc.freeze()


def begin_anew() -> None:
    """First thing in a fork: the parent's connections are not ours, and the environment may have changed."""
    connection.cache_clear()
    connections.close_all()
    environment = read_environment()
    pooled = environment.database_pool
    settings.DATABASES["default"].update(parse_database_url(environment.database_url, pooled=pooled))
