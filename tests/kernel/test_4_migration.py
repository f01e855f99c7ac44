# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live migration between two members of a cluster, by our modules: what a virtual machine has in its memory stays, its
counter goes on, and its clock with it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest
from lab import kernel_machines

#: Seconds of the counter that are looked at before and after a move.
SPAN = 10
#: Only in memory: a machine that is started anew has it not.
SECRET = "/run/secret"


class Tick(NamedTuple):
    """A line of the counter of the guest."""

    count: int
    clock: float
    uptime: float


@pytest.fixture(scope="module")
def members(host):
    host.renew(kernel_machines.cluster(host))
    found = [kernel_machines.member(host, name) for name in kernel_machines.MEMBERS]
    found[0].inside("web", f"echo of-memory >{SECRET}")
    return found


def ticks(daemon):
    """All lines of the counter until now."""
    lines = daemon.inside("web", "cat /run/counter").splitlines()
    return [Tick(int(count), float(clock), float(up)) for count, clock, up in (line.split() for line in lines)]


def offset(daemon):
    """Seconds by which the guest's clock is ahead of the host's, and half of what the question took."""
    command = "incus exec web -- sh -c 'echo $EPOCHREALTIME'; date +%s.%N"
    before, guest, after = daemon.host.ssh(f"date +%s.%N; export INCUS_DIR=/var/lib/m1; {command}").split()
    return float(guest) - (float(before) + float(after)) / 2, (float(after) - float(before)) / 2


def location(daemon, name="web"):
    instance = daemon.query(f"/1.0/instances/{name}")
    return instance["location"], instance["status"]


def same_life(before, after):
    """The counter after a move is the one of before: every number once, no line lost, and time goes forward."""
    assert after[: len(before)] == before, "the counter has been started anew"
    assert [tick.count for tick in after] == list(range(1, len(after) + 1)), "the counter jumps"
    assert all(one.clock < next_.clock and one.uptime < next_.uptime for one, next_ in zip(after, after[1:]))


def lead(lines):
    """Seconds by which the clock that can be set is ahead of the one since the start. The shell that reads one after
    the other may be late in between, never early.
    """
    return min(tick.clock - tick.uptime for tick in lines)


def show(words, lines):
    last = lines[-1].clock
    print(f"\n{words}:")
    for tick in lines:
        if last - tick.clock <= SPAN:
            print(f"  count {tick.count}  clock {tick.clock:.3f}  uptime {tick.uptime:.2f}")


def test_a_move_while_it_runs(members):
    first, second = members
    before, (ahead, error) = ticks(first), offset(first)
    done = first.converges("instance", name="web", target="m2")
    assert done["actions"] == ["move instance web from member m1 to m2"]
    assert location(second) == ("m2", "Running")
    first.run("instance", name="web", wait_for=["agent"], state="started")
    end = before[-1].count + 2 * SPAN
    while (after := ticks(first))[-1].count < end:
        time.sleep(1)
    moved, error_after = offset(first)
    show("before the move", before)
    show("after the move", after)
    print(f"clock of the guest minus that of the host: {ahead:.3f} s before, {moved:.3f} s after the move")
    same_life(before, after)
    assert abs(lead(after[len(before) :]) - lead(before)) < 1
    assert first.inside("web", f"cat {SECRET}") == "of-memory\n"
    assert abs(moved - ahead) <= 1 + error + error_after


def test_evacuation_moves_it_live_and_restoration_back(members):
    first, second = members
    before = ticks(first)
    first.run("instance", name="web", config={"cluster.evacuate": "live-migrate"})
    first.run("cluster_member", name="m2", state="evacuated")
    assert location(first) == ("m1", "Running")
    first.run("instance", name="web", wait_for=["agent"], state="started")
    same_life(before, ticks(first))
    assert first.inside("web", f"cat {SECRET}") == "of-memory\n"


def test_a_stateful_snapshot_brings_back_what_was_in_memory(members):
    """Of a machine that went on: its memory, its processes and its clock's last value are those of the snapshot."""
    first = members[0]
    first.converges("instance_snapshot", instance="web", name="then", stateful=True)
    then = ticks(first)
    first.inside("web", f"echo later >{SECRET}; echo later >/root/file; sync")
    first.run("instance_snapshot", instance="web", name="then", state="restored", stateful=True)
    first.run("instance", name="web", wait_for=["agent"], state="started")
    assert first.inside("web", f"cat {SECRET}; ls /root") == "of-memory\n"
    assert ticks(first)[: len(then) - 5] == then[: len(then) - 5]
