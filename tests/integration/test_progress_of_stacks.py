# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a stack, as it comes out of ansible-playbook into a pipe."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
import time
from typing import Iterator

import yaml

#: What Ansible needs of ssh: run the last argument in a shell.
SSH = """#!/bin/sh
for command; do :; done
exec /bin/sh -c "$command"
"""
#: The most seconds of silence: what is promised, and what the machine may be late.
SILENCE = 5.0 + 1.0
PLAY = {
    "name": "Play",
    "hosts": "near,far",
    "gather_facts": False,
    "tasks": [
        {
            "name": "The stack",
            "cloudhost.lxd.stack": {
                "name": "shop",
                "url": "{{ url }}",
                "definition": {
                    "profiles": [{"name": "shop-{{ inventory_hostname }}"}],
                    "instances": [{"name": "shop-{{ inventory_hostname }}", "image": "busybox", "wait_for": ["ipv4"]}],
                },
            },
        }
    ],
}


def lines_of(folder: pathlib.Path, url: str) -> list[tuple[float, str]]:
    """What the play prints, each line with the moment when it came."""
    (folder / "ssh").write_text(SSH)
    (folder / "ssh").chmod(0o755)
    (folder / "play.yml").write_text(yaml.safe_dump([PLAY]))
    far = {"ansible_connection": "ssh", "ansible_ssh_executable": str(folder / "ssh"), "ansible_pipelining": True}
    hosts = {"near": {"ansible_connection": "local"}, "far": far}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    program = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    options = [
        "-i",
        str(folder / "hosts.yml"),
        "-e",
        f"ansible_python_interpreter={sys.executable}",
        "-e",
        f"url={url}",
    ]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    environment.pop("PYTHONUNBUFFERED", None)
    with subprocess.Popen(
        [program, *options, str(folder / "play.yml")], env=environment, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        found = [(time.monotonic(), line.rstrip("\n")) for line in run.stdout]
    assert run.returncode == 0, found
    return found


def test_each_resource_is_shown_in_time_and_without_long_silence(shop, tmp_path: pathlib.Path) -> None:  # type: ignore[no-untyped-def]
    @contextlib.contextmanager
    def slow(request: str) -> Iterator[None]:
        if request.startswith("POST /1.0/instances"):
            time.sleep(7)
        yield

    shop.proxy.around = slow
    found = lines_of(tmp_path, shop.proxy.url)
    begin = next(number for number, (_moment, line) in enumerate(found) if line.startswith("TASK [The stack]"))
    moments = [moment for moment, _line in found[begin:]]
    text = "\n".join(line for _moment, line in found)
    assert max(later - earlier for earlier, later in zip(moments, moments[1:])) < SILENCE, found
    for host in ("near", "far"):
        said = [line for _moment, line in found if line.startswith(f"[{host}] stack shop: ")]
        kinds = [line.partition(": ")[2].partition(", ")[2] for line in said]
        assert any(words.startswith(f"waiting for instance shop-{host} (create, ") for words in kinds), text
        done = [words for words in kinds if words.startswith("created ")]
        assert [words.rpartition(" in ")[0] for words in done] == [
            f"created profile shop-{host}",
            f"created instance shop-{host}",
        ], text
