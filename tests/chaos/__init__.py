"""The guarantees as an experiment: a seeded saboteur in a house, its ledger held against an undisturbed one."""
