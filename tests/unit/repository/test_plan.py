# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which the sessions of a whole run begin (`tests/run/plan.py`)."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "run"))

import plan  # noqa: E402 - the tests folder is no package of the collection


@pytest.mark.parametrize("product", plan.PRODUCTS)
def test_what_others_wait_for_goes_first(product):
    """However short it is: the longest session waits for it."""
    jobs = plan.full([product])
    longest = max(jobs, key=lambda job: job.seconds)
    order = sorted(jobs, key=lambda job: -plan.remaining(job, jobs))
    assert [job.name for job in order[:3]] == [plan.FIRST.name, plan.CEPH_AND_OVN.name, longest.name]
    assert plan.CEPH_AND_OVN.seconds < longest.seconds


def test_only_sessions_of_the_run_are_waited_for():
    jobs = plan.full(plan.PRODUCTS)
    names = {job.name for job in jobs}
    assert len(names) == len(jobs) and all(names >= set(job.after) for job in jobs)
