"""What the README claims can be done as it stands there."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from alphapanda.environment import CHECKOUT

README = (CHECKOUT / "README.md").read_text()


def commands(*names):
    """The indented lines of the README that call manage.py with one of these commands."""
    lines = re.findall(r"^    \.venv/bin/python manage\.py (.+)$", README, re.M)
    return [shlex.split(line) for line in lines if line.split()[0] in names and "mock.csv" in line]


def test_the_strategy_of_the_readme_trades_in_a_backtest(tmp_path):
    (tmp_path / "my_strategies.py").write_text(re.search(r"```python\n(.*?)```", README, re.S)[1])
    own = re.search(r"USER_STRATEGIES='(.*?)'", README)[1]
    paths = f"{tmp_path}:{CHECKOUT}"
    for arguments in commands("mock_file", "backtest"):
        done = subprocess.run(
            [sys.executable, CHECKOUT / "manage.py", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": paths, "USER_STRATEGIES": own},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert '"faults": {}' in done.stdout
    assert int(re.search(r'"fills": (\d+)', done.stdout)[1]) > 0


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/settings.md"])
def test_every_file_that_is_named_exists(document):
    text = (CHECKOUT / document).read_text()
    named = re.findall(r"`((?:\w+/)+[\w.]+\.(?:py|md|yml|txt))`", text) + re.findall(r"\]\(([\w/.]+\.md)\)", text)
    assert named
    assert [name for name in named if not (CHECKOUT / name).is_file()] == []


def test_every_setting_is_described():
    from alphapanda.environment import Environment

    described = re.findall(r"^\| `(\w+)` \|", (CHECKOUT / "docs/settings.md").read_text(), re.M)
    assert sorted(described) == sorted(name.upper() for name in Environment.model_fields)
