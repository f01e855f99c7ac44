# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Samples of output in the guide: the code prints exactly this."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from ansible_collections.cloudhost.lxd.tests.unit.repository.test_claims import page, rows
from ansible_collections.cloudhost.lxd.tests.unit.stacks import EMPTY, run

pytestmark = pytest.mark.usefixtures("rootless")
ROOT = pathlib.Path(__file__).resolve().parents[3]


def blocks(name, begin):
    """The text blocks of a page that begin so."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = [block for block in re.findall(r"(?s)```text\n(.*?)```", text) if block.startswith(begin)]
    assert found, f"{name} has no sample that begins with {begin}"
    return found


def without_heading(text):
    return text.split("\n", 1)[1]


def test_the_plan_of_a_stack(world):
    """As docs/stack.md shows it, with as many unchanged resources."""
    sample, _exact = blocks("docs/stack.md", "stack shop on")
    unchanged = int(re.findall(r"(\d+) unchanged", sample)[0])
    before = {
        "storage_pools": [{"name": "fast", "driver": "dir"}],
        "networks": [{"name": "lxdbr0", "config": {"ipv4.nat": "true"}}],
        "profiles": [{"name": "old"}, *({"name": f"p{number}"} for number in range(unchanged))],
    }
    run(world, before)
    after = {
        "storage_pools": [{"name": "fast", "driver": "btrfs", "recreate": True}],
        "networks": [{"name": "lxdbr0", "config": {"ipv4.nat": "false"}}],
        "profiles": before["profiles"][1:],
        "instances": [{"name": "web2", "source": EMPTY, "state": "stopped"}],
    }
    result = run(world, after, check=True, prune=True)
    assert without_heading(result["plan_text"]) == without_heading(sample)
    assert re.match(r"stack shop on \S+\n", result["plan_text"])


def test_what_an_exact_stack_finds(world):
    """The document at the top of docs/stack.md, and what somebody did by hand."""
    _plan, sample = blocks("docs/stack.md", "stack shop on")
    (text,) = re.findall(r"(?s)```yaml\n# shop.yml\n(.*?)```", (ROOT / "docs/stack.md").read_text(encoding="utf-8"))
    shop = yaml.safe_load(text)
    for entry in shop["instances"]:
        entry["source"] = EMPTY
        del entry["image"]
        entry.pop("wait_for", None)
    world.put("/1.0/storage-pools/default")
    world.put("/1.0/networks/lxdbr0")
    run(world, shop)
    web1 = world.find("/1.0/instances/web1")
    web1["config"]["limits.memory"] = "1GiB"
    web1["devices"] = {"eth0": {"type": "nic", "network": "lxdbr0", "limits.ingress": "10Mbit"}}
    world.put("/1.0/instances/stray")
    result = run(world, shop, check=True, prune=True, exact=True)
    assert without_heading(result["plan_text"]) == without_heading(sample)


def test_what_is_unset_first(world):
    (sample,) = blocks("docs/stack.md", "  ~ instance b")
    nic = {"type": "nic", "network": "br0"}

    def stack(first, second):
        instances = [
            {"name": name, "source": EMPTY, "state": "stopped", "devices": {"eth0": {**nic, "ipv4.address": address}}}
            for name, address in (("a", first), ("b", second))
        ]
        return {"networks": [{"name": "br0", "config": {"ipv4.address": "10.0.0.254/24"}}], "instances": instances}

    run(world, stack("10.0.0.1", "10.0.0.2"))
    text = run(world, stack("10.0.0.2", "10.0.0.1"), check=True)["plan_text"]
    assert without_heading(text).rpartition("\n0 to create")[0] + "\n" == sample


def test_the_cost_of_a_task():
    """tests/unit/module_utils/_kinds/test_requests.py counts them; its names say how many."""
    place = "tests/unit/module_utils/_kinds/test_requests.py"
    assert place in page("docs/architecture.md")
    counted = (ROOT / place).read_text(encoding="utf-8")
    costs = [
        int(cells[1].partition(" ")[0].rstrip(":")) for cells in rows("docs/architecture.md", "| task | requests |")
    ]
    assert costs == [1, 2, 10]
    for name in ("unchanged_is_one_request", "unchanged_image_is_two", "to_its_address_is_ten"):
        assert re.search(rf"def test_\w*{name}\(", counted), name


def test_a_task_beside_a_ping():
    """The README sums up the table of docs/benchmarks.md."""
    table = {cells[0]: cells for cells in rows("docs/benchmarks.md", "| nothing to do | 20 tasks |")}
    ours = float(table["`cloudhost.lxd.instance`, in the worker"][3])
    assert "costs [less than a third of a ping](docs/benchmarks.md#one-task)" in page("README.md") and ours < 1 / 3


def test_the_error_sample_counts_its_lines():
    (sample,) = blocks("docs/stack.md", "3 errors")
    assert sample.count("\n- ") == int(sample.split(" ")[0])
