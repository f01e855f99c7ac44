# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""quickstart.sh --clean, after everything that uses the daemons: what the quickstart made is gone, what was there
before stays.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("product", "client"), [("lxd", "lxc"), ("incus", "incus")])
def test_clean(product, client):
    installed_by_us = (ROOT / ".cache" / f"installed-{product}").exists()
    command = ["./quickstart.sh", "--product", product, "--clean"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    if installed_by_us:
        assert shutil.which(client) is None
        assert not pathlib.Path(f"/run/{product}.pid").exists()
        assert not pathlib.Path(f"/var/lib/{product}/unix.socket").exists()
        assert not (pathlib.Path("/sys/class/net") / f"{product}br0").exists()
    else:
        listed = json.loads(
            subprocess.run([client, "list", "--format=json"], stdout=subprocess.PIPE, check=True).stdout
        )
        assert "quickstart" not in [instance["name"] for instance in listed]
    assert not (ROOT / ".venv").exists()
    assert not pathlib.Path("/var/cache/cloudhost-lxd").exists()
