"""Server-sent events: what happens in a person's portfolios, as it happens.

The Redis stream is bounded and may be cut: a listener that needs every row reads rows.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, renderers, views
from rest_framework.request import Request

from alphapanda.api import portfolios_of, user_of
from alphapanda.events import STREAM

ALIVE_SECONDS = 15  # a comment this often shows both sides that the other one is there
LIFE_SECONDS = 900  # as long as a token: the listener comes back and is looked at again
MOST_LISTENERS = 100  # of one web process
_listeners = {"count": 0}
_Entry = tuple[bytes, dict[bytes, bytes]]


class Busy(exceptions.APIException):
    status_code = 503
    default_code = "busy"
    default_detail = "too many listeners; try again later"


class Events(views.APIView):
    @extend_schema(responses={(200, "text/event-stream"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponseBase:
        """Goes on behind the header Last-Event-ID where it is given, with what comes otherwise."""
        last = request.headers.get("Last-Event-ID", "")
        if last and not re.fullmatch(r"\d{1,15}-\d{1,15}", last):
            raise exceptions.ValidationError({"Last-Event-ID": "must be the id of an event of this stream"})
        if _listeners["count"] >= MOST_LISTENERS:
            raise Busy
        audience = Audience(request, is_staff=user_of(request).is_staff)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(listen(audience, last), content_type="text/event-stream", headers=headers)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """A browser's EventSource accepts nothing but its own type; errors are JSON all the same."""
        return renderers.JSONRenderer(), "application/json"


@dataclass(slots=True)
class Audience:
    """One listener. Portfolios never change hands, so each is looked up once."""

    request: Request
    is_staff: bool
    mine: dict[int, bool] = field(default_factory=dict)

    async def may_see(self, data: dict[str, Any]) -> bool:
        """An event without a portfolio is about a market, one of no portfolio about everybody's."""
        if self.is_staff:
            return True
        if "portfolio_id" not in data or data["portfolio_id"] is None:
            return "portfolio_id" in data
        pk = int(data["portfolio_id"])
        if pk not in self.mine:
            self.mine[pk] = await sync_to_async(portfolios_of(self.request).filter(pk=pk).exists)()
        return self.mine[pk]


async def listen(audience: Audience, last: str) -> AsyncIterator[bytes]:
    """Ends by itself, or when Redis is gone; the listener comes back with the last id it got."""
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=ALIVE_SECONDS * 2)
    end = monotonic() + LIFE_SECONDS
    _listeners["count"] += 1
    try:
        place = last or await _end_of_stream(client)
        yield b"retry: 2000\n\n"
        while monotonic() < end:
            entries = await _next(client, place)
            for place, text in entries:
                if await audience.may_see(json.loads(text)["data"]):
                    yield _written(place, text)
            if not entries:
                yield b": alive\n\n"
    except redis.RedisError:
        return
    finally:
        _listeners["count"] -= 1
        await client.aclose()


async def _end_of_stream(client: "redis.asyncio.Redis") -> str:
    newest = cast("list[_Entry]", await client.xrevrange(STREAM, count=1))
    return newest[0][0].decode() if newest else "0-0"


async def _next(client: "redis.asyncio.Redis", place: str) -> list[tuple[str, bytes]]:
    answer = await client.xread({STREAM: place}, count=100, block=ALIVE_SECONDS * 1000)
    streams = cast("list[tuple[bytes, list[_Entry]]]", answer)
    entries = streams[0][1] if streams else []
    return [(identity.decode(), fields[b"event"]) for identity, fields in entries]


def _written(identity: str, text: bytes) -> bytes:
    kind = json.loads(text)["type"]
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (identity.encode(), kind.encode(), text)
