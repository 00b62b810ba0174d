"""Whole numbers of many instruments as short text: a state of thousands of windows is written in a millisecond.

As JSON numbers 90,000 windows of 15 prices took 0.9 s of Python and 0.5 s of PostgreSQL.
"""

from __future__ import annotations

import msgspec
import numpy as np

from trading.columns import Column

WIDTHS = (1, 2, 4, 8)  # bytes
SOME = 64  # whose common step nearly always is that of all


def packed(values: Column) -> str:
    """Flat: what they are at least, a step that they all are multiples of from there, bytes of each, and these."""
    least, most = (int(values.min()), int(values.max())) if values.size else (0, 0)
    narrow = np.uint32 if most - least < 2**32 else np.uint64  # of half the bytes, 140,000 take 0.8 ms, not 1.4
    above = (values - least).ravel().astype(narrow)
    step = int(np.gcd.reduce(above[:SOME])) or 1
    steps = above // step
    if (steps * step != above).any():
        step = int(np.gcd.reduce(above))
        steps = above // step
    width = next(width for width in WIDTHS if (most - least) // step < 2 ** (8 * width))
    encoded = msgspec.to_builtins(steps.astype(f"<u{width}").tobytes())  # base64: in two thirds of the standard's time
    return f"{least} {step} {width} {encoded}"


def unpacked(text: str) -> Column:
    """What wraps around on the way comes back to where it was: only what comes out has to fit."""
    least, step, width, encoded = text.split(" ")
    decoded = msgspec.convert(encoded, bytes)  # 24,000 take 10 µs, by the standard library 44
    values = np.frombuffer(decoded, f"<u{width}").astype(np.int64)
    values *= np.uint64(step).astype(np.int64)
    values += int(least)
    return values
