# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as users have it: built, installed by ansible-galaxy, and used from there."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

from lab.daemon import Daemon

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  module_defaults:
    group/cloudhost.lxd.lxd:
      url: "{{ server }}"
  roles:
    - role: cloudhost.lxd.init
      init_url: "{{ server }}"
      init_storage_pools: [{name: one, driver: dir}]
  tasks:
    - cloudhost.lxd.profile: {name: installed, description: By the collection that was built}
"""


def test_a_collection_that_ansible_galaxy_installed(tmp_path: pathlib.Path, daemon: Daemon) -> None:
    tree, installed, home = (tmp_path / name for name in ("tree", "installed", "home"))
    tools = pathlib.Path(sys.executable).parent
    known = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in filter(None, known.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    environ = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "ANSIBLE_COLLECTIONS_PATH")
    }
    environ.update(HOME=str(home), ANSIBLE_COLLECTIONS_PATH=str(installed), ANSIBLE_NOCOLOR="1")

    def run(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(tools / program), *arguments],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    run("ansible-galaxy", "collection", "build", "--output-path", str(tmp_path), str(tree))
    (archive,) = tmp_path.glob("cloudhost-lxd-*.tar.gz")
    run("ansible-galaxy", "collection", "install", "--offline", str(archive))
    there = installed / "ansible_collections" / "cloudhost" / "lxd"
    assert not (there / "tests").exists() and not (there / ".cache").exists()
    (tmp_path / "play.yml").write_text(PLAY)
    options = ("-i", "localhost,", "-e", f"server={daemon.url} ansible_python_interpreter=/usr/bin/python3", "play.yml")
    assert "changed=2 " in run("ansible-playbook", *options)
    assert daemon.query("/1.0/profiles/installed")["description"] == "By the collection that was built"
    assert [pool["name"] for pool in daemon.query("/1.0/storage-pools?recursion=1")] == ["one"]
    assert "changed=0 " in run("ansible-playbook", *options)
