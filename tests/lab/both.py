# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook run twice, its modules in Ansible's workers and in processes of their own, for what is shown to be
compared.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any, Iterable

#: What Ansible tells at -vvv of how a module was brought to its process, and of where it runs; and how often it asked
#: for an asynchronous task, which depends on what else the machine does.
_HOW = re.compile(
    r"<[\w.]+> |Using module file |Pipelining is enabled|\S+ runs in a process of its own because |ASYNC POLL on "
)
#: Names of folders and jobs.
_BY_CHANCE = re.compile(r"\bansible-tmp-[\d.-]+|\bj?\d{6,}\.\d+\b")


#: What a task returned.
_RESULT = re.compile(r"^(\w+: \[[^\n]* => )(\{\n.*?^\})$", re.M | re.S)


def play(playbook: pathlib.Path, direct: bool, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Ansible at -vvv, with all that it prints in `stdout`."""
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    ours = {
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_NOCOLOR": "1",
        "LXD_DIRECT": str(direct),
        "LXD_STACK_PROGRESS": "never",  # its seconds are never the same
        "ANSIBLE_INJECT_INVOCATION": "true",
    }
    ours["ANSIBLE_PIPELINING"] = "true"  # fewer processes
    return subprocess.run(
        [program, "-vvv", "--diff", *options, str(playbook)],
        env={
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "LXD_", "INCUS_"))
            },
            **ours,
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def shown(output: str) -> list[str]:
    """What a user sees of it."""
    return [_BY_CHANCE.sub("N", line) for line in output.splitlines() if not _HOW.match(line)]


def masked(lines: list[str], by_nature: Iterable[str]) -> list[str]:
    """The same without the values of keys that differ between any two runs, and with unordered lists in one order."""
    text = "\n".join(lines)
    return _RESULT.sub(
        lambda found: found[1] + json.dumps(_masked(json.loads(found[2]), re.compile("|".join(by_nature))), indent=1),
        text,
    ).splitlines()


def _masked(value: Any, by_nature: re.Pattern[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: "..." if by_nature.fullmatch(key) else _masked(inner, by_nature)
            for key, inner in sorted(value.items())
        }
    if isinstance(value, list):
        inner = [_masked(one, by_nature) for one in value]
        return sorted(inner, key=json.dumps) if all(isinstance(one, dict) for one in inner) else inner
    return value


def processes(output: str) -> list[str]:
    """Why modules ran in a process of their own, each in order."""
    return re.findall(r"^(?:\S+) runs in a process of its own because (.*)$", output, re.M)
