# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ./test.sh runs: sessions of noxfile.py as jobs, with what each has to wait for."""

from __future__ import annotations

from typing import NamedTuple

PRODUCTS = ("lxd", "incus")


class Job(NamedTuple):
    #: The session of noxfile.py.
    name: str
    #: About how long it takes on two quiet cores; the longest job that can start is started first.
    seconds: int
    #: The jobs that must have passed before it.
    after: tuple[str, ...] = ()
    #: Whether it takes only the processor time that others leave. No test of such a job depends on the time that something takes.
    patient: bool = False
    #: Whether services that it starts go on running.
    leaves: bool = False
    #: Whether it waits until nothing else runs.
    last: bool = False


FAST = [
    Job("sanity", 180, patient=True),
    Job("lint", 60, patient=True),
    Job("docs", 45, patient=True),
    Job("unit-2.19", 40, patient=True),
    Job("unit-2.21", 40, patient=True),
    Job("unit-oldest", 40, patient=True),
    Job("types", 20, patient=True),
]
#: On this machine itself: what installs both daemons.
FIRST = Job("quickstart", 900, leaves=True)
CEPH_AND_OVN = Job("packages", 590, (FIRST.name,), leaves=True)  # not beside the first, since APT installs for one at a time
#: In full on each product, because it depends on what the daemon says, does or has.
EACH = {"clusters": 250, "integration": 240, "reach": 160}
#: In full on one product, because roles, playbooks and scenarios name none. Tests with the marker C(both) run on the other one all the same.
SHARED = {"hosts": 600, "roles": 300}


def chosen(commit: str) -> str:
    """The product that the shared sessions run on for a commit."""
    return PRODUCTS[int(commit, 16) % len(PRODUCTS)]


def fast() -> list[Job]:
    return FAST


def plain(commit: str) -> list[Job]:
    return _full({name: (chosen(commit),) for name in SHARED})


def everything() -> list[Job]:
    return _full(dict.fromkeys(SHARED, PRODUCTS))


def left_out(jobs: list[Job]) -> list[str]:
    """The sessions that C(everything) has besides."""
    there = {job.name for job in jobs}
    return [job.name for job in everything() if job.name not in there]


def _full(shared: dict[str, tuple[str, ...]]) -> list[Job]:
    after = {"clusters": (FIRST.name, CEPH_AND_OVN.name)}
    sessions = [(name, product, EACH[name]) for name in EACH for product in PRODUCTS]
    sessions += [(name, product, SHARED[name]) for name, products in shared.items() for product in products]
    daemons = [Job(f"{name}-{product}", seconds, after.get(name, (FIRST.name,))) for name, product, seconds in sessions]
    return [FIRST, CEPH_AND_OVN, Job("again", 100, (FIRST.name,), leaves=True), *daemons, *FAST, Job("clean", 30, (FIRST.name,), last=True)]
