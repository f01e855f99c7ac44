# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that break at every point, a daemon that dies: the task or its next run converges, and nothing is done twice."""

from __future__ import annotations

import re
import threading
import time

import pytest
from integration.modules import ModuleFailed
from lab.proxy import Cut

PROFILE = {"name": "cut", "description": "d", "config": {"limits.cpu": 1}}


@pytest.mark.parametrize("when", ["before", "after", "mid"])
def test_a_create_that_is_cut(api, when: str) -> None:
    api.proxy.cut = Cut("POST /1.0/profiles", when)
    done = api.run("profile", **PROFILE)
    assert (done["changed"], done["actions"]) == (True, ["create profile cut"])
    assert api.query("/1.0/profiles/cut")["config"] == {"limits.cpu": "1"}
    api.unchanged("profile", **PROFILE)
    api.run("profile", name="cut", state="absent")


@pytest.mark.parametrize("when", ["before", "after", "mid"])
@pytest.mark.parametrize("request_", ["GET /1.0/profiles/cut", "PUT /1.0/profiles/cut", "DELETE /1.0/profiles/cut"])
def test_other_requests_that_are_cut(api, when: str, request_: str) -> None:
    api.run("profile", **PROFILE)
    api.proxy.cut = Cut(request_, when)
    assert api.run("profile", name="cut", config={"limits.cpu": 2})["changed"] is True
    assert api.query("/1.0/profiles/cut")["config"] == {"limits.cpu": "2"}
    api.run("profile", name="cut", state="absent")
    assert api.daemon.query("/1.0/profiles/cut", check=False) is None
    assert api.proxy.cut is None, "the fault did not happen, so this proves nothing"


@pytest.mark.parametrize("request_", ["POST /1.0/instances$", "PUT /1.0/instances/cut/state", "GET /1.0/operations/.*/wait", "GET /1.0/instances/cut$"])
def test_an_instance_whose_creation_is_cut(api, request_: str) -> None:
    api.proxy.forget()
    api.proxy.cut = Cut(request_, "after")
    assert api.run("instance", name="cut", image="busybox", wait_for=["ipv4"])["changed"] is True
    assert api.proxy.cut is None, "the fault did not happen, so this proves nothing"
    assert len([request for request in api.proxy.writes if request.startswith("POST /1.0/instances")]) == 1, "created twice"
    assert [instance["name"] for instance in api.query("/1.0/instances?recursion=1") if instance["name"] != "shared"] == ["cut"]
    api.unchanged("instance", name="cut", image="busybox")


def test_somebody_else_writes_meanwhile(api) -> None:
    """A change between our read and our write is not overwritten (412): both stay."""
    api.run("profile", **PROFILE)
    seen: list[int] = []
    original = api.proxy._head

    def head(stream):  # type: ignore[no-untyped-def]
        got = original(stream)
        if got[0].startswith(b"PUT /1.0/profiles/cut") and not seen:
            seen.append(1)
            api.daemon.cli("profile", "set", "cut", "user.other", "1")
        return got

    api.proxy._head = head
    try:
        done = api.run("profile", name="cut", config={"limits.cpu": 3})
    finally:
        api.proxy._head = original
    assert seen
    assert done["changed"] is True
    assert api.query("/1.0/profiles/cut")["config"] == {"limits.cpu": "3", "user.other": "1"}
    api.run("profile", name="cut", state="absent")


def test_a_daemon_that_restarts_is_waited_for(api) -> None:
    api.run("profile", **PROFILE)
    api.daemon.kill()
    restart = threading.Timer(2, api.daemon.start)
    restart.start()
    try:
        done = api.run("profile", name="cut", config={"limits.cpu": 4}, url=api.daemon.url, timeout=60)
    finally:
        restart.join()
    assert done["changed"] is True
    api.daemon.wait_ready()
    api.run("profile", name="cut", state="absent")


def test_a_daemon_that_dies_for_good_is_named(api) -> None:
    api.run("profile", **PROFILE)
    api.daemon.kill()
    begin = time.monotonic()
    with pytest.raises(ModuleFailed, match="unix:.*The daemon is not running there"):
        api.run("profile", name="cut", config={"limits.cpu": 5}, url=api.daemon.url, timeout=3)
    assert time.monotonic() - begin < 10
    api.daemon.start()
    api.run("profile", name="cut", state="absent")


def obey(api, error: str, name: str) -> None:
    """Do what the error says about a record without storage."""
    assert "remove it with state: absent" in error, error
    try:
        api.run("instance", name=name, state="absent")
    except ModuleFailed as exc:  # killed between the directory and the subvolume in it
        assert "remove that directory on the host" in str(exc)
        (left,) = set(re.findall(rf"/[^\s\"\\]+/containers/{name}\b", str(exc)))
        api.daemon.within("rm", "-r", left)
        api.run("instance", name=name, state="absent")


@pytest.mark.parametrize("delay", [0.03, 0.08, 0.15, 0.2])
def test_a_daemon_killed_while_it_creates(api, delay: float) -> None:
    """kill -9 of the daemon in the middle of a creation: the next run converges, or says how to get rid of what the daemon left broken."""
    api.run("instance", name="warm", image="busybox", state="present")  # the pool has the image unpacked from now on
    killer = threading.Timer(delay, api.daemon.kill)
    killer.start()
    with pytest.raises(ModuleFailed, match="daemon is not running|closed the connection|timeout"):
        for number in range(50):
            api.run("instance", name=f"victim{number}", image="busybox", url=api.daemon.url, timeout=4)
    killer.join()
    api.daemon.start()
    for number in range(2):
        victim = {"name": f"victim{number}", "image": "busybox", "timeout": 60}
        try:
            api.run("instance", **victim)
        except ModuleFailed as exc:
            obey(api, str(exc), victim["name"])
            api.run("instance", **victim)
        api.unchanged("instance", **victim)
