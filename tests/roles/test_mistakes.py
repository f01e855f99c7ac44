# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Typical mistakes through the playbook plan: the report names all of them, and nothing is changed."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import yaml
from conftest import Player, ansible
from integration import mistakes
from lab.daemon import Daemon
from lab.tiny import files

TABLES = {
    "refused": (mistakes.ENTRIES, mistakes.VALUES, mistakes.DEVICES, mistakes.NAMES),
    "in_use": (mistakes.IN_USE,),
    "twice": (mistakes.TWICE,),
    "warned": (mistakes.WARNED,),
    "unreadable": (mistakes.UNREADABLE,),
    "templated": (mistakes.TEMPLATED,),
}
BASE: dict[str, Any] = {
    "storage_pools": [{"name": "default", "driver": "btrfs", "config": {"size": "1GiB"}}],
    "networks": [{"name": "lxdbr0", "config": {"ipv4.address": "10.158.1.1/24", "ipv6.address": "none"}}],
    "profiles": [
        {
            "name": "default",
            "devices": {
                "root": {"type": "disk", "path": "/", "pool": "default"},
                "eth0": {"type": "nic", "network": "lxdbr0"},
            },
        }
    ],
    "images": [{"name": "busybox", **files()}],
}
COLLECTIONS = ("storage-pools", "networks", "projects", "profiles", "instances", "images")


def dump(daemon: Daemon) -> dict[str, Any]:
    return {path: daemon.query(f"/1.0/{path}?recursion=1") for path in COLLECTIONS}


def test_plan(kept: Daemon, tmp_path: pathlib.Path, play: Player) -> None:
    """Each sort of mistakes is planned for a host of its own, all at once."""
    assert not play.task("stack", url=kept.url, definition=BASE).failed
    hosts: dict[str, dict[str, Any]] = {}
    for sort, tables in TABLES.items():
        (tmp_path / sort).mkdir()
        for number, mistake in enumerate(mistakes.mistakes(*tables).values(), 1):
            (tmp_path / sort / f"m{number}.yml").write_text(mistake.text)
        hosts[sort] = {"stack_src": sort, "stack_template": sort == "templated"}
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "stack_url": kept.url}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": common}}))
    before = dump(kept)
    done = ansible("-i", "hosts.yml", "cloudhost.lxd.plan", "-e", "stack_limit=1000000", folder=tmp_path)
    assert done.failed and "failed=0" in done.text, done.text  # only those with errors fail
    assert dump(kept) == before
    lines = (tmp_path / "plan.md").read_text().split("\n")
    assert [words for sort, tables in TABLES.items() for words in unsaid(sort, tables, lines)] == []


def unsaid(sort: str, tables: tuple[mistakes.Cases, ...], lines: list[str]) -> list[str]:
    """The mistakes that no line names with file, line and all words."""
    missing = []
    for number, (title, mistake) in enumerate(mistakes.mistakes(*tables).items(), 1):
        file = f"{sort}/m{number}.yml"
        words = [f"{file}:{mistake.line}: ", *(word.replace("FILE", file) for word in mistake.words)]
        if not any(all(word in line for word in words) for line in lines):
            near = [line for line in lines if file in line]
            missing.append(f"{title}: {words}, not {near}")
    return missing
