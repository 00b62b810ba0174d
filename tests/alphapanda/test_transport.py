"""What kombu's transport must outlive."""

from contextlib import contextmanager

import pytest
import redis as redis_py
from kombu import Connection, Queue

from alphapanda.celery import app


@contextmanager
def held(**options):
    """A message in the hands of a channel that takes one at a time."""
    app.send_task("alphapanda.sweep", queue="sweep")
    options = {**app.conf.broker_transport_options, **options}
    with Connection(app.conf.broker_url, transport=app.conf.broker_transport, transport_options=options) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        message = Queue("sweep", routing_key="sweep")(channel).get(no_ack=False)
        assert not channel.qos.can_consume()
        yield channel, message


@pytest.mark.parametrize("end", ["ack", "reject", "requeue"])
def test_message_whose_connection_was_lost_is_left_alone(end, redis):
    """The task had gone on meanwhile; giving it back over the closed channel ended the worker."""
    with held() as (channel, message):
        channel.close()
        getattr(message, end)()
    assert not redis.exists("ap:sweep")


@pytest.mark.parametrize(("end", "waiting"), [("ack", 0), ("reject", 0), ("requeue", 1)])
def test_nobody_keeps_who_holds_what_and_a_killed_child_gives_its_message_back(end, waiting, redis):
    with held() as (channel, message):
        assert redis.keys("ap:*") == []
        getattr(message, end)()
        assert channel.qos.can_consume()
    assert redis.llen("ap:sweep") == waiting


def test_worker_that_cannot_give_a_message_back_asks_for_more(redis):
    """Redis was frozen at that moment: the message counted as held for ever, and the worker fell silent."""
    with held(socket_timeout=0.2) as (channel, message):
        redis.client_pause(500)
        with pytest.raises(redis_py.RedisError):
            message.requeue()
        assert channel.qos.can_consume()
        redis.ping()  # answered when it is over


def test_one_client_sends_over_a_pool_and_a_new_pool_gets_another(redis):
    with app.connection_for_write() as connection:
        channel = connection.channel()
        first = channel._create_client()
        assert channel._create_client() is first
        channel._disconnect_pools()
        assert channel._create_client().connection_pool is not first.connection_pool
        assert channel._create_client().ping()
