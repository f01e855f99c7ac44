# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stack says of changes that failed: where each is written, and whether another run can help."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    StackFailed,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.messages import failure
from ansible_collections.cloudhost.lxd.plugins.module_utils._stack.document import Document
from ansible_collections.cloudhost.lxd.tests.unit.stacks import run
from ansible_collections.cloudhost.lxd.tests.unit.world import WorldClient

PROFILES = {"profiles": [{"name": "a"}, {"name": "b"}, {"name": "c", "depends_on": ["profile/b"]}]}
LINES = {"profiles": 1, "profiles/0": 2, "profiles/0/name": 2, "profiles/1": 7, "profiles/2": 9}
WRITTEN = [Document("shop.yml", PROFILES, LINES)]


class Client(WorldClient):
    """Does not create profiles for which `world.trouble` has an error."""

    def another(self):
        other = Client(self.world)
        other.deadline = self.deadline
        return other

    def write(self, method, path, body=None, *rest, **query):
        error = self.world.trouble.get((body or {}).get("name"))
        if error:
            raise error
        return super().write(method, path, body, *rest, **query)


def failed(world, trouble, faults=(), **more):
    world.trouble = trouble
    world.faults.update({f"/1.0/profiles/{name}": "Invalid value" for name in faults})
    with pytest.raises(StackFailed) as caught:
        run(world, client=Client(world), **{"documents": WRITTEN, **more})
    return caught.value


def test_each_error_has_its_file_and_line(world):
    error = failed(world, {}, ["a", "b"])
    lines = str(error).split("\n")
    assert lines[1].startswith("- shop.yml:2: profiles[0] 'a': Failed to create profile a on lxd 6.1 at world: ")
    assert lines[2].startswith("- shop.yml:7: profiles[1] 'b': Failed to create profile b on lxd 6.1 at world: ")
    assert lines[3] == "- skipped, because profile b failed: profile c"
    rows = [(row["name"], row["file"], row["line"]) for row in error.result["failed_resources"]]
    assert rows == [("a", "shop.yml", 2), ("b", "shop.yml", 7)]


def test_a_definition_has_no_file_and_what_is_pruned_no_entry(world):
    error = failed(world, {}, ["b"], documents=[Document("", PROFILES, {})])
    assert "\n- profiles[1] 'b': Failed to create profile b on " in str(error)
    assert [(row["file"], row["line"]) for row in error.result["failed_resources"]] == [(None, None)]
    world.faults["/1.0/profiles/a"] = "it is busy"
    error = failed(world, {}, documents=[], absent=True)
    assert "\n- profile a: Failed to delete profile a on " in str(error)
    assert [(row["file"], row["line"]) for row in error.result["failed_resources"]] == [(None, None)]


AGAIN, CORRECT = "What is done stays; run it again to do", "What is done stays. Correct what failed, then run it again"
PASSES = "This error can pass by itself."


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ConnectionFailed("no answer"), True),
        (ConnectionFailed("wrong certificate", permanent=True), False),
        (DeadlineExceeded("the time is over"), True),
        (None, False),
    ],
    ids=["connection", "certificate", "timeout", "refused"],
)
def test_another_run_is_advised_only_where_it_helps(world, error, retryable):
    found = failed(world, {"b": error}, [] if error else ["b"])
    assert (AGAIN in str(found), CORRECT in str(found)) == (retryable, not retryable)
    assert failure(found)["retryable"] is retryable and PASSES not in str(found)
    assert [row["retryable"] for row in found.result["failed_resources"]] == [retryable]


def test_of_several_errors_those_that_can_pass_are_named(world):
    found = failed(world, {"b": ConnectionFailed("no answer")}, ["a"])
    lines = str(found).split("\n")
    assert CORRECT in lines[0] and PASSES not in lines[1] and lines[2].endswith(f"no answer {PASSES}")
    assert failure(found)["retryable"] is False
    assert [row["retryable"] for row in found.result["failed_resources"]] == [False, True]


def test_what_was_not_begun_in_time_can_be_done_by_another_run(world):
    client = Client(world, timeout=0)
    world.trouble = {}
    with pytest.raises(StackFailed) as caught:
        run(world, PROFILES, client=client)
    assert AGAIN in str(caught.value) and failure(caught.value)["retryable"] is True
