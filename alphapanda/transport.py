"""Celery's transport over Redis that outlives garbage: kombu 5.7 ends the worker at the first message that it
cannot read, and again after every restart, because others wait behind it.
"""

from __future__ import annotations

from base64 import b64decode
from functools import partial
from typing import Any

import msgspec
import redis
from kombu.transport import redis as kombu_redis

from alphapanda.letterbox import Letter, post, readable


class _Delivery(msgspec.Struct):
    exchange: str
    routing_key: str


class _Properties(msgspec.Struct):
    delivery_tag: str
    delivery_info: _Delivery
    body_encoding: str | None = None


class _Envelope(msgspec.Struct, rename="kebab"):
    """What kombu needs to find in a message before it looks at the task in it."""

    body: str
    properties: _Properties
    content_type: str
    content_encoding: str
    headers: dict[str, Any]


_decode = msgspec.json.Decoder(_Envelope).decode


def check_envelope(message: bytes) -> None:
    """Errors: ValueError saying what kombu would stumble over."""
    envelope = _decode(message)
    if envelope.properties.body_encoding == "base64":
        b64decode(envelope.body)


class Reader(kombu_redis.PrefixedStrictRedis):
    """An unreadable message is put aside, and nothing came."""

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        answer = super().parse_response(connection, command_name, **options)
        if command_name != "BRPOP" or not answer:
            return answer
        queue, message = answer
        try:
            check_envelope(message)
        except ValueError as error:
            post(Letter(reason=f"not a message: {error}", queue=queue.decode(), body=readable(message)))
            return None
        return answer


class Channel(kombu_redis.Channel):
    # Celery would give back what it holds at the close, and over a lost connection that ends the worker.
    do_restore = False

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """What cannot be given back no longer counts as held: with one message at a time a worker would never ask for
        another, and so never notice that its connection is gone. The sweep sends it again. What comes after its
        connection was lost is left alone; kombu would end the worker.
        """
        try:
            super().basic_reject(delivery_tag, requeue and not self.closed)
        except redis.RedisError:
            self.basic_ack(delivery_tag)
            raise

    _sender: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """One client for whatever is sent over a pool: kombu makes one for each command, a tenth of a millisecond."""
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[misc]
        if self._sender is None or self._sender.connection_pool is not self.pool:
            self._sender = super()._create_client()  # type: ignore[misc]
        return self._sender

    def _get_client(self) -> Any:
        return partial(Reader, global_keyprefix=self.global_keyprefix)


class Transport(kombu_redis.Transport):
    Channel = Channel
