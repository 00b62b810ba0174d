from decimal import Decimal

from trading.catalogue import Catalogue
from trading.instrument import Instrument

SBIN = Instrument(7, "SBIN", Decimal("0.05"), token=779521)


def test_instruments_are_found_by_symbol_token_and_id():
    catalogue = Catalogue([SBIN])
    assert catalogue.lookup("SBIN") is catalogue.lookup(779521) is catalogue.by_id[7] is SBIN


def test_an_unknown_symbol_gets_the_next_place_once():
    catalogue = Catalogue([SBIN])
    added = catalogue.add_unknown("NIFTY 50", Decimal("0.05"))
    assert added == Instrument(8, "NIFTY 50", Decimal("0.05"), lot_size=1, token=None)
    assert catalogue.lookup("NIFTY 50") is added
    assert list(catalogue) == [SBIN, added]


def test_an_unknown_token_becomes_a_symbol():
    catalogue = Catalogue([])
    added = catalogue.add_unknown(256265, Decimal("0.05"))
    assert (added.id, added.symbol, added.token) == (1, "256265", None)
    assert catalogue.lookup(256265) is added


def test_the_first_of_two_with_one_symbol_has_it():
    twin = Instrument(8, "SBIN", Decimal("0.05"), exchange="BSE")
    assert Catalogue([SBIN, twin]).lookup("SBIN") is SBIN
