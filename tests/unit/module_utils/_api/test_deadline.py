# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time of a task: how long a server that does not recover, and a socket that does not exist, are waited for."""

from __future__ import annotations

import os

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    DeadlineExceeded,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.tests.unit.clock import Hasty
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import DROP, FakeServer, error, page, sync

EOF = "Failed to begin transaction: call begin (budget 0s): receive: header: EOF"
pytestmark = pytest.mark.usefixtures("clock")

WRITES = ("POST", "PUT", "PATCH", "DELETE")
SERVER = {"api_extensions": ["network_peer"], "environment": {"server": "incus", "server_version": "6.0.4"}}


def impatient(server, timeout=0.6, **kwargs):
    return Client(Hasty(server), timeout, **kwargs)


# -- deadlines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "failure", "passed"),
    [
        (error(500, EOF), DeadlineExceeded, 0.6),
        (page(502), DeadlineExceeded, 0.6),
        (DROP, DeadlineExceeded, 0.6),
        (sync({}, silent=True), ConnectionFailed, 0.6),
    ],
    ids=["words", "proxy", "cut", "silent"],
)
def test_a_server_that_does_not_recover(server, clock, trouble, failure, passed):
    server.on("GET /1.0", trouble)
    with pytest.raises(failure):
        Client(Hasty(server, clock), 0.6).get("/1.0")
    assert clock.passed == pytest.approx(passed)


def test_the_servers_last_words_are_told_when_the_time_is_over(server):
    server.on("GET /1.0", error(500, EOF))
    with pytest.raises(DeadlineExceeded, match="timeout of 0.6 s is over.*receive: header: EOF"):
        impatient(server).get("/1.0")


def test_nothing_is_sent_after_the_deadline(server, clock):
    client = impatient(server, 0.01)
    clock.sleep(0.02)
    with pytest.raises(
        DeadlineExceeded, match=rf"^The timeout of 0.01 s is over while sending GET /1.0 to {server.url}\.$"
    ):
        client.get("/1.0")
    assert server.requests == []


def test_pauses_end_with_the_deadline(clock):
    deadline = Deadline(0.3)
    with pytest.raises(DeadlineExceeded, match="is over while looking"):
        for attempt in range(100):
            deadline.pause(attempt, "looking")
    assert 0.29 < clock.passed < 0.32


def test_pauses_double_up_to_the_longest(clock):
    deadline = Deadline(600)
    for attempt in range(6):
        deadline.pause(attempt, "looking")
    deadline.pause(9, "looking", longest=2.5)
    deadline.pause(99, "looking", longest=60.0)
    assert clock.pauses == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 2.5, 3.2]


# -- the socket is not there yet --------------------------------------------------------------------------------------


def test_a_missing_folder_fails_at_once(folder, clock):
    with pytest.raises(ConnectionFailed, match="there is no such socket"):
        Client(Transport(f"unix://{folder}/none/unix.socket"), 10).get("/1.0")
    assert clock.pauses == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_socket_that_appears_is_waited_for(folder, clock, method):
    path, started = os.path.join(folder, "unix.socket"), []

    def start():
        started.append(FakeServer(path + ".new"))
        started[0].on(f"{method} /1.0/x", sync("late"))
        os.rename(path + ".new", path)

    clock.at(25, start)
    assert Client(Transport("unix://" + path), 60).request(method, "/1.0/x").metadata == "late"
    started[0].close()


def test_a_socket_that_never_appears(folder, clock):
    with pytest.raises(ConnectionFailed, match=r"there is no such socket.*\(tried \d+ times, for GET /1.0\)"):
        Client(Transport(f"unix://{folder}/unix.socket"), 0.49).get("/1.0")
    assert clock.passed == pytest.approx(0.3)


def test_a_socket_that_never_appears_is_waited_for_half_a_minute(folder, clock):
    with pytest.raises(ConnectionFailed, match="there is no such socket"):
        Client(Transport(f"unix://{folder}/unix.socket"), 600).get("/1.0")
    assert 30 < clock.passed <= 31
