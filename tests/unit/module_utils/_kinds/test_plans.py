# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The promise of every kind: what is applied once is not planned again, and what is only planned is never written."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine import values
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.known import rules
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.secrets import holds_secret
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance import Instance
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.profile import Profile
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.networks.network import Network
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.server.project import Project
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.storage.storage_pool import StoragePool
from ansible_collections.cloudhost.lxd.tests.unit import strategies as make
from ansible_collections.cloudhost.lxd.tests.unit.memory import Memory, MemoryClient, params_of
from hypothesis import given
from hypothesis import strategies as st

KINDS = (Profile, StoragePool, Network, Project, Instance)
#: What creating one needs, and what the server has for one besides the common.
NEEDED = {StoragePool: {"driver": "dir"}, Instance: {"source": {"type": "none"}}}
EXTRA = {
    StoragePool: {"driver": "dir"},
    Network: {"managed": True, "type": "bridge"},
    Instance: {"status": "Running", "type": "container"},
}

addresses = st.sampled_from(("auto", "none", "10.0.0.1/24"))


def _known(devices):
    """Devices whose pools and networks are there, each with its type: a reference to nothing is refused, which is
    another test.
    """
    return {
        name: device
        and {"type": "none", **{key: value for key, value in device.items() if key not in ("network", "type")}}
        for name, device in devices.items()
    }


def _right(kind, config):
    """Config without the values that every daemon refuses, which is another test."""
    texts = rules.texts_of(kind.kind, {StoragePool: "dir", Network: "bridge"}.get(kind, ""))
    return {
        key: value
        for key, value in config.items()
        if value is None or not rules.wrong_values("lxd", texts, "config", {key: values.wire(key, value) or ""})
    }


@st.composite
def situations(draw):
    """A kind, what the task says, and what the server has, if anything."""
    kind = draw(st.sampled_from(KINDS))
    config_of = _right(kind, dict(draw(make.wishes())))
    given_params = {
        "name": "thing",
        "description": draw(st.one_of(st.none(), st.text(max_size=5))),
        "config": draw(st.sampled_from((None, config_of))),
    }
    given_params["purge_config"] = draw(st.booleans())
    have = {"config": dict(draw(make.configs())), "description": draw(st.text(max_size=5)), **EXTRA.get(kind, {})}
    if kind is StoragePool:  # a pool cannot be shrunk
        config_of.pop("size", None)
        have["config"].pop("size", None)
    if kind is Network:
        config_of.update(
            draw(st.dictionaries(st.sampled_from(("ipv4.address", "ipv6.address")), st.one_of(st.none(), addresses)))
        )
        for key in set(config_of) - set(_right(kind, config_of)):  # an address of the other family
            del config_of[key]
        have["config"].update(draw(st.dictionaries(st.sampled_from(("ipv4.address", "ipv6.address")), addresses)))
    if "devices" in kind.argument_spec():
        given_params["devices"] = draw(st.one_of(st.none(), make.wished_devices.map(_known)))
        given_params["purge_devices"] = draw(st.booleans())
        have["devices"] = draw(make.devices.map(_known))
    if kind is Instance:
        given_params["state"] = draw(st.sampled_from(("present", "started", "stopped", "frozen")))
        have["status"] = draw(st.sampled_from(("Running", "Stopped", "Frozen", "Ready", "Error")))
        have["expanded_devices"] = have["devices"]
    elif draw(st.integers(0, 9)) == 0:
        given_params["state"] = "absent"
    params = {**params_of(kind, **{**NEEDED.get(kind, {}), **given_params}), "exact": draw(st.booleans())}
    return kind, params, draw(st.sampled_from((have, have, None)))


class Cloud(MemoryClient):
    """A memory whose instances have power and expanded devices."""

    def write(self, method, path, body=None, etag=None, **query):
        if path.endswith("/state"):
            assert not self.read_only
            self.writes.append(f"{method} {path}")
            status = {"start": "Running", "unfreeze": "Running", "freeze": "Frozen", "stop": "Stopped"}[body["action"]]
            self.memory.objects[path[: -len("/state")]]["status"] = status
            return None
        result = super().write(method, path, body, etag, **query)
        for path, obj in self.memory.objects.items():
            if path.startswith("/1.0/instances/"):
                obj["expanded_devices"] = copy.deepcopy(obj["devices"])
                obj["expanded_config"] = copy.deepcopy(obj["config"])
        return result


