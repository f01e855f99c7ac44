# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that break while an instance is made, a daemon that dies: the task or its next run converges, and nothing
is done twice. Where the connection breaks in the requests of any kind is in `test_conformance.py`.
"""

from __future__ import annotations

import re
import threading
import time

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.deadline import Deadline
from integration.modules import ModuleFailed
from lab.proxy import Cut

PROFILE = {"name": "cut", "description": "d", "config": {"limits.cpu": 1}}


@pytest.mark.parametrize(
    "request_",
    ["POST /1.0/instances$", "PUT /1.0/instances/cut/state", "GET /1.0/operations/.*/wait", "GET /1.0/instances/cut$"],
)
def test_an_instance_whose_creation_is_cut(api, request_: str) -> None:
    api.proxy.forget()
    api.proxy.cut = Cut(request_, "after")
    assert api.run("instance", name="cut", image="busybox", wait_for=["ipv4"])["changed"] is True
    assert api.proxy.cut is None, "the fault did not happen, so this proves nothing"
    assert len([request for request in api.proxy.writes if request.startswith("POST /1.0/instances")]) == 1, (
        "created twice"
    )
    assert [
        instance["name"] for instance in api.query("/1.0/instances?recursion=1") if instance["name"] != "shared"
    ] == ["cut"]
    api.unchanged("instance", name="cut", image="busybox")


def test_what_is_done_once_is_not_repeated(api, running: str) -> None:
    """The connection breaks while a restart is waited for: it is waited for again, and the instance is not restarted a
    second time.
    """
    api.proxy.forget()
    api.proxy.cut = Cut("GET /1.0/operations/.*/wait", "after")
    done = api.run("instance", name=running, state="restarted", force=True)
    assert api.proxy.cut is None, "the fault did not happen, so this proves nothing"
    assert (done["changed"], done["actions"]) == (True, [f"restart instance {running}"])
    assert api.proxy.writes == [f"PUT /1.0/instances/{running}/state"], "restarted twice"


def test_a_daemon_that_restarts_is_waited_for(api) -> None:
    api.run("profile", **PROFILE)
    api.daemon.kill()
    restart = threading.Timer(0.3, api.daemon.start)  # when the task has met the socket that nobody listens at
    restart.start()
    try:
        done = api.run("profile", name="cut", config={"limits.cpu": 4}, url=api.daemon.url, timeout=60)
    finally:
        restart.join()
    assert done["changed"] is True
    api.daemon.wait_ready()


def test_a_daemon_that_dies_for_good_is_named(api) -> None:
    api.run("profile", **PROFILE)
    api.daemon.kill()
    begin = time.monotonic()
    with pytest.raises(ModuleFailed, match="unix:.*The daemon is not running there"):
        api.run("profile", name="cut", config={"limits.cpu": 5}, url=api.daemon.url, timeout=1)
    assert time.monotonic() - begin < 10
    api.daemon.start()


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


#: Points of a creation, and where in them: the daemon has it and says nothing yet, or has said that it began.
KILLED = [
    ("POST /1.0/instances$", "sent"),
    ("POST /1.0/instances$", "answered"),
    ("GET /1.0/operations/.*/wait", "sent"),
    ("PUT /1.0/instances/victim0/state", "answered"),
]


@pytest.mark.parametrize(("request_", "at"), KILLED, ids=[f"{request.split('/')[2]} {at}" for request, at in KILLED])
def test_a_daemon_killed_while_it_creates(api, monkeypatch: pytest.MonkeyPatch, request_: str, at: str) -> None:
    """kill -9 of the daemon in the middle of a creation: the next run converges, or says how to get rid of what the
    daemon left broken.
    """
    api.run("instance", name="warm", image="busybox", state="present")  # the pool has the image unpacked from now on
    limits: list[Deadline] = []

    def kill() -> None:
        """From now on the task has a second, however long it took to come here."""
        api.daemon.kill()
        for limit in limits:
            limit._end = time.monotonic() + 1

    init = Deadline.__init__
    monkeypatch.setattr(Deadline, "__init__", lambda self, seconds: (init(self, seconds), limits.append(self))[0])
    api.proxy.cut = Cut(request_, kill, at)
    with pytest.raises(
        ModuleFailed, match="daemon is not running|closed the connection|Broken pipe|Connection reset|timeout"
    ):
        api.run("instance", name="victim0", image="busybox", timeout=60)
    assert api.proxy.cut is None, "it was not killed where it was to be, so this proves nothing"
    api.daemon.start()
    for number in range(2):
        victim = {"name": f"victim{number}", "image": "busybox", "timeout": 60}
        try:
            api.run("instance", **victim)
        except ModuleFailed as exc:
            obey(api, str(exc), victim["name"])
            api.run("instance", **victim)
        api.unchanged("instance", **victim)
