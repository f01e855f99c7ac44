# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first command that a newcomer runs, on this machine, for both products. test_again.py runs it once more,
test_clean.py takes it back.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = {"lxd": "lxc", "incus": "incus"}
#: Where what is the same for both products is tested.
SHARED = os.environ.get("CLOUDHOST_TEST_SHARED", "lxd incus").split()


def quickstart(*arguments: str) -> str:
    done = subprocess.run(
        ["./quickstart.sh", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def instances(product: str) -> list[dict]:
    done = subprocess.run([CLIENTS[product], "list", "--format=json"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=sorted(CLIENTS, reverse=True))
def first(request):
    """The product and what the first run said."""
    return request.param, quickstart("--product", request.param)


def test_there_is_a_container_with_an_address_and_a_snapshot(first):
    product, said = first
    (instance,) = [instance for instance in instances(product) if instance["name"] == "quickstart"]
    assert instance["status"] == "Running"
    assert instance["config"]["limits.memory"] == "512MiB"  # the change to 1GiB was taken back
    assert "user.note" not in instance["config"]
    assert [snapshot["name"] for snapshot in instance["snapshots"]] == ["fresh"]
    inside = [
        address["address"]
        for address in instance["state"]["network"]["eth0"]["addresses"]
        if address["family"] == "inet"
    ]
    assert inside and f"at {inside[0]}" in said


def test_it_says_how_long_everything_took(first):
    assert len(re.findall(r"^== .*: \d+ s$", first[1], re.M)) == 4
    assert re.search(r"^== Done in \d+ s\.$", first[1], re.M)


def test_a_service_in_it_answers(first):
    """Through the connection and the inventory of the collection: the container has no ssh server."""
    assert re.search(r"http://[\d.]+/ answers: quickstart on local says hello", first[1]), first[1]


def assert_unchanged(said: str) -> None:
    for host in ("localhost", "quickstart"):
        assert re.search(rf"^{host} +: ok=\d+ +changed=0 ", said, re.M), said


@pytest.mark.parametrize("first", SHARED, indirect=True)
def test_the_second_run_changes_nothing_and_mends_a_killed_lxcfs(first):
    """Its mount stays and refuses everything: where no init system cleans up, the role does. No other session uses
    lxcfs yet.
    """
    product = first[0]
    assert_unchanged(quickstart("--product", product))
    subprocess.run(["pkill", "-KILL", "-x", "lxcfs"], check=True)
    quickstart("--product", product)
    assert pathlib.Path("/var/lib/lxcfs/proc/meminfo").read_text()
    assert_unchanged(quickstart("--product", product))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--product", "docker"], "error: --product 'docker' is unknown: write lxd or incus"),
        (["--prodct"], "error: unknown option --prodct: write ./quickstart.sh [--product lxd|incus] [--clean]"),
        (["--product"], "error: --product '' is unknown: write lxd or incus"),
    ],
)
def test_wrong_options_are_one_line(arguments, words):
    done = subprocess.run(["./quickstart.sh", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", words)


def test_without_root_it_says_so(tmp_path):
    tmp_path.chmod(0o755)
    script = tmp_path / "id"
    script.write_text("#!/bin/sh\necho 1000\n")
    script.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["./quickstart.sh"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (
        1,
        "error: this needs root, to install and run a daemon: run it with sudo",
    )
