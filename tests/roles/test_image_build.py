# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role image_build: incremental, resumed, and with packages, here cloud-init, which instances then wait for."""

from __future__ import annotations

import json
import re

import pytest

NOWHERE = "http://127.0.0.1:1/debian"
USER_DATA = """#cloud-config
locale: false
write_files:
  - path: /root/greeting
    content: hello from cloud-init
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


@pytest.fixture
def build(play, folder):
    def run(**variables):
        packages = {"image_build_packages": ["cloud-init"], "image_build_alias": "cloud", "image_build_properties": {"variant": "cloud", "os": "Lab"}}
        return play("image_build", image_build_directory=str(folder), **{**packages, **variables})

    return run


@pytest.mark.both
def test_build_once_and_wait_for_cloud_init(build, folder, daemon, play):
    minimal = {"init_minimal_driver": "dir", "init_minimal_ipv4": "10.158.4.1/24", "init_minimal_ipv6": "none"}
    assert not play("init", init_url=daemon.url, **minimal).failed
    already = list(folder.iterdir())
    first = build(image_build_url=daemon.url)
    assert not first.failed, first.text
    assert ("Install the distribution into a folder" in first.tasks) is (not already)
    (made,) = folder.iterdir()
    assert sorted(path.name for path in made.iterdir()) == ["inputs.json", "metadata.tar.gz", "rootfs.squashfs"]
    assert build(image_build_url=daemon.url).changed == 0
    (image,) = daemon.query("/1.0/images?recursion=1")
    assert (image["properties"]["variant"], image["properties"]["os"]) == ("cloud", "Lab")
    assert image["properties"]["description"]  # what is not written stays as it is without

    task = {"name": "c1", "image": "cloud", "config": {"cloud-init.user-data": USER_DATA}, "wait_for": ["cloud_init", "ipv4"], "timeout": 180}
    launched = play.task("instance", url=daemon.url, **task)
    assert not launched.failed and launched.changed == 1, launched.text
    assert daemon.cli("exec", "c1", "--", "cat", "/root/greeting") == "hello from cloud-init"
    assert play.task("instance", url=daemon.url, **task).changed == 0

    # its package of locales is not there
    broken = {**task, "name": "c2", "config": {"cloud-init.user-data": USER_DATA.replace("locale: false", "locale: en_US.UTF-8")}}
    failed = play.task("instance", url=daemon.url, **broken)
    assert failed.failed and '"changed": true' in failed.text and "cloud-init failed in instance c2" in failed.text, failed.text
    assert daemon.query("/1.0/instances/c2")["status"] == "Running"  # it stays, to be looked at


@pytest.mark.xdist_group("lxd")  # where the image is built already
def test_a_build_that_broke_off_is_begun_again(build, folder, tmp_path):
    """Nothing counts as built before its last file is there."""
    done = build(image_build_import=False)
    assert not done.failed, done.text
    (made,) = folder.iterdir()
    whole = json.loads((made / "inputs.json").read_text())
    assert "cloud-init" in whole["packages"]
    (made / "inputs.json").unlink()
    (made / "rootfs").mkdir()
    refused = build(image_build_import=False, image_build_mirror=NOWHERE)  # it builds again, and cannot from there
    assert refused.failed and "Install the distribution into a folder" in refused.text
    assert not (made / "inputs.json").exists() and not (made / "rootfs.squashfs").exists()


def test_what_is_built_is_what_the_options_name(play, tmp_path):
    """Another distribution, release and components than the host's, from an archive that is not there, so that nothing has to be fetched."""
    options = {"distribution": "ubuntu", "release": "noble", "components": ["main", "universe", "restricted"], "mirror": NOWHERE, "import": False}
    folder = tmp_path / "builds"
    refused = play("image_build", image_build_directory=str(folder), **{f"image_build_{name}": value for name, value in options.items()})
    (made,) = folder.iterdir()
    assert made.name.startswith("ubuntu-noble-")
    command = rf'"debootstrap", .*"--components=main,universe,restricted".*"noble", "{made}/rootfs", "{NOWHERE}"'
    assert refused.failed and re.search(command, refused.text), refused.text
