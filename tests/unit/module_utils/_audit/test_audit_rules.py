# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each rule finds its weakness, and nothing on what is hardened; its remedy repairs it."""

from __future__ import annotations

import re

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.model import SEVERITIES
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.rules import BY_ID, RULES
from ansible_collections.cloudhost.lxd.tests.unit.audited import audit, instance, listings, server, told, with_profile

KINDS = {"server", "member", "project", "instance", "image", "certificate"}


def test_the_table_is_whole():
    assert len(BY_ID) == len(RULES) >= 40
    for rule in RULES:
        assert rule.kind in KINDS and rule.severity in SEVERITIES, rule.id
        assert rule.id.startswith(rule.kind) and re.fullmatch(r"[a-z-]+", rule.id)
        assert all((rule.title, rule.reads, rule.why.endswith("."), rule.advice.endswith("."))), rule.id


def test_nothing_is_found_on_what_is_hardened():
    safe = {"core.https_address": "192.0.2.10:8443", "core.remote_token_expiry": "1d"}
    project = {"name": "shop", "config": {"restricted": "true", "limits.instances": "3"}, "used_by": []}
    image = {"fingerprint": "ab" * 32, "project": "default", "properties": {"os": "Debian", "release": "bookworm"}}
    listed = listings(servers=[server(config=safe)], instances=[instance()], projects=[project], images=[image])
    assert told(audit(listed)) == []


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"security.privileged": "true"}, [("instance-privileged", "security.privileged")]),
        ({"security.nesting": "1"}, [("instance-nesting", "security.nesting")]),
        ({"security.nesting": "false"}, []),
        ({"security.idmap.isolated": None}, [("instance-idmap-shared", "security.idmap.isolated")]),
        ({"raw.idmap": "both 0 0"}, [("instance-raw-idmap", "raw.idmap")]),
        ({"raw.lxc": "x"}, [("instance-raw-config", "raw.lxc")]),
        ({"raw.qemu.conf": "x"}, [("instance-raw-config", "raw.qemu.conf")]),
        ({"raw.apparmor": "x"}, [("instance-raw-apparmor", "raw.apparmor")]),
        ({"raw.seccomp": "x"}, [("instance-raw-seccomp", "raw.seccomp")]),
        (
            {"security.syscalls.deny_default": "false"},
            [("instance-syscalls-allowed", "security.syscalls.deny_default")],
        ),
        (
            {"security.syscalls.intercept.mknod": "true", "security.syscalls.intercept.mount.allowed": "ext4"},
            [("instance-syscalls-intercepted", "security.syscalls.intercept.mknod")],
        ),
        ({"security.guestapi.images": "true"}, [("instance-guest-api-images", "security.guestapi.images")]),
        (
            {"security.devlxd.management.volumes": "true"},
            [("instance-guest-management", "security.devlxd.management.volumes")],
        ),
        ({"limits.memory": None}, [("instance-limit-memory", "limits.memory")]),
        ({"limits.processes": None}, [("instance-limit-processes", "limits.processes")]),
        ({"limits.cpu": None}, [("instance-limit-cpu", "limits.cpu")]),
        ({"limits.cpu": None, "limits.cpu.allowance": "50%"}, []),
        ({"image.os": "ubuntu", "image.release": "bionic"}, [("instance-system-eol", "image.release")]),
        ({"image.os": "Ubuntu", "image.version": "24.04", "image.release": "bionic"}, []),
        ({"user.password": "hunter22"}, [("instance-secret", "user.password")]),
    ],
)
def test_config_of_instances(config, found):
    (hit,) = audit(listings(instances=[instance(config)])) or [None]
    assert [(hit.rule.id, hit.hit.item)] == found if hit else found == []


def test_virtual_machines_have_other_weaknesses():
    bare = {"type": "virtual-machine", "config": {}, "expanded_config": {}}
    assert told(audit(listings(instances=[instance(**bare)]))) == []
    machine = {**bare, "expanded_config": {"security.secureboot": "false"}, "config": {"security.secureboot": "false"}}
    assert told(audit(listings(instances=[instance(**machine)]))) == [
        ("instance-secureboot-off", "security.secureboot")
    ]


HOST = "instance-host-path"
PROXY = {"type": "proxy", "listen": "tcp:127.0.0.1:80", "connect": "tcp:127.0.0.1:80"}