def cloud(kind, have, **kwargs):
    memory = Memory()
    memory.put("/1.0/profiles/default")
    if have is not None:
        memory.put(f"{kind.path}/thing", **{"expanded_config": {}, **copy.deepcopy(have)})
    return Cloud(memory, **kwargs)


@given(situations())
def test_what_was_applied_is_not_planned_again(situation):
    kind, params, have = situation
    client = cloud(kind, have)
    first = converge(kind(client, copy.deepcopy(params)))
    assert first.changed == bool(client.writes) == bool(first.actions)
    resource = kind(client, copy.deepcopy(params))
    plan = resource.plan(resource.read())
    assert [step.words for step in plan.steps] == []
    assert plan.before == plan.after == {}


@given(situations())
def test_check_mode_writes_nothing_and_predicts_the_run(situation):
    kind, params, have = situation
    looking, doing = cloud(kind, have, read_only=True), cloud(kind, have)
    before = copy.deepcopy(looking.memory.objects)
    predicted = converge(kind(looking, copy.deepcopy(params)), check_mode=True)
    done = converge(kind(doing, copy.deepcopy(params)))
    assert looking.writes == [] and looking.memory.objects == before
    assert (predicted.changed, predicted.actions, predicted.before, predicted.after) == (
        done.changed,
        done.actions,
        done.before,
        done.after,
    )
    # what is returned is what will be there, but for what only the server knows
    assert (predicted.result is None) == (done.result is None)
    known = {
        key: value
        for key, value in (predicted.result or {}).items()
        if key != "source" and not key.startswith("expanded_")
    }
    assert known == {key: (done.result or {})[key] for key in known}


@given(situations())
def test_what_nobody_wrote_stays(situation):
    kind, params, have = situation
    if have is None or params["state"] == "absent":
        return
    client = cloud(kind, have)
    converge(kind(client, copy.deepcopy({**params, "exact": False})))
    now = client.memory.objects[f"{kind.path}/thing"]
    if params["description"] is None:
        assert now["description"] == have["description"]
    if not params["purge_config"]:
        untouched = {key: value for key, value in have["config"].items() if key not in (params["config"] or {})}
        assert untouched.items() <= now["config"].items()
    else:
        assert set(now["config"]) <= set(params["config"] or {}) | {
            key for key in have["config"] if any(_owned(kind, key))
        }


@given(situations())
def test_what_is_exact_has_what_a_new_one_has_and_no_more(situation):
    kind, params, have = situation
    devices = {**(params.get("devices") or {}), **((have or {}).get("devices") or {})}
    if have is None or params["state"] == "absent" or any((one or {}).get("path") == "/" for one in devices.values()):
        return
    if any(one == {} for one in (params.get("devices") or {}).values()):
        return  # the servers refuse a device without a type
    made, changed = cloud(kind, None), cloud(kind, have)
    for client in (made, changed):
        converge(kind(client, copy.deepcopy({**params, "exact": True})))
    new, now = (client.memory.objects[f"{kind.path}/thing"] for client in (made, changed))
    configs = {**new["config"], **have["config"]}
    kept = {key for key, value in configs.items() if any(_owned(kind, key)) or holds_secret(key, value)}
    assert now["description"] == new["description"]
    assert set(now["config"]) - kept == set(new["config"]) - kept
    assert all(values.same(key, new["config"][key], now["config"][key]) for key in set(new["config"]) - kept)
    assert {name: set(device) for name, device in now.get("devices", {}).items()} == {
        name: set(device) for name, device in new.get("devices", {}).items()
    }


def _owned(kind, key):
    return (key == pattern or (pattern.endswith("*") and key.startswith(pattern[:-1])) for pattern in kind.server_keys)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_whose_maps_are_null_wants_nothing(kind):
    have = {**EXTRA.get(kind, {}), "config": None, "description": None, "devices": None, "status": "Stopped"}
    resource = kind(cloud(kind, have), params_of(kind, name="thing", config={}, description="", state="present"))
    assert resource.plan(resource.read()).steps == []


@pytest.mark.parametrize(
    ("wish", "server", "expected"),
    [("auto", "10.1.1.1/24", 0), ("auto", "none", 1), ("auto", None, 1), ("none", "10.1.1.1/24", 1)],
)
def test_auto_is_any_address(wish, server, expected):
    have = {"managed": True, "type": "bridge", "config": {"ipv4.address": server} if server else {}}
    resource = Network(cloud(Network, have), params_of(Network, name="thing", config={"ipv4.address": wish}))
    assert len(resource.plan(resource.read()).steps) == expected
