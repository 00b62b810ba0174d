"""What kombu's transport must outlive."""

import pytest
import redis as redis_py
from kombu import Connection, Queue

from alphapanda.celery import app


def test_message_whose_connection_was_lost_is_left_for_later(redis):
    """The task had gone on meanwhile; acknowledging over the closed channel ended the worker."""
    app.send_task("alphapanda.sweep", queue="sweep")
    app.send_task("alphapanda.sweep", queue="sweep")
    with app.connection_for_read() as connection:
        channel = connection.channel()
        queue = Queue("sweep", routing_key="sweep")(channel)
        first, second = queue.get(no_ack=False), queue.get(no_ack=False)
        channel.close()
        first.ack()
        second.reject(requeue=True)
    assert redis.hlen("ap:unacked") == 2


@pytest.mark.parametrize("end", ["ack", "reject", "requeue"])
def test_worker_whose_acknowledgement_got_no_answer_asks_for_more(end, redis):
    """Redis was frozen at that moment: the message counted as held for ever, and the worker fell silent."""
    app.send_task("alphapanda.sweep", queue="sweep")
    options = {**app.conf.broker_transport_options, "socket_timeout": 0.2}
    with Connection(app.conf.broker_url, transport=app.conf.broker_transport, transport_options=options) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        message = Queue("sweep", routing_key="sweep")(channel).get(no_ack=False)
        assert not channel.qos.can_consume()
        redis.client_pause(500)
        with pytest.raises(redis_py.RedisError):
            getattr(message, end)()
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
