# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role image_build: incremental, resumed, two at a time, and with packages, here cloud-init, which instances then
wait for.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import re
import shutil

import pytest
from lab import cache, image
from roles.conftest import Player

BUILD = "Build it, or wait for who builds it"

NOWHERE = "http://127.0.0.1:1/debian"
USER_DATA = """#cloud-config
locale: false
write_files:
  - path: /root/greeting
    content: hello from cloud-init
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for the sessions of both products, if a run has both. It begins from the base that the cache has, if it has
    one.
    """
    folder = pathlib.Path(os.environ.get("CLOUDHOST_TEST_RUN") or tmp_path_factory.getbasetemp(), "images")
    folder.mkdir(parents=True, exist_ok=True)
    for base in image.bases():
        if not (folder / base.name).exists():
            cache.copy(base, folder / base.name)
    return folder


@pytest.fixture
def build(play, folder):
    def run(player=play, **variables):
        packages = {
            "image_build_packages": ["cloud-init"],
            "image_build_alias": "cloud",
            "image_build_properties": {"variant": "cloud", "os": "Lab"},
        }
        return player("image_build", **{"image_build_directory": str(folder), **packages, **variables})

    return run


def builds(folder, kind):
    """The folders of images, or of what they begin from."""
    return [path for path in folder.iterdir() if path.name.startswith("base-") is (kind == "base")]


@pytest.mark.both
def test_build_once_and_wait_for_cloud_init(build, folder, daemon, play, tmp_path):
    minimal = {"init_minimal_driver": "dir", "init_minimal_ipv4": "10.158.4.1/24", "init_minimal_ipv6": "none"}
    assert not play("init", init_url=daemon.url, **minimal).failed
    already = any((made / "inputs.json").exists() for made in builds(folder, "image"))
    (tmp_path / "other").mkdir()
    with (
        concurrent.futures.ThreadPoolExecutor()
    ) as pool:  # two at the same time, and of the other product perhaps two more
        other = pool.submit(build, Player(tmp_path / "other"), image_build_import=False)
        first = build(image_build_url=daemon.url)
    assert not first.failed, first.text
    assert [*first.tasks, *other.result().tasks].count(BUILD) <= (not already), "built twice"
    for run in (first, other.result()):
        assert (BUILD in run.tasks) == ("[localhost] image cloud: packing of the image took " in run.text), run.text
    (made,), (base,) = builds(folder, "image"), builds(folder, "base")
    assert sorted(path.name for path in made.iterdir()) == ["inputs.json", "metadata.tar.gz", "rootfs.squashfs"]
    assert sorted(path.name for path in base.iterdir()) == ["inputs.json", "rootfs.squashfs"]
    assert build(image_build_url=daemon.url).changed == 0
    (imported,) = daemon.query("/1.0/images?recursion=1")
    assert (imported["properties"]["variant"], imported["properties"]["os"]) == ("cloud", "Lab")
    assert imported["properties"]["description"]  # what is not written stays as it is without

    task = {
        "name": "c1",
        "image": "cloud",
        "config": {"cloud-init.user-data": USER_DATA},
        "wait_for": ["cloud_init", "ipv4"],
        "timeout": 180,
    }
    launched = play.task("instance", url=daemon.url, **task)
    assert not launched.failed and launched.changed == 1, launched.text
    assert daemon.cli("exec", "c1", "--", "cat", "/root/greeting") == "hello from cloud-init"
    assert play.task("instance", url=daemon.url, **task).changed == 0
    if daemon.kind in os.environ.get("CLOUDHOST_TEST_SHARED", daemon.kind).split():  # how it fails is cloud-init's
        assert_failure_is_told(daemon, play, task)


def assert_failure_is_told(daemon, play, task):
    # its package of locales is not there
    broken = {
        **task,
        "name": "c2",
        "config": {"cloud-init.user-data": USER_DATA.replace("locale: false", "locale: en_US.UTF-8")},
    }
    failed = play.task("instance", url=daemon.url, **broken)
    assert failed.failed and '"changed": true' in failed.text and "cloud-init failed in instance c2" in failed.text, (
        failed.text
    )
    assert daemon.query("/1.0/instances/c2")["status"] == "Running"  # it stays, to be looked at


def test_a_build_that_broke_off_is_begun_again(build, folder, tmp_path):
    """Nothing counts as built before its last file is there."""
    done = build(image_build_import=False)
    assert not done.failed, done.text
    own = tmp_path / "images"
    shutil.copytree(folder, own)  # another session may have this one
    (made,) = builds(own, "image")
    whole = json.loads((made / "inputs.json").read_text())
    assert "cloud-init" in whole["packages"]
    (made / "inputs.json").unlink()
    (made / "rootfs").mkdir()
    # it builds again, and cannot from there
    refused = build(image_build_import=False, image_build_mirror=NOWHERE, image_build_directory=str(own))
    assert refused.failed and "debootstrap ended with status 1" in refused.text, refused.text
    assert [path.name for path in made.iterdir()] == ["work"]
    (base,) = [base for base in builds(own, "base") if not (base / "inputs.json").exists()]
    assert [path.name for path in base.iterdir()] == ["work"]


def test_what_is_built_is_what_the_options_name(play, tmp_path):
    """Another distribution, release and components than the host's, from an archive that is not there, so that nothing
    has to be fetched.
    """
    options = {
        "distribution": "ubuntu",
        "release": "noble",
        "components": ["main", "universe", "restricted"],
        "mirror": NOWHERE,
        "import": False,
    }
    folder = tmp_path / "builds"
    refused = play(
        "image_build",
        image_build_directory=str(folder),
        **{f"image_build_{name}": value for name, value in options.items()},
    )
    (made,), (base,) = builds(folder, "image"), builds(folder, "base")
    assert made.name.startswith("ubuntu-noble-") and base.name.startswith("base-noble-")
    command = (
        rf"debootstrap --variant=minbase .*--components=main,universe,restricted noble {base}/work/rootfs {NOWHERE}"
    )
    assert refused.failed and re.search(command, refused.text), refused.text
