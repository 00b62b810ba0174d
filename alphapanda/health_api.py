"""Is it alive, is it ready, how much has it done: for supervisors and monitoring, without a login."""

import redis
import structlog
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from alphapanda import metrics as measured
from alphapanda import problems, status

log = structlog.get_logger(__name__)


@require_safe
def live(_: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(_: HttpRequest) -> HttpResponse:
    """503 says what does not work; names that people gave are in the log only, because this is for everybody."""
    checks = status.checks()
    failing = [check for check in checks if not check.ok]
    if not failing:
        return JsonResponse({"status": "ok", "checks": [check.name for check in checks]})
    log.warning("not_ready", **{check.name: check.detail for check in failing})
    errors = {check.name: [check.public] for check in failing}
    return JsonResponse(problems.body(503, "not_ready", f"failing: {', '.join(errors)}", errors), status=503)


@require_safe
def metrics(_: HttpRequest) -> HttpResponse:
    try:
        return HttpResponse(measured.text(), content_type="text/plain; version=0.0.4")
    except (OperationalError, redis.RedisError) as error:
        log.warning("metrics_unavailable", error=type(error).__name__)
        return HttpResponse("", status=503, content_type="text/plain")