@pytest.mark.parametrize(
    ("device", "rule", "severity"),
    [
        ({"type": "disk", "source": "/srv/www"}, HOST, "high"),
        ({"type": "disk", "source": "/srv/www", "readonly": "true"}, HOST, "medium"),
        ({"type": "disk", "source": "/etc/ssh"}, HOST, "critical"),
        ({"type": "disk", "source": "//etc/../etc"}, HOST, "critical"),
        ({"type": "disk", "source": "/"}, HOST, "critical"),
        ({"type": "disk", "source": "/", "readonly": "true"}, HOST, "high"),
        ({"type": "disk", "source": "/etcetera"}, HOST, "high"),
        ({"type": "disk", "source": "data", "pool": "default"}, "", ""),
        ({"type": "disk", "pool": "default", "path": "/"}, "", ""),
        ({"type": "disk", "source": "/var/run/docker.sock"}, "instance-daemon-socket", "critical"),
        ({"type": "disk", "source": "/var/lib/incus"}, "instance-daemon-socket", "critical"),
        ({"type": "disk", "source": "/var/snap/lxd/common/lxd/unix.socket"}, "instance-daemon-socket", "critical"),
        ({**PROXY, "bind": "guest", "connect": "unix:/run/incus/unix.socket"}, "instance-daemon-socket", "critical"),
        ({**PROXY, "bind": "guest"}, "instance-proxy-to-host", "medium"),
        (PROXY, "", ""),
        ({**PROXY, "listen": "tcp:0.0.0.0:80"}, "instance-proxy-all-addresses", "low"),
        ({**PROXY, "listen": "udp:[::]:53"}, "instance-proxy-all-addresses", "low"),
        ({**PROXY, "listen": "tcp::80"}, "instance-proxy-all-addresses", "low"),
        ({**PROXY, "listen": "unix:/run/x"}, "", ""),
        ({"type": "unix-char", "source": "/dev/kmsg"}, "instance-unix-device", "high"),
        ({"type": "unix-block", "source": "/dev/sda"}, "instance-unix-device", "high"),
        ({"type": "unix-hotplug"}, "instance-unix-device", "high"),
        ({"type": "usb"}, "instance-usb-device", "medium"),
        ({"type": "gpu"}, "instance-gpu-device", "medium"),
        ({"type": "pci", "address": "01:00.0"}, "instance-pci-device", "high"),
        ({"type": "infiniband"}, "instance-pci-device", "high"),
        ({"type": "nic", "nictype": "physical"}, "instance-host-nic", "medium"),
        ({"type": "nic", "network": "lxdbr0"}, "", ""),
        ({"type": "tpm"}, "", ""),
        ({"type": "none"}, "", ""),
    ],
)
def test_devices_of_instances(device, rule, severity):
    found = audit(listings(instances=[instance(devices={"one": device})]))
    assert [(one.rule.id, one.hit.item, one.severity) for one in found] == ([(rule, "one", severity)] if rule else [])


@pytest.mark.parametrize(
    ("listen", "safe"),
    [
        ("tcp:0.0.0.0:80", "tcp:127.0.0.1:80"),
        ("udp:[::]:53,54-60", "udp:[::1]:53,54-60"),
        ("tcp::80", "tcp:127.0.0.1:80"),
    ],
)
def test_a_proxy_is_brought_to_the_loopback_address(listen, safe):
    (found,) = audit(listings(instances=[instance(devices={"web": {**PROXY, "listen": listen}})]))
    assert found.hit.tasks[0]["cloudhost.lxd.instance"]["devices"] == {"web": {"listen": safe}}
    assert told(audit(listings(instances=[instance(devices={"web": {**PROXY, "listen": safe}})]))) == []


def test_every_place_that_sets_it_is_named_and_repaired():
    """The profile alone, the instance alone, and both: what is left must not count after the repair."""
    profile = {"name": "weak", "project": "default", "config": {"security.nesting": "true"}, "devices": {}}
    listed = listings(profiles=[profile], instances=[with_profile(instance(), profile)])
    (found,) = audit(listed)
    assert [layer.place for layer in found.hit.layers] == [{"kind": "profile", "project": "default", "name": "weak"}]
    (task,) = found.hit.tasks
    assert task["cloudhost.lxd.profile"] == {
        "name": "weak",
        "project": "default",
        "config": {"security.nesting": "false"},
    }

    both = with_profile(instance({"security.nesting": "true"}), profile)
    (found,) = audit(listings(profiles=[profile], instances=[both]))
    assert [layer.kind for layer in found.hit.layers] == ["instance", "profile"] and len(found.hit.tasks) == 2

    overridden = with_profile(instance({"security.nesting": "false"}), profile)
    assert audit(listings(profiles=[profile], instances=[overridden])) == []


def test_a_running_instance_is_restarted_where_a_profile_changes_what_applies_at_its_start():
    profile = {"name": "weak", "project": "default", "config": {"security.privileged": "true"}, "devices": {}}
    running = {**with_profile(instance(), profile), "status": "Running"}
    (found,) = audit(listings(profiles=[profile], instances=[running]))
    assert [task.get("cloudhost.lxd.instance", {}).get("state") for task in found.hit.tasks] == [None, "restarted"]
    stopped = with_profile(instance(), profile)
    (found,) = audit(listings(profiles=[profile], instances=[stopped]))
    assert len(found.hit.tasks) == 1


