"""Every error of the API in one shape: `{"type", "title", "detail", "errors"}`."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import redis
import structlog
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from alphapanda.errors import InputError

log = structlog.get_logger(__name__)
Errors = dict[str, list[str]]


def body(status: int, kind: str, detail: str, errors: Errors | None = None) -> dict[str, Any]:
    return {"type": kind, "title": HTTPStatus(status).phrase, "detail": detail, "errors": errors or {}}


def problem(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. What nobody expected is logged whole and answered with nothing of it."""
    set_rollback()
    if isinstance(error, InputError):
        return Response(body(400, "invalid", str(error)), 400)
    if isinstance(error, (OperationalError, redis.RedisError)):
        log.error("server_does_not_answer", error=type(error).__name__)
        return Response(body(503, "unavailable", "a server behind this one does not answer; try again"), 503)
    known = _as_api_error(error)
    if known is None:
        log.error("request_failed", view=type(context.get("view")).__name__, exc_info=error)
        return Response(body(500, "error", "this is our fault; it has been logged"), 500)
    return Response(_described(known), known.status_code, headers=_headers(known))


def _as_api_error(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    return error if isinstance(error, exceptions.APIException) else None


def _described(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        errors = _by_field(error.detail)
        detail = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items())
        return body(error.status_code, "invalid", detail, errors)
    given: object = error.detail
    text = str(given.get("detail", error.default_detail) if isinstance(given, dict) else given)
    codes = error.get_codes()
    kind = codes if isinstance(codes, str) else error.default_code
    return body(error.status_code, kind, text)


def _by_field(detail: Any) -> Errors:
    errors: Errors = {}
    for path, text in _leaves(detail, ()):
        errors.setdefault(".".join(path) or "request", []).append(text)
    return errors


def _leaves(detail: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _leaves(inner, path if name == "non_field_errors" else (*path, str(name)))
    elif isinstance(detail, (list, tuple)):
        for inner in detail:
            yield from _leaves(inner, path)
    else:
        yield path, str(detail)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    wait, scheme = getattr(error, "wait", None), getattr(error, "auth_header", None)
    return {
        **({"Retry-After": str(int(wait))} if wait else {}),
        **({"WWW-Authenticate": scheme} if scheme else {}),
    }


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return JsonResponse(body(400, "invalid", "the request is malformed"), status=400)
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return JsonResponse(body(404, "not_found", "there is nothing at this address"), status=404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    if is_api(request):
        return JsonResponse(body(500, "error", "this is our fault; it has been logged"), status=500)
    return defaults.server_error(request)


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")
