"""States of strategies as they are kept, read."""

from __future__ import annotations

import json
from typing import Any

from strategies.panel import unpacked_states
from strategies.runner import QUIET


def stated(text: str) -> dict[str, Any]:
    """State of each instrument by its id, from the JSON of `Runner.dump`, whether it had a panel or none."""
    states: dict[str, Any] = json.loads(text)
    if panel := states.pop("panel", None):
        busy = panel["busy"]
        states |= {str(i): {**state, "busy": busy.get(str(i), QUIET)} for i, state in unpacked_states(panel).items()}
    return states


def signalled(state: dict[str, Any]) -> set[int]:
    """The instruments in which a strategy has signalled, from the state of its runner."""
    return {int(i) for i, values in state.items() if values["target"] or values.get("busy", QUIET) != QUIET}
