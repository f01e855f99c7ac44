# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""quickstart.sh a second time, and playbooks/site.yml with the example inventory as it is, on the machine that test_quickstart.py left with LXD."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

import pytest
from test_quickstart import CLIENTS, SHARED, assert_unchanged, quickstart

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("product", sorted(CLIENTS.keys() - SHARED))
def test_the_second_run_changes_nothing(product):
    """For the products that test_quickstart.py ran it only once for."""
    assert_unchanged(quickstart("--product", product))


def site() -> str:
    command = [".venv/bin/ansible-playbook", "-i", "inventories/single/hosts.yml", "playbooks/site.yml"]
    environ = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def tidy():
    """What the inventory declares is taken back, so that the quickstart can be taken back too."""
    yield
    for command in (["delete", "-f", "web1"], ["profile", "delete", "small"], ["image", "delete", "debian/12"]):
        subprocess.run(["lxc", *command], check=True, timeout=120)


def test_the_example_inventory(tidy):
    site()
    (web1,) = json.loads(subprocess.run(["lxc", "list", "web1", "--format=json"], stdout=subprocess.PIPE, check=True).stdout)
    assert (web1["status"], web1["profiles"]) == ("Running", ["default", "small"])
    assert web1["expanded_config"]["limits.memory"] == "512MiB"
    again = site()
    assert re.search(r"localhost +: ok=\d+ +changed=0 ", again), again
