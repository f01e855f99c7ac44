# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a stack: lines, snapshots, and the file that the controller reads."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import types

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import StackFailed
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.operations import stage
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.secrets import Rules
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.progress_file import ProgressFile
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack import progress as progress_module
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.progress import Progress
from ansible_collections.cloudhost.lxd.tests.unit.clock import Clock
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, run

CHAIN = {
    "profiles": [
        {"name": "there"},
        {"name": "a"},
        {"name": "b", "depends_on": ["profile/a"]},
        {"name": "c", "depends_on": ["profile/b"]},
    ]
}


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


class Named:
    """What the progress needs of a node."""

    def __init__(self, title, action="create"):
        self.title, self.action = title, action


def test_each_resource_begins_waits_and_ends(world, clock):
    told = []
    run(world, {"profiles": [{"name": "there"}]})
    world.faults["/1.0/profiles/b"] = "no"
    progress = Progress(told.append)
    with pytest.raises(StackFailed):
        run(world, CHAIN, progress=progress)
    seen = [(one["done"], one["total"], one["now"], one.get("line"), one.get("failed")) for one in told]
    assert seen == [
        (0, None, [], None, None),
        (0, 3, [], None, None),
        (0, 3, [["profile a", "", 0.0]], None, None),
        (0, 3, [["profile a", "create", 0.0]], None, None),
        (1, 3, [], "1 of 3, created profile a in 0.0 s", False),
        (1, 3, [["profile b", "", 0.0]], None, None),
        (1, 3, [["profile b", "create", 0.0]], None, None),
        (2, 3, [], "2 of 3, failed to create profile b after 0.0 s", True),
    ]
    assert progress.lines == [(line, failed) for _done, _total, _now, line, failed in seen if line]


def test_what_a_started_instance_waits_for(world):
    told = []
    definition = {"instances": [{"name": "i1", "source": EMPTY, "wait_for": ["agent"]}]}
    world.objects["default", "/1.0/instances/i1/state"] = {"status": "Running", "processes": 7, "network": {}}
    run(world, definition, progress=Progress(told.append))
    words = list(dict.fromkeys(one["now"][0][1] for one in told if one["now"]))
    assert words == ["", "create", "start", "agent"]


def test_of_many_the_first_are_named_and_the_others_counted(clock):
    told = []
    progress = Progress(told.append)
    progress.apply(5)
    nodes = [Named(f"instance web{number}") for number in range(5)]
    for one in nodes:
        progress.begin(one)
    clock.sleep(2)
    progress.wait(nodes[1], "create")
    clock.sleep(3)
    progress.wait(nodes[1], "", "unpack 4%")
    assert told[-1]["now"] == [
        ["instance web0", "", 5.0],
        ["instance web1", "create, unpack 4%", 3.0],
        ["instance web2", "", 5.0],
    ]
    assert told[-1]["more"] == 2
    progress.wait(nodes[1], "", "unpack 4%")
    assert len(told) == 8, "nothing is new"
    progress.end(nodes[1], False)
    assert told[-1]["line"] == "1 of 5, created instance web1 in 5.0 s"


@pytest.mark.parametrize(
    ("action", "failed", "line"),
    [
        ("update", False, "updated instance x in 1.5 s"),
        ("replace", False, "replaced instance x in 1.5 s"),
        ("delete", False, "deleted instance x in 1.5 s"),
        ("", False, "instance x is ready after 1.5 s"),
        ("delete", True, "failed to delete instance x after 1.5 s"),
        ("", True, "failed to wait for instance x after 1.5 s"),
    ],
)
def test_the_line_of_a_resource(clock, action, failed, line):
    progress = Progress()
    progress.apply(1)
    one = Named("instance x", action)
    progress.begin(one)
    clock.sleep(1.5)
    progress.end(one, failed)
    assert progress.lines == [(f"1 of 1, {line}", failed)]


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (None, ""),
        ({}, ""),
        ({"fs": "x"}, ""),
        (
            {
                "create_instance_from_image_unpack_progress": "Unpack: 45% (120.45MB/s)",
                "progress": {"percent": "45", "stage": "create_instance_from_image_unpack"},
            },
            "unpack 45%",
        ),
        ({"download_progress": "rootfs: 7% (3.20MB/s)"}, "download 7%"),
        ({"container_progress": "Remapping container filesystem"}, "Remapping container filesystem"),
        ({"x_progress": "y" * 99}, "y" * 60),
        ({"x_progress": None, "y_progress": ["1%"]}, ""),
    ],
)
def test_what_an_operation_reports(metadata, words):
    assert stage(metadata) == words


# -- the file ---------------------------------------------------------------------------------------------------------


def opened(path, content=None, known=()):
    client = types.SimpleNamespace(hidden=Rules(frozenset(known)))
    return ProgressFile(path and str(path), client, [Document("", content, {})])


def test_the_file_is_for_its_owner_and_gone_at_the_end(tmp_path: pathlib.Path):
    path = tmp_path / "progress"
    with opened(path) as file:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        file.progress.plan()
        file.progress.apply(1)
        assert [json.loads(line)["total"] for line in path.read_text().splitlines()] == [None, 1]
    assert not path.exists()
    file.progress.plan()  # nobody reads it any more
    assert file.lines() == {"_progress": []}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_whoever_became_root_with_sudo_reads_it_without(tmp_path: pathlib.Path, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "4711")
    with opened(tmp_path / "progress"):
        assert (tmp_path / "progress").stat().st_uid == 4711


def test_what_is_there_already_is_not_written(tmp_path: pathlib.Path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        with opened(tmp_path / name) as file:
            file.progress.plan()
        assert (tmp_path / name).read_text() == "mine"


def test_without_a_path_nothing_is_collected_for_the_controller():
    with opened(None) as file:
        assert not file.progress.is_shown
        assert file.lines() == {}


def test_secrets_are_in_no_line(tmp_path: pathlib.Path):
    """Names are shown, and one may have a secret in it. Ansible hides it in the result only."""
    content = {"profiles": [{"config": {"user.password": "tulip-4711"}}]}
    with opened(tmp_path / "progress", content, known={"rose-4711", "no", "done"}) as file:
        file.progress.apply(2)
        for title in ("profile tulip-4711", "profile a-rose-4711-b", "profile no-done"):
            one = Named(title)
            file.progress.begin(one)
            file.progress.end(one, False)
        text = (tmp_path / "progress").read_text()
    assert "tulip" not in text and "rose" not in text
    assert "created profile ********" in text and "a-********-b" in text and "no-********" in text
    assert all("done" in json.loads(line) for line in text.splitlines())
    assert "rose" not in str(file.lines())
