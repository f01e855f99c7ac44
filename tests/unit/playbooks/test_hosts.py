# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No playbook ends with success where no host matched, and each part of `site` and `cluster` runs by itself."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

PLAYBOOKS = pathlib.Path(__file__).resolve().parents[3] / "playbooks"
PATHS = sorted(PLAYBOOKS.glob("*.yml"))
CHECK = "checks/hosts.yml"
HOSTS = "nodes:\n  hosts:\n    node1:\n    node2:\n"
#: Starts Ansible's controller once, and forks it for each playbook: to load it takes longer than the playbook. Each
#: line of its input is a folder, and the arguments of each run there.
MANY = """
import json, os, sys, tempfile
from ansible.cli.playbook import PlaybookCLI
for line in sys.stdin:
    folder, commands = json.loads(line)
    ends = []
    for number, arguments in enumerate(commands):
        if not (child := os.fork()):
            os.chdir(folder)
            out = os.open(f"{number}.txt", os.O_CREAT | os.O_WRONLY)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0), os.dup2(out, 1), os.dup2(out, 2)
            code = 0
            with tempfile.TemporaryDirectory() as tempfile.tempdir:  # os._exit removes no temporary files
                try:
                    PlaybookCLI.cli_executor(["ansible-playbook", *arguments])
                except SystemExit as exc:
                    code = exc.code or 0
            os._exit(code)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(json.dumps(ends), flush=True)
"""
#: Groups of plays that may have no host, so nobody requires one.
OTHERS = {"private_cloud": {"image_servers"}}


@functools.lru_cache(maxsize=None)
def controller():
    """That process, which ends with this one."""
    environ = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"}
    return subprocess.Popen(
        [sys.executable, "-c", MANY], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def plays(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def run(folder, *commands):
    """Runs of ansible-playbook: of each, its exit status and what it printed."""
    process = controller()
    process.stdin.write(json.dumps([str(folder), commands]) + "\n")
    process.stdin.flush()
    ends = json.loads(process.stdout.readline())
    texts = [re.sub(r"\s+", " ", (folder / f"{number}.txt").read_text()) for number in range(len(commands))]
    return list(zip(ends, texts))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_hosts_are_checked_first_and_are_those_of_the_plays(path):
    first, *others = plays(path)
    assert first["ansible.builtin.import_playbook"] == CHECK
    own = [play["hosts"] for play in others if "hosts" in play]
    assert own and set(own) - OTHERS.get(path.stem, set()) == {first["vars"].get("hosts__wanted", "all")}
    assert set(first["vars"]) - {"hosts__wanted"} == {"hosts__advice", "hosts__prefixes"}
    assert first["vars"]["hosts__advice"].endswith(".")


def test_an_inventory_without_hosts_is_an_error(tmp_path):
    """Of every playbook: Ansible itself only warns, and its exit status is 0."""
    (tmp_path / "hosts.yml").write_text("all:\n  hosts:\n")
    runs = run(tmp_path, *(["-i", "hosts.yml", str(path)] for path in PATHS))
    assert len(runs) == len(PATHS) > 10
    for path, (status, said) in zip(PATHS, runs):
        assert status == 2, (path.stem, said)
        assert "Nothing was changed, because no host matches" in said and "name it with -i" in said, (path.stem, said)


@pytest.mark.parametrize(("name", "variable"), [("evacuate", "evacuate_members"), ("restore", "restore_members")])
def test_names_that_no_host_has(tmp_path, name, variable):
    (tmp_path / "hosts.yml").write_text(HOSTS)
    path = str(PLAYBOOKS / f"{name}.yml")
    cases = (
        (["-e", f"{variable}=nod2"], "no host matches nod2. The inventory has the hosts node1, node2."),
        (["-e", f"{variable}=node1,nod2"], "no host matches nod2. The inventory has"),
        (["-e", f"{variable}=node2", "--limit", "node1"], "no host matches node2 within --limit node1. The inventory"),
    )
    for (status, said), (_options, words) in zip(
        run(tmp_path, *(["-i", "hosts.yml", path, *options] for options, _words in cases)), cases
    ):
        assert status == 2 and words in said and f"Correct {variable}, which names hosts" in said, said
        assert "TASK [Require the hosts, and" in said and said.count("TASK [") == 1, said


def test_patterns_that_match(tmp_path):
    (tmp_path / "hosts.yml").write_text(HOSTS)
    values = ("nodes", "node1, node2", "nodes:!node1", "nodes,!node1", '{"pattern": ["node1", "node2"]}')
    (tmp_path / "check.yml").write_text(
        yaml.safe_dump(
            [
                {
                    "ansible.builtin.import_playbook": str(PLAYBOOKS / CHECK),
                    "vars": {"hosts__wanted": "{{ pattern }}", "hosts__advice": ".", "hosts__prefixes": ["stack"]},
                }
            ]
        )
    )
    given = [value if value[0] == "{" else f"{{pattern: '{value}'}}" for value in values]
    for value, (status, said) in zip(
        values, run(tmp_path, *(["-i", "hosts.yml", "check.yml", "-e", e] for e in given))
    ):
        assert status == 0 and "failed=0" in said, (value, said)


@pytest.mark.parametrize("tag", ["install", "stack"])
def test_tags(tmp_path, tag):
    """Both parts read the host; only one of them installs, and only the other one asks the server for anything."""
    (tmp_path / "hosts.yml").write_text(HOSTS)
    runs = run(
        tmp_path,
        *(
            ["-i", "hosts.yml", "--list-tasks", "--tags", tag, str(PLAYBOOKS / f"{name}.yml")]
            for name in ("site", "cluster")
        ),
    )
    for status, said in runs:
        assert status == 0 and "Require the hosts" in said, said
        assert "install : Look at the host" in said and "install : Say where it answers" in said, said
        assert ("install : Do what is left to do" in said) is (tag == "install"), said
    assert ("Apply the server configuration" in runs[0][1]) is (tag == "stack")
    assert ("cluster : Join, one after another" in runs[1][1]) is (tag == "stack")