def test_user_ids_that_apply_after_a_restart():
    config = {"volatile.idmap.current": "[]", "volatile.idmap.next": '[{"Hostid":1}]'}
    assert told(audit(listings(instances=[instance(config)]))) == []
    running = instance(config, status="Running")
    assert told(audit(listings(instances=[running]))) == [("instance-restart-pending", "volatile.idmap.current")]
    same = instance({**config, "volatile.idmap.current": '[{"Hostid":1}]'}, status="Running")
    assert told(audit(listings(instances=[same]))) == []


def test_profiles_of_the_project_that_has_them():
    """A project without profiles of its own uses those of `default`, and the finding names these."""
    own = {"name": "own", "config": {"features.profiles": "true", "restricted": "true", "limits.instances": "1"}}
    shared = {"name": "shared", "config": {"features.profiles": "false", "restricted": "true", "limits.instances": "1"}}
    profiles = [
        {"name": "p", "project": project, "config": {"security.nesting": "true"}, "devices": {}}
        for project in ("default", "own")
    ]
    instances = [with_profile(instance(project=project, profiles=()), profiles[0]) for project in ("own", "shared")]
    found = audit(listings(projects=[own, shared], profiles=profiles, instances=instances))
    assert [one.hit.layers[0].project for one in found] == ["own", "default"]


@pytest.mark.parametrize(
    ("config", "found", "safe"),
    [
        ({"core.https_address": ":8443"}, "member-api-all-addresses", "192.0.2.10:8443"),
        ({"core.https_address": "[::]"}, "member-api-all-addresses", "192.0.2.10"),
        ({"core.https_address": "0.0.0.0:8443"}, "member-api-all-addresses", "192.0.2.10:8443"),
        ({"core.https_address": "192.0.2.1"}, "", ""),
        ({"core.https_address": "[2001:db8::1]:8443"}, "", ""),
        ({"core.metrics_address": ":9100"}, "member-metrics-all-addresses", "192.0.2.10:9100"),
        ({"core.bgp_address": ":179"}, "member-service-all-addresses", "192.0.2.10:179"),
        ({"core.debug_address": "127.0.0.1:1"}, "member-debug-address", None),
        ({"core.trust_password": "true"}, "server-trust-password", None),
        ({"core.metrics_authentication": "false"}, "server-metrics-open", "true"),
        ({"core.metrics_authentication": "true"}, "", ""),
        ({"core.https_allowed_origin": "*"}, "server-any-origin", None),
        ({"core.https_allowed_origin": "https://ui.example"}, "", ""),
    ],
)
def test_config_of_servers(config, found, safe):
    told_of = audit(listings(servers=[server(config={"core.remote_token_expiry": "1d", **config})]))
    assert [one.rule.id for one in told_of] == ([found] if found else [])
    for one in told_of:
        assert one.hit.tasks[0]["cloudhost.lxd.server"] == {"config": {one.hit.item: safe}}


def test_tokens_expire_where_the_server_can_and_listens():
    exposed = listings(servers=[server(config={"core.https_address": "192.0.2.1:8443"})])
    assert told(audit(exposed)) == [("server-endless-tokens", "core.remote_token_expiry")]
    assert audit(exposed, extensions=frozenset()) == []
    assert audit(listings()) == []


def test_members_of_a_cluster_are_repaired_one_by_one_and_what_they_share_once():
    config = {"core.https_address": ":8443", "core.metrics_authentication": "false", "core.remote_token_expiry": "1d"}
    listed = listings(servers=[server("a", config), server("b", config)], members=["a", "b"])
    found = audit(listed)
    assert [(one.rule.id, one.subject.name) for one in found] == [
        ("server-metrics-open", ""),
        ("member-api-all-addresses", "a"),
        ("member-api-all-addresses", "b"),
    ]
    assert [one.hit.tasks[0]["cloudhost.lxd.server"].get("target") for one in found] == [None, "a", "b"]


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"server_version": "4.0.9"}, ["member-version-eol"]),
        ({"server_version": "5.19"}, ["member-version-eol"]),
        ({"server_version": "5.21.3"}, []),
        ({"server_version": "5.0.2+git20231211"}, []),
        ({"server": "incus", "server_version": "0.7"}, ["member-version-eol"]),
        ({"server": "incus", "server_version": "6.14"}, ["member-version-eol"]),
        ({"server": "incus", "server_version": "6.0.4"}, []),
        ({"server": "incus", "server_version": "99.1"}, []),
        ({"os_version": "10"}, ["member-system-eol"]),
        ({"os_name": "Ubuntu", "os_version": "20.04"}, ["member-system-eol"]),
        ({"os_name": "Other", "os_version": "1"}, []),
    ],
)
def test_versions_of_servers(environment, found):
    assert [one.rule.id for one in audit(listings(servers=[server(**environment)]))] == found


