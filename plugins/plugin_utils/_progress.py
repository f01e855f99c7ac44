# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows the progress of a long task on the controller while it runs: a line for all that has finished, and at least
every five seconds what is being waited for.

The task writes snapshots (`module_utils/_stack/progress.py`) into a file on the host. A thread of the worker reads this
file, and shows lines through Ansible's display, of which the lines of several workers come one after another.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import secrets
import shlex
import stat
import sys
import threading
import time
from typing import Any, Callable

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.values import printable

#: The seconds without a line after which one says what is waited for. With the time of a look it stays under 5.
SILENCE = 4.5
#: The seconds between two looks: into a file of this machine, and over a connection.
NEAR, FAR = 0.5, 2.0
#: Looks take at most this part of the time, however slow the connection is.
SHARE = 0.1
#: For how many seconds the end of the task waits for a look that does not end.
END_GRACE = 10.0
#: The most bytes that one look takes over a connection, and the most characters of a line that is shown.
LOOK_BYTES, LINE_LENGTH = 65536, 400
#: The environment variable for tasks without the option `progress`.
VARIABLE = "LXD_STACK_PROGRESS"
#: Callbacks whose output is for programs.
FOR_PROGRAMS = ("json", "jsonl")


def show_at_once() -> None:
    """Have Ansible write each line when it comes. Into a pipe, as in CI, it would keep them until it has 8 KiB.

    For the process that loads the plugins: the processes of tasks send it what they show.
    """
    wanted = os.environ.get(VARIABLE) != "never"
    if wanted and isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.line_buffering:
        sys.stdout.reconfigure(line_buffering=True)


class Watch:
    """Shows the progress of one task. The thread runs while the context is open.

    :param title: the host and the task, in front of each line
    :param look: returns what is new in the file; an error of it ends the looks, and not the task
    :param every: seconds between two looks
    :param show: shows a line, in a color
    """

    def __init__(
        self, title: str, look: Callable[[], list[str]], every: float, show: Callable[[str, str | None], None]
    ) -> None:
        self.title, self.every = title, every
        self._look, self._show = look, show
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._shown = 0
        self._last: dict[str, Any] = {}

    def __enter__(self) -> Watch:
        self._begin = self._told = self._seen = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._over.set()
        self._thread.join(END_GRACE)

    def finish(self, lines: Any) -> None:
        """Show the lines of the result that no look has seen."""
        for line in lines[self._shown :] if isinstance(lines, list) else ():
            with contextlib.suppress(TypeError, ValueError):
                text, failed = line
                self._line(str(text), bool(failed))

    def _run(self) -> None:
        due, took = self._begin + self.every, 0.0
        while not self._over.wait(max(min(due, self._told + SILENCE) - time.monotonic(), 0.0)):
            now = time.monotonic()
            if now + (took if now >= due else 0.0) >= self._told + SILENCE:
                self._say_what_is_waited_for(now)
            if now >= due:
                try:
                    self._take(self._look())
                except Exception:  # noqa: BLE001 - the task's own result is what counts
                    due = float("inf")
                    continue
                took = time.monotonic() - now
                due = now + max(self.every, took / SHARE)

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            try:
                snapshot = json.loads(line)
                snapshot["done"], snapshot["total"], snapshot["now"], snapshot["more"]
            except (ValueError, TypeError, KeyError):  # not from the task, but for example from a login script
                continue
            self._last, self._seen = snapshot, time.monotonic()
            if snapshot.get("line"):
                self._line(str(snapshot["line"]), bool(snapshot.get("failed")))

    def _line(self, text: str, failed: bool) -> None:
        self._shown += 1
        self._tell(text, C.COLOR_ERROR if failed else C.COLOR_CHANGED)

    def _say_what_is_waited_for(self, now: float) -> None:
        seconds = f"{now - self._begin:.0f} s"
        if not self._last:
            words = f"waiting for the module, {seconds}"
        elif self._last["total"] is None:
            words = f"planning, {seconds}"
        else:
            count = f"{self._last['done']} of {self._last['total']}, " if self._last["total"] else ""
            words = f"{count}{self._waits(now) or seconds}"
        self._tell(words, None)

    def _waits(self, now: float) -> str:
        """What is waited for, as in `waiting for instance web1 (start, 4 s) and 2 more`."""
        try:
            parts = [
                f"{title} ({', '.join([*([words] if words else []), f'{seconds + now - self._seen:.0f} s'])})"
                for title, words, seconds in self._last["now"]
            ]
        except (TypeError, ValueError):
            return ""
        more = f" and {self._last['more']} more" if self._last["more"] else ""
        return f"waiting for {', '.join(parts)}{more}" if parts else ""

    def _tell(self, text: str, color: str | None) -> None:
        self._told = time.monotonic()
        self._show(printable(f"{self.title}: {text}"[:LINE_LENGTH]), color)


