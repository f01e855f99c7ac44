# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ./test.sh runs: sessions of noxfile.py as jobs, with what each has to wait for."""

from __future__ import annotations

from typing import NamedTuple, Sequence

PRODUCTS = ("lxd", "incus")
#: How many examples the property tests try where fewer than a hundred do: in the fast tier, and with all Pythons but
#: the newest.
FEW = "20"


class Job(NamedTuple):
    #: The session of noxfile.py.
    name: str
    #: About how long it takes in a whole run.
    seconds: int
    #: The jobs that must have passed before it.
    after: tuple[str, ...] = ()
    #: Whether it takes only the processor time that others leave. No test of such a job depends on the time that
    #: something takes.
    patient: bool = False
    #: Whether services that it starts go on running.
    leaves: bool = False
    #: Whether it waits until nothing else runs.
    last: bool = False
    #: Patterns of the files that it depends on, for the fast tier (`unchanged`).
    reads: tuple[str, ...] = ("*",)
    #: For a session that takes files as arguments: the patterns of those after whose change all are looked at. None for
    #: other sessions.
    wide: tuple[str, ...] | None = None


#: All but what is Python inside: of that, nothing is shown to users.
_SHOWN = ("*", "!plugins/module_utils/*", "!plugins/plugin_utils/*", "!tests/*.py")
#: What sanity runs besides ansible-test, and with.
_PYTHONS = ("tests/importable.py", "tests/run/bootstrap.py", "tests/run/pythons.py")
#: What needs no daemon.
CHECKS = [
    Job(
        "sanity",
        130,
        patient=True,
        reads=("*", "!tests/*", "tests/sanity/*", *_PYTHONS),
        wide=("plugins/doc_fragments/*", "tests/sanity/*", "galaxy.yml", "meta/*", "noxfile.py", *_PYTHONS),
    ),
    Job("lint-ansible", 70, patient=True, reads=(*_SHOWN, "!docs/*", "!*.md")),
    Job("docs", 15, patient=True, reads=(*_SHOWN, "tests/documented.py")),
    Job("unit-2.19", 65, patient=True),
    Job("unit-2.21", 150, patient=True),
    Job("unit-oldest", 45, patient=True),
    Job("lint", 5, patient=True),
    Job("types", 5, patient=True, reads=("plugins/*", "pyproject.toml", "noxfile.py")),
]
#: Those of the fast tier: ansible-core of the oldest series has to wait for the whole run.
FAST = [job for job in CHECKS if job.name != "unit-2.19"]
#: On this machine itself: what installs both daemons.
FIRST = Job("quickstart", 150, leaves=True)
# Not beside the first, since APT installs for one at a time.
CEPH_AND_OVN = Job("packages", 60, (FIRST.name,), leaves=True)
#: What all kinds do alike, and what only it has, on a newer Incus, which is not installed.
NEWER = Job("integration-incus7", 250, (FIRST.name,))
#: In full on each product, because it depends on what the daemon says, does or has.
EACH = {"clusters": 300, "integration": 700}
#: In full on one product, because roles, playbooks, scenarios and what a connection does in a container name none; on
#: the other one only the tests that carry the marker `both`. How long the one and the other takes.
SHARED = {"roles": (1000, 250), "hosts": (900, 500), "cloud": (800, 550), "reach": (450, 200)}
#: The releases of Debian on which the roles of the private cloud have run, with their Ceph and OVN.
CLOUDS = ("bookworm", "trixie")


def remaining(job: Job, jobs: Sequence[Job]) -> int:
    """Seconds until a job that starts now and the last one of those that wait for it have ended. That with the most
    starts first, so that no core is idle at the end.
    """
    return job.seconds + max((remaining(other, jobs) for other in jobs if job.name in other.after), default=0)


def chosen(commit: str) -> str:
    """The product that the shared sessions run on in full, for a commit."""
    return PRODUCTS[int(commit, 16) % len(PRODUCTS)]


def full(whole: Sequence[str]) -> list[Job]:
    """Everything, the shared sessions in full on the products of `whole`."""
    after = dict.fromkeys(("clusters", "roles"), (FIRST.name, CEPH_AND_OVN.name))
    seconds = {(name, product): EACH[name] for name in EACH for product in PRODUCTS}
    seconds.update({(name, product): SHARED[name][product not in whole] for name in SHARED for product in PRODUCTS})
    daemons = [
        Job(f"{name}-{product}", about, after.get(name, (FIRST.name,))) for (name, product), about in seconds.items()
    ]
    return [
        FIRST,
        CEPH_AND_OVN,
        Job("again", 150, (FIRST.name,), leaves=True),
        *daemons,
        NEWER,
        *CHECKS,
        Job("clean", 30, (FIRST.name,), last=True),
    ]
