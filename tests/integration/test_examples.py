# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every EXAMPLES block, as written, by ansible-playbook against the real daemons: in Ansible's workers, and on one
product or with `--all` on both also in processes of their own. What chooses the way names no product.
"""

from __future__ import annotations

import difflib
import os
import re
import sys

import pytest
import yaml
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.registry import KINDS
from integration.examples import ELSEWHERE, MODULES, PLANNED, alone, examples
from lab.both import masked, play, processes, shown

#: Where examples write files; the daemons of the tests are beside it.
SHARED = re.compile("/var/tmp/(?!cloudhost-)")
#: What needs OVN is tested in test_cluster_remote.py.
OVN = ("network_load_balancer", "network_peer")
#: Times in the names of exports.
TIMES = re.compile(r"\b\d{8}T\d{6}Z\b")
#: What differs between two instances that were made alike.
BY_NATURE = (
    # of images that are published anew, of a file, and of a command
    r"volatile\..*|\w+_at|fingerprint|sha256|size|target|_original_basename|start|end|delta",
    r"addresses?|hwaddr|host_name|pid|processes|disk|(\w+_)?usage(_peak)?|(bytes|packets|errors)_\w+",
)


def test_every_task_that_is_left_out_or_planned_is_there():
    """So that no example is left out because of a name that has changed."""
    names = [task["name"] for path in MODULES.glob("[!_]*.py") for task in examples(path.stem)]
    assert {name: names.count(name) for name in (*ELSEWHERE, *PLANNED)} == dict.fromkeys((*ELSEWHERE, *PLANNED), 1)


@pytest.mark.timeout(1200)  # two plays of all examples, one of which starts a process for each
def test_examples_run_as_written(server, tmp_path) -> None:  # type: ignore[no-untyped-def]
    plays = []
    single = set(MODULES.glob("*.py")) - set(MODULES.glob("cluster*.py"))  # those are in test_cluster_examples.py
    for path in sorted(single):
        kind = KINDS.get(path.stem)
        if path.stem in OVN or (kind and kind.extension and not server.has(kind.extension)):
            continue
        tasks = alone(path.stem)
        if not tasks and all(task["name"] in ELSEWHERE for task in examples(path.stem)):
            continue
        assert any(f"cloudhost.lxd.{path.stem}" in task for task in tasks), f"{path.stem} is not in its own examples"
        plays.append(
            {
                "name": path.stem,
                "hosts": "localhost",
                "gather_facts": False,
                "module_defaults": {"group/cloudhost.lxd.lxd": {"url": server.daemon.url}},
                "tasks": tasks,
            }
        )
    # resource_info reads the snapshots of web1, which its example takes for granted
    plays.insert(
        0,
        {
            **plays[0],
            "name": "setup",
            "tasks": [{"cloudhost.lxd.instance": {"name": "web1", "image": "debian/12", "state": "present"}}],
        },
    )
    plays.append(
        {**plays[0], "name": "teardown", "tasks": [{"cloudhost.lxd.instance": {"name": "web1", "state": "absent"}}]}
    )
    playbook = tmp_path / "examples.yml"
    # the daemons' tests run side by side: each has a folder of its own for the files that the examples write
    written = yaml.safe_dump(plays, sort_keys=False)
    assert written.count("/var/tmp/server.yml") == 2
    playbook.write_text(SHARED.sub(f"{tmp_path}/", written))
    seen = {}
    both = server.kind in os.environ.get("CLOUDHOST_TEST_SHARED", server.kind).split()
    for direct in (False, True) if both else (True,):
        options = ("-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}")
        done = play(playbook, direct, *options)
        (tmp_path / f"{direct}.txt").write_text(done.stdout)
        assert done.returncode == 0, done.stdout[-3000:]
        assert set(yaml.safe_load((tmp_path / "server.yml").read_text())) >= {"networks", "profiles", "storage_pools"}
        for written in (tmp_path / "server.yml", *tmp_path.glob("*.tar*")):
            written.unlink()
        assert re.search(r"failed=0", done.stdout)
        assert re.search(r"which changes nothing\] \*+\n(?:(?!TASK|PLAY).*\n)*?ok: ", done.stdout), "of stack_export"
        assert "[WARNING]" not in done.stdout, done.stdout
        assert set(processes(done.stdout)) == (set() if direct else {"'direct' is off"})
        seen[direct] = masked(shown(TIMES.sub("TIME", done.stdout)), BY_NATURE)
    assert list(difflib.unified_diff(seen.get(False, seen[True]), seen[True], lineterm="", n=0)) == []
