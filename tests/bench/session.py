# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU time of a module in a session: started, forked, and forked with cached code. Needs no daemon and no root.

Runs the session agent on this machine, with the modules that Ansible sends. The ways alternate, so that a busy machine
affects all alike, and only CPU time counts.

Usage: nox -s bench-session -- [ROUNDS]
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from ansible_collections.cloudhost.lxd.plugins.plugin_utils import _session_program
from ansible_collections.cloudhost.lxd.plugins.plugin_utils._session_agent.frames import BLOCK, HEAD, frame

#: Not that of a virtual environment: while libraries are installed into it, nothing is forked.
PYTHON = os.path.realpath(sys.executable)
MODULES = {
    "ansible.builtin.stat": "path=/",
    "ansible.builtin.command": "true",
    "ansible.builtin.file": "path={directory} state=directory",
    "ansible.builtin.lineinfile": "path={directory}/file line=more create=true",
}
WAYS = {
    "forked, cached code": {"fork_modules": True, "cache_code": True},
    "forked": {"fork_modules": True, "cache_code": False},
    "started": {"fork_modules": False, "cache_code": False},
}


class Session:
    """A session agent on this machine."""

    def __init__(self, **switches: bool) -> None:
        command = [PYTHON, *_session_program.command(**switches)[1:]]
        self.size = len(" ".join(command))
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
        self._until_ready()

    def run(self, program: bytes) -> tuple[int, bytes]:
        """Exit code and output of a program of Python."""
        sent: Any = self.process.stdin
        sent.write(frame(b"r", json.dumps(["/bin/sh", "-c", PYTHON]).encode()))
        for start in range(0, len(program), BLOCK):
            sent.write(frame(b"i", program[start : start + BLOCK]))
        sent.write(frame(b"e"))
        sent.flush()
        return self._until_ready()

    def _until_ready(self) -> tuple[int, bytes]:
        received: Any = self.process.stdout
        code, output = 0, b""
        while True:
            kind, size = HEAD.unpack(received.read(HEAD.size))
            content = received.read(size)
            if kind == b"x":
                code = int(content)
            elif kind in (b"o", b"E"):
                output += content
            elif kind == b"d":
                return code, output

    def forks(self) -> bool:
        """Whether a program is forked. It is not if a library was installed since the session began."""
        code, output = self.run(b"print(open('/proc/self/cmdline').read().split(chr(0))[1:2])")
        assert code == 0, output.decode()
        return b"-c" in output

    def used(self) -> float:
        """Seconds of CPU time of the agent, and of all processes that it has waited for."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.process.communicate()


def payloads(directory: pathlib.Path) -> list[bytes]:
    """The programs that Ansible sends for the modules."""
    environ = {
        **os.environ,
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
        "ANSIBLE_PIPELINING": "0",
        "ANSIBLE_REMOTE_TEMP": str(directory),
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    ansible = [str(pathlib.Path(sys.executable).with_name("ansible")), "localhost", "-c", "local"]
    for module, arguments in MODULES.items():
        given = ["-e", f"ansible_python_interpreter={PYTHON}", "-a", arguments.format(directory=directory)]
        subprocess.run([*ansible, "-m", module, *given], env=environ, stdout=subprocess.DEVNULL, check=True)
    return [path.read_bytes() for path in sorted(directory.glob("*/AnsiballZ_*.py"))]


def main(rounds: str = "10") -> None:
    with tempfile.TemporaryDirectory() as place:
        programs = payloads(pathlib.Path(place))
        assert len(programs) == len(MODULES)
        sessions = {way: Session(**switches) for way, switches in WAYS.items()}
        costs: dict[str, list[float]] = {way: [] for way in WAYS}
        for number in range(int(rounds) + 1):
            for way, session in sessions.items():
                before = session.used()
                for program in programs:
                    code, output = session.run(program)
                    assert code == 0, output.decode()
                if number:  # the first round loads the library and compiles
                    costs[way].append((session.used() - before) / len(programs))
        for way, session in sessions.items():
            assert session.forks() == WAYS[way]["fork_modules"], "a library was installed during the measurement"
            session.close()
    first = statistics.median(costs[next(iter(WAYS))])
    print(f"{len(MODULES)} modules, {rounds} rounds, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    print("\n| a module | CPU time | ratio | bytes of the agent |\n| --- | --- | --- | --- |")
    for way, values in costs.items():
        middle = statistics.median(values)
        print(f"| {way} | {1000 * middle:.0f} ms | {middle / first:.2f} | {sessions[way].size} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
