"""The yardstick: what the product does in a second beside its peers, in one run on one machine."""
