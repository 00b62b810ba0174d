"""What kombu's transport must outlive."""

from kombu import Queue

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
