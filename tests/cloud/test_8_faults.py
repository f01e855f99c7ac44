# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a private cloud is made of breaks in the middle of a run: the error is clear, if there is one, and the next run
converges.
"""

from __future__ import annotations

from typing import Any

from lab.cloud import Cloud
from lab.scenario import changed

#: The last task of the role tenants that only reads.
BEFORE = "See whom it trusts"


def image(cloud: Cloud, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """One that no daemon has, with files of its own on the image server: an entry of what is published, and one of what
    tenants get.
    """
    rootfs = f"/srv/{name}.squashfs"  # what follows the end of a squashfs is not looked at
    cloud.inside("node1", "sh", "-c", f"cp /srv/image/rootfs.squashfs {rootfs}; echo {name} >>{rootfs}")
    entry = {"os": "Lab", "release": name, "file": "/srv/image/metadata.tar.gz", "rootfs": rootfs}
    return {"aliases": [name], **entry}, {"name": name, "remote": f"own:{name}"}


def test_the_image_server_is_stopped(cloud: Cloud) -> None:
    """After it has published a new image, and before the tenants have that. What daemons have of it still works."""
    before = dict(cloud.vars)
    published, wanted = image(cloud, "tools")
    cloud.vars["image_server_images"] = [published]
    cloud.vars["tenants_images"] = [{"name": "debian/12", "remote": "own:debian/12", "auto_update": True}, wanted]
    tags = ("--tags", "images,tenants")
    try:
        stop = lambda: cloud.inside("node1", "systemctl", "stop", "nginx")  # noqa: E731
        status, said = cloud.broken_off(BEFORE, stop, *tags)
        assert status != 0 and "image tools" in said, said[-5000:]
        assert "https://10.0.0.1" in said and "connection refused" in said, said[-5000:]
        cloud.run("node1", "instance", name="cached", project="blue", image="debian/12", state="present")
        cloud.run("node1", "instance", name="cached", project="blue", state="absent")
        assert changed(cloud.cloud(*tags)) > 0
        for project in ("blue", "green"):
            assert cloud.query("node1", f"/1.0/images/aliases/tools?project={project}")["name"] == "tools"
        assert changed(cloud.cloud(*tags)) == 0
    finally:
        cloud.vars = before
        for project in ("blue", "green"):
            cloud.run("node1", "image", name="tools", project=project, state="absent")


def test_a_monitor_of_ceph_is_killed(cloud: Cloud) -> None:
    """While a pool is created. The two others have a majority."""
    cloud.vars["ceph_pools"] = [{"name": "lxd"}, {"name": "more"}]
    kill = lambda: cloud.inside("node2", "systemctl", "kill", "--signal=KILL", "ceph-mon@node2")  # noqa: E731
    status, said = cloud.broken_off("Have the pools", kill, "--tags", "ceph")
    assert status == 0 or "node2" in said, said[-5000:]
    assert cloud.cloud("--tags", "ceph").returncode == 0
    assert cloud.inside("node2", "systemctl", "is-active", "ceph-mon@node2").strip() == "active"
    assert "more" in cloud.inside("node1", "ceph", "osd", "pool", "ls").split()
    assert changed(cloud.cloud("--tags", "ceph")) == 0
