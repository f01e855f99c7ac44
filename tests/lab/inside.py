# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Testinfra in an instance of a daemon of the tests, through the client of its product. A program to plant there."""

from __future__ import annotations

import pathlib
import platform
import struct
import subprocess
from typing import Any

from testinfra.backend import base
from testinfra.host import Host

from .daemon import Daemon


class Inside(base.BaseBackend):
    """Runs commands in an instance, as root or as another user. The one of testinfra knows LXD's own socket only."""

    NAME = "instance"

    def __init__(self, daemon: Daemon, name: str, user: int = 0) -> None:
        self.daemon, self.user = daemon, user
        self.command = [daemon.client, "exec", name, "--mode=non-interactive", f"--user={user}", "--", "/bin/sh", "-c"]
        super().__init__(name)

    def run(self, command: str, *args: str, **kwargs: Any) -> base.CommandResult:
        text = self.get_command(command, *args)
        done = subprocess.run(
            [*self.command, text],
            env=self.daemon.environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return self.result(done.returncode, self.encode(text), done.stdout, done.stderr)


def inside(daemon: Daemon, name: str, user: int = 0) -> Host:
    return Host(Inside(daemon, name, user))


#: By machine: its number in ELF, and the instructions `exit(geteuid())`.
_CODE = {
    "x86_64": (62, bytes.fromhex("b86b0000000f0589c7b83c0000000f05")),
    "aarch64": (183, struct.pack("<4I", 0xD28015E8, 0xD4000001, 0xD2800BA8, 0xD4000001)),
}


def effective_user(path: pathlib.Path) -> pathlib.Path:
    """Write a program whose exit status is its effective user ID, modulo 256. Those of busybox give up rights that a
    setuid bit gives them.
    """
    machine, code = _CODE[platform.machine()]
    base, headers = 0x400000, 64 + 56
    size = headers + len(code)
    elf = b"\x7fELF\x02\x01\x01" + bytes(9)
    elf += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, base + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    elf += struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    path.write_bytes(elf + code)
    return path
