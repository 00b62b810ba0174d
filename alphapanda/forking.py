"""A program of the house as a fork of a process that has everything loaded: there in milliseconds, its memory shared.

It runs what its command says and says so in `ps`, as if it had been executed.
"""

import atexit
import os
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable
from subprocess import TimeoutExpired

from setproctitle import setproctitle

_WAIT_SECONDS = 0.02


class Fork:
    """What subprocess.Popen is to an executed program."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self._note(*os.waitpid(self.pid, os.WNOHANG))
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Errors: TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None and deadline is not None and self.poll() is None:
            if time.monotonic() > deadline:
                raise TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(_WAIT_SECONDS)
        if self.returncode is None:
            self._note(*os.waitpid(self.pid, 0))
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _note(self, pid: int, status: int) -> None:
        if pid:
            self.returncode = os.waitstatus_to_exitcode(status)


def fork(run: Callable[[], None], output: int, mark: int) -> Fork:
    """A child that does `run` and ends. It has no handler of signals and no descriptor but /dev/null, `output` and
    `mark`, by which it is known.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # until the parent's handlers are gone
    pid = os.fork()
    if pid == 0:
        _be_child(run, output, mark, held)
    signal.pthread_sigmask(signal.SIG_SETMASK, held)
    return Fork(pid)


def _be_child(run: Callable[[], None], output: int, mark: int, mask: set[int]) -> None:
    """Never returns: the parent's frames are not ours."""
    code = 1
    try:
        os.setsid()
        _let_go(output, mark)
        _forget_handlers()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        code = _exit_code(run)
    except BaseException:  # noqa: BLE001  (the edge of the process)
        traceback.print_exc()
    finally:
        os._exit(code)


def _let_go(output: int, mark: int) -> None:
    """Other descriptors become /dev/null instead of being closed: what still holds their numbers then does no harm,
    neither to the parent's connections nor to files that would be given those numbers.
    """
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2 and descriptor not in (null, mark):
            os.dup2(null, descriptor, inheritable=False)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", buffering=1, closefd=False)  # noqa: SIM115


def _forget_handlers() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _exit_code(run: Callable[[], None]) -> int:
    """As the interpreter itself ends a program."""
    try:
        run()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001  (the edge of the process)
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def run_command(command: tuple[str, ...]) -> None:
    """`python -m module …` or `python file.py …`, in this process."""
    setproctitle(" ".join(command))
    match command:
        case (_, "-m", module, *arguments):
            sys.argv = [module, *arguments]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case (_, file, *arguments):
            sys.argv = [file, *arguments]
            runpy.run_path(file, run_name="__main__")
