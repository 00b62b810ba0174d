"""Ids follow from their causes."""

import copy
import pickle
from uuid import NAMESPACE_DNS, uuid5

from alphapanda.identity import derived_id


def test_an_id_is_the_uuid5_of_its_cause_and_like_any_other():
    made, known = derived_id(NAMESPACE_DNS, "order 3"), uuid5(NAMESPACE_DNS, "order 3")
    assert (made, str(made), made.version, hash(made)) == (known, str(known), 5, hash(known))
    assert pickle.loads(pickle.dumps(derived_id(NAMESPACE_DNS, "order 3"))) == known
    assert (made.is_safe, copy.copy(made), getattr(made, "missing", None)) == (known.is_safe, known, None)


def test_a_chain_of_causes_gives_the_id_of_its_last():
    assert derived_id(NAMESPACE_DNS, "decision", "order") == derived_id(derived_id(NAMESPACE_DNS, "decision"), "order")
