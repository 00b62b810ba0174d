"""What every test has in common."""

from hypothesis import settings

# A busy machine is no failure, and the same tests run every time.
settings.register_profile("house", deadline=None, derandomize=True, database=None)
settings.load_profile("house")
