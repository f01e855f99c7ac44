# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook site, as far as it needs no machine of its own: its tags, and check mode where no daemon is."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest
import yaml
from conftest import Run, ansible
from lab.daemon import Daemon

ROOT = pathlib.Path(__file__).resolve().parents[2]


def site(kind: str, socket: pathlib.Path, *options: str, packages: tuple[str, ...] = (), **variables: Any) -> Run:
    """The example inventory, with a daemon that is where the tests have it, and with packages that are its own."""
    example = yaml.safe_load((ROOT / "inventories/single/group_vars/all.yml").read_text(encoding="utf-8"))
    product = {
        "packages": list(packages), "packages_vm": [], "service": kind, "program": "/nonexistent", "group": kind,
        "socket": str(socket),
    }  # fmt: skip
    given = {
        **example,
        "install_product": kind,
        "install__products": {kind: product},
        "site_built_images": [],
        "site_instances": [],
        **variables,
    }
    inventory = str(ROOT / "inventories/single/hosts.yml")
    return ansible("-i", inventory, "cloudhost.lxd.site", "-e", json.dumps(given), *options)


def test_the_tag_stack_does_what_is_on_the_server_and_nothing_on_the_host(daemon: Daemon) -> None:
    """The host lacks a package and a running service, and neither is asked for."""
    for changed in (1, 0):
        done = site(daemon.kind, daemon.socket, "--tags", "stack", packages=("cloudhost-nonexistent",))
        assert done.changed == changed, done.text
        assert "Do what is left to do" not in done.text and "TASK [Apply the server configuration" in done.text
    assert daemon.query("/1.0/profiles/small")["config"]["limits.memory"] == "512MiB"


@pytest.mark.parametrize("tags", [(), ("--tags", "install")])
def test_check_mode_where_no_daemon_is(tmp_path: pathlib.Path, tags: tuple[str, ...]) -> None:
    """It says which packages are missing and why nothing of the server is planned, and is no error."""
    options = ("--check", "--diff", *tags)
    done = site("lxd", tmp_path / "none" / "unix.socket", *options, packages=("cloudhost-nonexistent",))
    assert not done.failed, done.text
    assert "These packages are missing: cloudhost-nonexistent" in done.text, done.text
    assert ("Run this once with --tags install" in done.text) is (not tags)
    assert "Say which packages would be installed" in done.tasks
