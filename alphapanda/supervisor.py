"""Keeps the programs of one house running, and ends all of them.

One thread: the kernel ends a child together with the thread that started it, which is how a SIGKILL of the
supervisor leaves nothing behind.
"""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from alphapanda import program as programs
from alphapanda.errors import ConfigurationError
from alphapanda.heartbeat import EXPIRY_SECONDS, Listener, beat_key
from alphapanda.program import Child, Program

LOOK_SECONDS = 0.2
KILL_SECONDS = 12.0  # after the first signal; a worker's soft shutdown takes 5
KILL_SERVERS_SECONDS = 14.5
_HEALTHY_SECONDS = 10.0  # who has run that long starts again at once
_SLOWEST_RESTART_SECONDS = 15.0
_SILENT_SECONDS = 5.0  # of it the beat's expiry passes first; the rest outlives a wipe of Redis
_LOGS_SECONDS = 30.0
_HOPELESS = 4  # deaths while the house is being set up
_FIRST_BEAT_SECONDS = 60.0
_RECONNECT_SECONDS = 10.0  # after Redis was away


class Report(Protocol):
    def __call__(self, event: str, **fields: object) -> None: ...


@dataclass(slots=True)
class Post:
    """A program, the child that does it now, and what is known of its health (monotonic seconds)."""

    program: Program
    child: Child | None = None
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0
    silent_at: float = 0.0

    @property
    def beat_key(self) -> str | None:
        return beat_key(self.program.node, self.child.pid) if self.program.node and self.child else None

    @property
    def state(self) -> str:
        return "running" if self.child else f"starts again (failure {self.failures})"


class Stopped(Exception):  # noqa: N818  (not an error)
    """Somebody asked the house to stop."""


@dataclass(slots=True)
class Supervisor:
    home: Path
    report: Report
    listener: Listener
    posts: dict[str, Post] = field(default_factory=dict)
    stopping: bool = False
    retire_seconds: float = 10.0  # a silent worker may still finish its task beside its replacement
    _retired: list[tuple[float, Child]] = field(default_factory=list)
    _logs_due: float = 0.0

    def heed_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, lambda *_: self.ask_to_stop())

    def ask_to_stop(self) -> None:
        self.stopping = True

    def start(self, program: Program) -> None:
        self.posts[program.name] = post = Post(program)
        self._start(post)

    def run(self, program: Program) -> int:
        """A program that ends by itself; its exit code."""
        child = programs.start(program, self.home)
        try:
            self.wait_until(lambda: child.poll() is not None)
        finally:
            programs.kill(child)
        return child.wait()

    def wait_until_ready(self, names: list[str], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for name in names:
            post = self.posts[name]
            self.wait_until(partial(self._is_ready_or_hopeless, post, deadline))
            if not self._is_ready(post):
                lines = programs.last_lines(post.program, self.home)
                raise ConfigurationError(f"{name} does not come up; the end of its log:\n{lines}")
            self.report("up", part=name)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Goes on watching meanwhile. Errors: Stopped."""
        while not condition():
            self.watch()
            time.sleep(LOOK_SECONDS / 4)
            if self.stopping:
                raise Stopped

    def watch(self) -> None:
        """One look at everybody."""
        self._end_retired()
        for post in self.posts.values():
            self._restart_if_dead(post)
        self._replace_silent()
        self._bound_logs()

    def stop(self) -> None:
        """Users of the servers first, then the servers; nothing is left after 15 s."""
        begun = time.monotonic()
        posts = self.posts.values()
        self._end([post for post in posts if not post.program.is_server], begun + KILL_SECONDS)
        for _, child in self._retired:
            programs.kill(child)
        self._end([post for post in posts if post.program.is_server], begun + KILL_SERVERS_SECONDS)
        programs.kill_leftovers(self.home)

    def _bound_logs(self) -> None:
        if time.monotonic() < self._logs_due:
            return
        self._logs_due = time.monotonic() + _LOGS_SECONDS
        for post in self.posts.values():
            programs.bound_log(post.program, self.home)

    def _start(self, post: Post) -> None:
        post.started = time.monotonic()
        try:
            post.child = programs.start(post.program, self.home)
        except OSError as error:  # no memory, or too many processes: it is tried again
            self.report("cannot_start", part=post.program.name, error=str(error))
            self._plan_restart(post, -1, post.started)
            return
        post.silent_at = post.started + _FIRST_BEAT_SECONDS
        self.report("started", part=post.program.name, pid=post.child.pid)

    def _is_ready(self, post: Post) -> bool:
        if post.child is None:
            return False
        if post.beat_key:
            return bool(self.listener.beating([post.beat_key]))
        return post.program.is_ready()

    def _is_ready_or_hopeless(self, post: Post, deadline: float) -> bool:
        return self._is_ready(post) or post.failures >= _HOPELESS or time.monotonic() > deadline

    def _restart_if_dead(self, post: Post) -> None:
        now = time.monotonic()
        if post.child is None:
            if now >= post.start_at:
                self._start(post)
            return
        code = post.child.poll()
        if code is not None:
            programs.kill(post.child)  # what it left of its group
            self._plan_restart(post, code, now)

    def _plan_restart(self, post: Post, code: int, now: float) -> None:
        post.failures = 1 if now - post.started > _HEALTHY_SECONDS else post.failures + 1
        delay = 0.0 if post.failures == 1 else min(2.0 ** (post.failures - 2), _SLOWEST_RESTART_SECONDS)
        post.child, post.start_at = None, now + delay
        self.report("died", part=post.program.name, code=code, starts_again_in=delay)

    def _replace_silent(self) -> None:
        workers = {post.beat_key: post for post in self.posts.values() if post.beat_key}
        beating = self.listener.beating(key for key in workers if key)
        now = time.monotonic()
        for key, post in workers.items():
            if beating is None:
                post.silent_at = max(post.silent_at, now + _RECONNECT_SECONDS)
            elif key in beating:
                post.silent_at = now + _SILENT_SECONDS - EXPIRY_SECONDS
            elif now > post.silent_at:
                self._replace(post, now)

    def _replace(self, post: Post, now: float) -> None:
        assert post.child is not None
        self.report("silent", part=post.program.name, pid=post.child.pid, killed_in=self.retire_seconds)
        self._retired.append((now + self.retire_seconds, post.child))
        self._start(post)

    def _end_retired(self) -> None:
        due = [entry for entry in self._retired if time.monotonic() >= entry[0]]
        for entry in due:
            programs.kill(entry[1])
            self._retired.remove(entry)

    def _end(self, posts: list[Post], deadline: float) -> None:
        alive = [post for post in posts if post.child]
        for post in alive:
            if post.child and post.child.poll() is None:
                post.child.send_signal(post.program.stop_signal)
        while any(post.child and post.child.poll() is None for post in alive) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS / 4)
        for post in alive:
            if post.child:
                programs.kill(post.child)
                self.report("stopped", part=post.program.name, code=post.child.returncode)
                post.child = None
