# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another client writes between our read and our write, or just after it: both changes stay."""

from __future__ import annotations

import pathlib
import threading
import time
from typing import Any

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import converge as _converge
from lab.proxy import Cut

EMPTY = {"source": {"type": "none"}, "state": "stopped"}
OURS, THEIRS = {"user.ours": "1"}, {"user.theirs": "2"}


def put(api, path: str, **changes: Any) -> None:  # type: ignore[no-untyped-def]
    """A change by another client, with the rest of the object as it is; dictionaries are added to."""
    now = api.query(path)
    for key, value in changes.items():
        now[key] = {**now[key], **value} if isinstance(value, dict) else value
    api.query(path, "PUT", now)


INSTANCE = "/1.0/instances/race"


@pytest.fixture
def raced(api):  # type: ignore[no-untyped-def]
    """A profile, and an instance with a snapshot."""
    api.run("profile", name="race")
    api.run("instance", name="race", description="before", **EMPTY)
    api.run("instance_snapshot", instance="race", name="s1")
    yield api
    api.run("server", config={"user.race": None})


def test_a_write_of_somebody_else_before_that_of_the_server(raced) -> None:
    """The server refuses ours, which stands on what is no more (412), and we look again. What all other kinds do is in
    `test_conformance.py`.
    """
    raced.proxy.forget()
    other = {"config": {"user.race": "theirs"}}
    raced.proxy.cut = Cut("PATCH /1.0$", lambda: raced.query("/1.0", "PATCH", other), "came")
    done = raced.run("server", config={"user.race": "ours"})
    assert raced.proxy.cut is None, "nobody else wrote, so this proves nothing"
    assert done["changed"] is True
    assert len(raced.proxy.writes) == 2, f"what stood on an old look was not refused: {raced.proxy.writes}"
    assert (
        raced.query("/1.0")["config"].items()
        >= {
            "user.race": "ours",
            "images.compression_algorithm": "none",
        }.items()
    )


def test_a_write_of_somebody_else_before_the_description_of_what_was_restored(raced) -> None:
    """The description that a restore takes along is written back, and what somebody else writes meanwhile stays; it is
    restored once.
    """
    raced.run("instance", name="race", description="after", state="present")
    path = f"PUT {INSTANCE}$"

    def second() -> None:
        raced.proxy.cut = Cut(path, lambda: put(raced, INSTANCE, config=THEIRS), "came")

    raced.proxy.forget()
    raced.proxy.cut = Cut(path, second, "came")
    done = raced.run("instance_snapshot", instance="race", name="s1", state="restored")
    assert raced.proxy.cut is None, "nobody else wrote, so this proves nothing"
    assert done["actions"] == ["restore instance race from snapshot s1"]
    assert len(raced.proxy.writes) == 3, (
        f"a restore, a description that is refused, and once more: {raced.proxy.writes}"
    )
    seen = raced.query(INSTANCE)
    assert (seen["description"], seen["config"].get("user.theirs")) == ("after", "2")


def test_a_write_of_somebody_else_before_an_alias_is_moved(raced, tiny: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = tmp_path / "other.tar.gz"
    other.write_bytes(tiny.read_bytes() + b"\0" * 512)  # what follows the end of an archive is not looked at
    raced.run("image", name="race", file=str(tiny))
    alias = "/1.0/images/aliases/race"
    raced.proxy.forget()
    raced.proxy.cut = Cut(f"PUT {alias}", lambda: put(raced, alias, description="theirs"), "came")
    done = raced.run("image", name="race", file=str(other))
    assert raced.proxy.cut is None, "nobody else wrote, so this proves nothing"
    seen = raced.query(alias)
    assert (seen["target"], seen["description"]) == (done["image"]["fingerprint"], "theirs")


def test_a_write_of_somebody_else_that_ends_after_ours(raced, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was let in together with ours, when neither was written, and takes ours back: so what came of ours is looked
    at a while later.
    """
    path = "/1.0/profiles/race"
    other = threading.Timer(0.2, lambda: raced.query(path, "PUT", {"config": THEIRS, "devices": {}, "description": ""}))

    def busy() -> None:
        time.sleep(0.2)  # so long a busy server takes for ours
        other.start()

    raced.proxy.forget()
    raced.proxy.cut = Cut(f"PUT {path}", busy)
    monkeypatch.setattr(_converge, "LONGEST_LOOK", 3.0)
    assert raced.run("profile", name="race", config=OURS)["changed"] is True
    other.join()
    assert raced.query(path)["config"] == {**OURS, **THEIRS}
    assert raced.proxy.writes == [f"PUT {path}"] * 2, "the other write did not take ours back, so this proves nothing"
