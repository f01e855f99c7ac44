# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""quickstart.sh a second time, and playbooks/site.yml with the example inventory as it is, on the machine that
test_quickstart.py left with LXD.
"""

from __future__ import annotations

import grp
import json
import os
import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest
from test_quickstart import CLIENTS, SHARED, assert_unchanged, quickstart

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMITS = pathlib.Path("/etc/sysctl.d/60-cloudhost-lxd.conf")
USER = "cloudhost-test"
#: A package without dependencies that nothing else of the tests wants.
PACKAGE = "tree"


if ONCE := sorted(CLIENTS.keys() - SHARED):  # with --all there is none

    @pytest.mark.parametrize("product", ONCE)
    def test_the_second_run_changes_nothing(product):
        """For the products that test_quickstart.py ran it only once for."""
        assert_unchanged(quickstart("--product", product))


def test_the_container_is_asked_past_a_proxy():
    """Where Ansible has one in its environment: nobody listens there, so what uses it fails."""
    environ = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    command = [".venv/bin/ansible-playbook", "-i", "inventories/single/instances.yml"]
    done = subprocess.run(
        [*command, "playbooks/quickstart_inside.yml"],
        cwd=ROOT,
        env={**os.environ, **environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 and "quickstart on local says hello" in done.stdout, done.stdout


def site(*options: str, **extra: Any) -> str:
    command = [
        ".venv/bin/ansible-playbook",
        "-i",
        "inventories/single/hosts.yml",
        "playbooks/site.yml",
        "-e",
        json.dumps(extra),
        *options,
    ]
    environ = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def changed(said: str) -> set[str]:
    """The tasks and handlers that changed something, without the names of their roles."""
    parts = re.split(r"^(?:TASK|RUNNING HANDLER) \[(?:\S+ : )?(.*?)\] \**\n", said, flags=re.M)
    return {name for name, text in zip(parts[1::2], parts[2::2]) if re.search(r"^changed: ", text, re.M)}


def assert_converged(said: str) -> None:
    """The check of the hosts, facts, where images are built, two checks of arguments, the look at the host, where it
    answers, a check, and all that is declared.
    """
    recap = re.search(r"localhost +: ok=(\d+) +changed=0 .* skipped=(\d+) ", said)
    assert recap and int(recap[1]) <= 9 and int(recap[2]) <= 5, said


def assert_pruned() -> None:
    """A profile and an instance that uses it are planned together, and go when they leave the variables."""
    lab = {"site_name": "lab", "site_prune": True, "site_force": True}
    new = {
        "site_profiles": [{"name": "lab"}],
        "site_instances": [{"name": "lab1", "image": "debian/12", "profiles": ["default", "lab"], "state": "stopped"}],
    }
    for options in (("--check",), ()):
        said = site(*options, **lab, **new)
        assert "+ profile lab" in said and "+ instance lab1" in said, said
    said = site(**lab, site_instances=[])
    assert "- instance lab1" in said and "- profile lab" in said and "web1" not in said, said


@pytest.fixture
def tidy():
    """What the inventory declares is taken back, so that the quickstart can be taken back too."""
    yield
    for command in (["delete", "-f", "web1"], ["profile", "delete", "small"], ["image", "delete", "debian/12"]):
        subprocess.run(["lxc", *command], check=True, timeout=120)


@pytest.fixture
def restored():
    """What a test makes of the host is taken back."""
    limits = LIMITS.read_bytes() if LIMITS.exists() else None
    yield
    if limits is None:
        LIMITS.unlink(missing_ok=True)
    else:
        LIMITS.write_bytes(limits)
    subprocess.run(["userdel", "--remove", USER], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["dpkg", "--purge", PACKAGE], check=True)


def test_the_example_inventory(tidy, restored):
    site()
    (web1,) = json.loads(
        subprocess.run(["lxc", "list", "web1", "--format=json"], stdout=subprocess.PIPE, check=True).stdout
    )
    assert (web1["status"], web1["profiles"]) == ("Running", ["default", "small"])
    assert web1["expanded_config"]["limits.memory"] == "512MiB"
    assert_converged(site())

    assert_pruned()

    # more is wanted of the host: that is done, and of the rest nothing
    now = int(pathlib.Path("/proc/sys/vm/max_map_count").read_text())
    more = {
        "install_extra_packages": [PACKAGE],
        "install_admin_users": [USER],
        "install_kernel_limits": {"vm.max_map_count": now},
    }
    done = {"Install lxd", "Write the limits of the kernel", "Load the limits of the kernel", "Make administrators"}
    said = site(**more)
    assert changed(said) == done, said
    assert (
        shutil.which(PACKAGE)
        and USER in grp.getgrnam("lxd").gr_mem
        and LIMITS.read_text().endswith(f"\nvm.max_map_count = {now}\n")
    )

    # and what somebody broke is mended
    subprocess.run(["dpkg", "--purge", PACKAGE], check=True)
    subprocess.run(["gpasswd", "--delete", USER, "lxd"], check=True)
    LIMITS.write_text("vm.max_map_count = 1\n")
    said = site(**more)
    assert changed(said) == done, said
    assert_converged(site(**more))
