"""How far a replay may be ahead of its readers."""

import pytest

from trading.packing import PLAIN, WIDE
from trading.progress import most_ahead


@pytest.mark.parametrize(
    ("redis_full", "plain", "wide"), [(0.7, 1_111_111, 203_045), (-1.0, 222_222, 40_609)], ids=["room", "crowded"]
)
def test_it_is_a_matter_of_bytes_and_fewer_of_them_where_redis_fills_up(redis, settings, redis_full, plain, wide):
    settings.REDIS_FULL = redis_full
    assert (most_ahead(PLAIN.size), most_ahead(WIDE.size)) == (plain, wide)
