"""One script for each engine: the same rule over the same ticks, in a process of its own.

`python -m bench.engines.NAME DATA TICKS` prints what it took and what it traded as JSON. Those of peers run in the
peers' environment and import nothing of the product.
"""
