"""Errors, named by what the caller must do.

AlphaPandaError
├── InputError        fix what was given: the message names the field, file or line
├── ConfigurationError  fix the settings or the machine: the message says how
├── StuckError        look at the house: something that should move does not
└── FencedError       stop: another process has taken over, and what was being done is void
"""


class AlphaPandaError(Exception):
    """Root of every error that this project raises on purpose."""


class InputError(AlphaPandaError):
    """What a person or a file gave cannot be used."""


class ConfigurationError(AlphaPandaError):
    """The house cannot run as it is set up."""


class StuckError(AlphaPandaError):
    """What was waited for does not come."""


class FencedError(AlphaPandaError):
    """Another process holds the work now; nothing of ours was written."""
