import json
from decimal import Decimal

import pytest

from trading.instrument import Instrument
from trading.session import SECOND
from trading.validation import Validator

SBIN = Instrument(1, "SBIN", Decimal("0.05"))
TCS = Instrument(2, "TCS", Decimal("0.10"))


def verdicts(validator, prices):
    return [validator.check(SBIN, price, time) for time, price in enumerate(prices)]


@pytest.mark.parametrize(
    ("price", "reason"),
    [(0, "bad_price"), (-5, "bad_price"), (400, None), (401, "jump"), (25, None), (24, "jump")],
)
def test_a_price_is_compared_with_the_last_accepted_one(price, reason):
    validator = Validator()
    validator.check(SBIN, 100, 0)
    assert validator.check(SBIN, price, 1) == reason


def test_a_refused_price_does_not_become_the_measure():
    assert verdicts(Validator(), [100, 1000, 100, 1000, 100]) == [None, "jump", None, "jump", None]


def test_twenty_refused_prices_that_agree_make_the_next_one_the_new_level():
    result = verdicts(Validator(), [100, *[1000] * 21, 1010, 100])
    assert result == [None, *["jump"] * 20, None, None, "jump"]


def test_a_disagreeing_price_starts_the_count_again():
    prices = [100, *[1000] * 19, 1, *[1000] * 21]
    assert verdicts(Validator(), prices) == [None, *["jump"] * 40, None]


def test_an_accepted_price_starts_the_count_again():
    prices = [100, *[1000] * 20, 100, *[1000] * 20]
    assert verdicts(Validator(), prices) == [None, *["jump"] * 20, None, *["jump"] * 20]


def test_time_may_stand_still_but_not_go_back():
    validator = Validator()
    assert [validator.check(SBIN, 100, time) for time in (5, 5, 4)] == [None, None, "time_went_back"]


def test_instruments_do_not_share_their_history():
    validator = Validator()
    validator.check(SBIN, 100, 5)
    assert validator.check(TCS, 100_000, 4) is None


@pytest.mark.parametrize(("ahead", "reason"), [(60 * SECOND, None), (60 * SECOND + 1, "future")])
def test_a_live_price_from_the_future_is_refused(ahead, reason):
    assert Validator().check(SBIN, 100, 1000 + ahead, now=1000) == reason


def test_a_loaded_validator_goes_on_where_the_dumped_one_stopped():
    first, second = Validator(), Validator()
    verdicts(first, [100, *[1000] * 20])
    second.load(json.loads(json.dumps(first.dump())))
    assert second.refused == {"jump": 20}
    assert second.check(SBIN, 1000, 99) is None