def is_wanted(action: ActionBase, option: str | None = None) -> bool:
    """Whether the progress of a task is shown. `option` is `auto`, `always`, `never`, or None for the environment."""
    task, wanted = action._task, option or os.environ.get(VARIABLE) or "auto"
    if wanted == "never" or task.check_mode or task.no_log:
        return False
    return wanted == "always" or not _for_programs()


def watch(action: ActionBase, variables: dict[str, Any], title: str) -> tuple[str, Watch]:
    """The path of the file that the task has to make, and what shows it."""
    # The last of them is /tmp, which is emptied at a start of the host: the task removes the file unless it is killed.
    folder = str((action.get_shell_option("system_tmpdirs") or ["/tmp"])[-1])
    path = str(action._connection._shell.join_path(folder, f".cloudhost-lxd-{secrets.token_hex(16)}"))
    near = type(action._connection).__module__ == "ansible.plugins.connection.local"
    look = _Look(action, path, near)
    host = variables.get("inventory_hostname", "")
    stderr = _for_programs()

    def show(text: str, color: str | None) -> None:
        Display().display(text, color=color, stderr=stderr)

    return path, Watch(f"[{host}] {title}", look, NEAR if near else FAR, show)


def _for_programs() -> bool:
    return str(C.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2] in FOR_PROGRAMS


class _Look:
    """Reads what is new in the file.

    The thread of the task uses the action at the same time, and its plugins keep what belongs to one command in
    attributes: become the word that it has to see, ssh the pipe for a password, cloudhost.lxd.api its connection to the
    server, of which its `__copy__` opens another. So this has copies of them.
    """

    def __init__(self, action: ActionBase, path: str, near: bool) -> None:
        self._action, self._path, self._near = copy.copy(action), path, near
        self._action._connection = copy.copy(action._connection)
        self._action._connection.become = become = copy.copy(action._connection.become)
        self._lines = self._bytes = 0
        # The file belongs to the user of the task, or to the user who became root with sudo.
        mine = become is None or (
            str(become.name).endswith("sudo") and action.get_become_option("become_user") == "root"
        )
        self._sudoable = not mine

    def __call__(self) -> list[str]:
        if not self._near:
            return self._ask()
        try:
            return self._read()
        except PermissionError:
            return self._ask()
        except OSError:  # not there yet
            return []

    def _read(self) -> list[str]:
        # When the task has removed the file, another user can put a pipe there.
        with open(os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return []
            stream.seek(self._bytes)
            text = stream.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._bytes += len(complete)
        return complete.decode("utf-8", "replace").splitlines()

    def _ask(self) -> list[str]:
        path, first = shlex.quote(self._path), self._lines + 1
        command = f"test -f {path} && test -O {path} && test ! -L {path}"
        command += f" && tail -n +{first} {path} | head -c {LOOK_BYTES}"
        done = self._action._low_level_execute_command(command, sudoable=self._sudoable)
        *complete, _rest = done.get("stdout", "").split("\n")
        found = [line for line in complete if line.startswith("{")]
        self._lines += len(found)
        return found
