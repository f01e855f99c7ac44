# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ansible-core tests every connection plugin with: its integration target `connection`, of the version that runs
here.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import pytest
from ansible.release import __version__ as version
from reach.control import Control

TARGETS = f"ansible_core-{version}/test/integration/targets"
HOSTS = {
    f"{user}-{piped}": {"ansible_user": user, "ansible_pipelining": piped}
    for user in ("root", "tester")
    for piped in (True, False)
}


def package() -> pathlib.Path:
    """The source package, downloaded once and kept in the cache of the user."""
    kept = (
        pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        / "cloudhost-lxd"
        / f"ansible_core-{version}.tar.gz"
    )
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            download = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--no-binary=ansible-core",
                "-d",
                folder,
                f"ansible-core=={version}",
            ]
            subprocess.run(download, check=True)
            os.replace(
                pathlib.Path(folder) / kept.name, kept
            )  # whole, or not at all: the tests of both daemons run side by side
    return kept


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The target, from the source package."""
    folder = tmp_path_factory.mktemp("core")
    with tarfile.open(package()) as archive:
        wanted = [member for member in archive if member.name.startswith(f"{TARGETS}/connection/")]
        archive.extractall(folder, wanted, filter="data")
    return folder / TARGETS / "connection"


def test_the_connection_suite_of_ansible_core(suite: pathlib.Path, control: Control, guest: str) -> None:
    control.hosts({name: {**variables, "ansible_host": guest} for name, variables in HOSTS.items()})
    environ = {**os.environ, **control.environ, "INVENTORY": str(control.folder / "hosts.yml"), "LC_ALL": "C.UTF-8"}
    environ["PATH"] = f"{pathlib.Path(sys.executable).parent}:{environ['PATH']}"
    settings = {
        "target_hosts": "api",
        "action_prefix": "",
        "local_tmp": str(control.folder / "here"),
        "remote_tmp": "/tmp/core-suite",
    }
    options = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
    done = subprocess.run(
        ["bash", "test.sh", *options],
        cwd=suite,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "SUCCESS: Connection vars not found" in done.stdout
    for name in HOSTS:
        assert done.stdout.count(f"\n{name} ") >= 2, f"{name} was left out: {done.stdout[-3000:]}"
