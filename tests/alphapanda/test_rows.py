"""Rows made without the constructor are those that it makes."""

from uuid import uuid4

import pytest

from alphapanda.rows import new
from risk.models import Decision
from trading.models import Fill, Order


@pytest.mark.parametrize("model", [Decision, Order, Fill])
def test_what_is_not_given_is_the_default(model):
    given = {"id": uuid4(), "portfolio_id": 3, "created_at": None}
    made, usual = new(model, **given), model(**given)
    names = [field.attname for field in model._meta.concrete_fields]
    assert [getattr(made, name) for name in names] == [getattr(usual, name) for name in names]
    assert (made, made._state.adding) == (usual, True)


def test_defaults_are_made_anew_for_each_row():
    first, second = new(Decision), new(Decision)
    first.verdicts.append("x")
    assert (second.verdicts, second.created_at >= first.created_at) == ([], True)


def test_what_is_no_column_is_refused():
    with pytest.raises(TypeError, match="Fill has no column 'prise'"):
        new(Fill, prise=5)
