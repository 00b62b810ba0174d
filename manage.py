#!/usr/bin/env python
"""Every command of Alpha Panda: `python manage.py help`."""

import os
import sys

from django.core.management import execute_from_command_line

from alphapanda.errors import AlphaPandaError

INTERRUPTED = 130


def main() -> None:
    """What a person can mend is one line on standard error, never a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
    try:
        execute_from_command_line(sys.argv)
    except AlphaPandaError as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