def test_what_the_kernel_lacks():
    warnings = [
        {"type": "AppArmor support has been disabled", "status": "new", "location": "b"},
        {"type": "Couldn't find the CGroup memory controller", "status": "acknowledged", "location": "a"},
        {"type": "Could not find the CGroup pids controller", "status": "new", "location": "a"},
        {"type": "Couldn't find the CGroup CPU controller", "status": "resolved", "location": "a"},
        {"type": "Couldn't find the CGroup CPUset controller", "status": "new", "location": "a"},
        {"type": "Couldn't find the CGroup blkio.weight", "status": "new", "location": "a"},
    ]
    found = audit(listings(servers=[server("a"), server("b")], members=["a", "b"], warnings=warnings))
    assert [(one.rule.id, one.subject.name, one.hit.item) for one in found] == [
        ("member-limits-not-enforced", "a", "memory"),
        ("member-limits-not-enforced", "a", "pids"),
        ("member-apparmor-missing", "b", "apparmor"),
    ]


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({}, [("project-unrestricted", "restricted"), ("project-unlimited", "limits.instances")]),
        ({"restricted": "true", "limits.memory": "1GiB"}, []),
        (
            {"restricted": "true", "limits.disk": "1GiB", "restricted.devices.disk": "allow"},
            [("project-allows-host-access", "restricted.devices.disk")],
        ),
        (
            {
                "restricted": "true",
                "limits.disk": "1GiB",
                "restricted.devices.disk": "allow",
                "restricted.devices.disk.paths": "/srv/shop",
            },
            [],
        ),
        (
            {"restricted": "true", "limits.disk": "1GiB", "restricted.containers.nesting": "allow"},
            [("project-allows-devices", "restricted.containers.nesting")],
        ),
        ({"restricted": "true", "limits.disk": "1GiB", "restricted.containers.privilege": "isolated"}, []),
    ],
)
def test_projects(config, found):
    assert told(audit(listings(projects=[{"name": "shop", "config": config, "used_by": []}]))) == found
    assert audit(listings(projects=[{"name": "default", "config": {}, "used_by": []}])) == []


def test_a_project_gets_a_limit_that_it_does_not_exceed():
    used = [f"/1.0/instances/c{number}?project=shop" for number in range(60)] + ["/1.0/profiles/default?project=shop"]
    (found,) = audit(listings(projects=[{"name": "shop", "config": {"restricted": "true"}, "used_by": used}]))
    assert found.hit.tasks[0]["cloudhost.lxd.project"]["config"] == {"limits.instances": "60"}


def test_images():
    image = {
        "fingerprint": "ab" * 32,
        "project": "shop",
        "aliases": [{"name": "old"}],
        "public": True,
        "auto_update": True,
        "update_source": {"server": "http://images.example", "alias": "debian/10"},
        "properties": {"os": "Debian", "release": "buster"},
    }
    found = audit(listings(images=[image]))
    assert [(one.rule.id, one.hit.tasks[0]["cloudhost.lxd.image"]) for one in found] == [
        ("image-unverified-source", {"name": "ab" * 32, "project": "shop", "state": "absent"}),
        ("image-public", {"name": "ab" * 32, "project": "shop", "public": False}),
        ("image-system-eol", {"name": "ab" * 32, "project": "shop", "state": "absent"}),
        ("image-not-pinned", {"name": "ab" * 32, "project": "shop", "auto_update": False}),
    ]
    assert "http://images.example as debian/10" in found[-1].hit.text


def test_what_cannot_be_read_is_a_finding():
    found = audit(listings(unread=["certificates", "warnings"]))
    assert told(found) == [("server-audit-incomplete", "certificates"), ("server-audit-incomplete", "warnings")]


def test_clients_that_the_server_does_not_keep_within_their_projects():
    """Each gap of any member is a finding of the server, if there is such a client."""
    old, new = server(server_clustered=True), server("node2", server_version="6.9", server_clustered=True)
    limited = {"name": "ci", "fingerprint": "ab" * 32, "type": "client", "restricted": True, "projects": ["blue"]}
    free = {**limited, "projects": []}
    rule = BY_ID["server-clients-not-confined"]
    cluster = {"servers": [new, old], "members": ["node2", "node1"]}
    assert audit(listings(certificates=[free], **cluster), [rule]) == []
    found = audit(listings(certificates=[limited, limited], **cluster), [rule])
    assert sorted((one.severity, one.hit.item) for one in found) == [
        ("critical", "backup-import"),
        ("critical", "creation-in-cluster"),
        ("critical", "snapshot-restore"),
        ("high", "events"),
        ("high", "volume-copy"),
    ]
