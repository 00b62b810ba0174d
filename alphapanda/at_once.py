"""A stage without a message, in the process that would have sent it: the same work under the same locks, or none."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import redis
import structlog
from celery.exceptions import SoftTimeLimitExceeded

log = structlog.get_logger(__name__)
SLOW_SECONDS, LEFT_SECONDS = 0.05, 10.0
_left: dict[int, float] = {}  # portfolios that took long, and until when they are left to others


def at_once(portfolio: int, work: Callable[[], bool]) -> bool | None:
    """What the work returns. None where a message is needed all the same: another process has the portfolio, it was
    slow lately, or the work fails, which its task must tell.
    """
    begun = monotonic()
    if _left.get(portfolio, begun) > begun:
        return None
    try:
        return bool(work())
    except (SoftTimeLimitExceeded, MemoryError, redis.RedisError):
        raise  # they are about this process
    except Exception as error:  # noqa: BLE001
        log.info("not_at_once", portfolio=portfolio, reason=repr(error))
        return None
    finally:
        if monotonic() - begun > SLOW_SECONDS:
            _left[portfolio] = monotonic() + LEFT_SECONDS
