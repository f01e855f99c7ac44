# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook security_audit on a server with one weakness of every sort, which its own remedies then repair."""

from __future__ import annotations

import hashlib
import json
import pathlib
import ssl
import subprocess
import sys
from typing import Any

import pytest
import yaml
from conftest import Run, ansible
from integration.modules import run_module
from lab import tiny
from lab.daemon import Daemon

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOK = str(ROOT / "playbooks" / "security_audit.yml")
SECRET = "correct-horse-battery-staple"
#: The names that somebody gives a project and a profile, to be read as a part of the report, or evaluated by Ansible.
ODD = "{{1+1}}`|<b>"
ODD_PROFILE = "{{ lookup('pipe', 'touch evaluated') }}`|<b>"
#: What no task can repair: the kernel of the tests has no AppArmor, and an old system is replaced by people.
ACCEPTED = [
    {"rule": "member-apparmor-missing", "reason": "The kernel of the tests has none.", "until": "2099-12-31"},
    {"rule": "instance-system-eol", "name": "old", "reason": "It is replaced.", "until": "2099-12-31"},
]
#: These cover nothing, or not any more.
EXCEPTIONS = [
    *ACCEPTED,
    {"rule": "instance-nesting", "name": "nobody", "reason": "It is planned.", "until": "2099-12-31"},
    {"rule": "instance-gpu-device", "name": "gpu", "reason": "It was planned.", "until": "2020-12-31"},
]
SERVER = {
    "core.https_address": "[::]:18443",
    "core.metrics_address": ":18444",
    "core.metrics_authentication": "false",
    "core.debug_address": "127.0.0.1:18445",
    "core.https_allowed_origin": "*",
    "core.dns_address": ":18453",
}
PROFILE = {"security.privileged": "true", "security.nesting": "true", "environment.DB_PASSWORD": SECRET}
USER_DATA = f"#cloud-config\npassword: {SECRET}\n"
#: Instances with one weakness each, besides those of the profile: their config, devices, and what is found.
INSTANCES: dict[str, tuple[dict[str, str], dict[str, dict[str, str]], list[tuple[str, str]]]] = {
    "rawlxc": ({"raw.lxc": "lxc.environment=A=1"}, {}, [("instance-raw-config", "raw.lxc")]),
    "rawids": ({"raw.idmap": "both 1000 1000"}, {}, [("instance-raw-idmap", "raw.idmap")]),
    "rawarmor": ({"raw.apparmor": "mount,"}, {}, [("instance-raw-apparmor", "raw.apparmor")]),
    "rawseccomp": ({"raw.seccomp": "2\ndenylist\n"}, {}, [("instance-raw-seccomp", "raw.seccomp")]),
    "syscalls": (
        {"security.syscalls.deny_default": "false", "security.syscalls.intercept.mount": "true"},
        {},
        [
            ("instance-syscalls-allowed", "security.syscalls.deny_default"),
            ("instance-syscalls-intercepted", "security.syscalls.intercept.mount"),
        ],
    ),
    "paths": (
        {},
        {
            "etc": {"type": "disk", "source": "/etc", "path": "/mnt/etc"},
            "api": {"type": "proxy", "connect": "unix:SOCKET", "listen": "unix:/run/api", "bind": "instance"},
        },
        [("instance-host-path", "etc"), ("instance-daemon-socket", "api")],
    ),
    "nodes": (
        {},
        {"kmsg": {"type": "unix-char", "source": "/dev/kmsg"}, "usb": {"type": "usb", "vendorid": "1d6b"}},
        [("instance-unix-device", "kmsg"), ("instance-usb-device", "usb")],
    ),
    "gpu": ({}, {"gpu": {"type": "gpu"}}, [("instance-gpu-device", "gpu")]),
    "proxies": (
        {},
        {
            "web": {"type": "proxy", "listen": "tcp:0.0.0.0:8080", "connect": "tcp:127.0.0.1:80"},
            "db": {
                "type": "proxy",
                "listen": "tcp:127.0.0.1:5432",
                "connect": "tcp:127.0.0.1:5432",
                "bind": "instance",
            },
        },
        [("instance-proxy-all-addresses", "web"), ("instance-proxy-to-host", "db")],
    ),
    "nic": (
        {},
        {"eth1": {"type": "nic", "nictype": "physical", "parent": "lo", "name": "eth1"}},
        [("instance-host-nic", "eth1")],
    ),
    "old": (
        {"image.os": "Debian", "image.release": "buster", "cloud-init.user-data": USER_DATA},
        {},
        [("instance-secret", "cloud-init.user-data"), ("instance-system-eol", "image.release")],
    ),
}
#: What every container without limits and with the default mapping of user IDs is.
PLAIN = [
    ("instance-idmap-shared", "security.idmap.isolated"),
    *((f"instance-limit-{name}", f"limits.{name}") for name in ("memory", "processes", "cpu")),
]


def certificate(folder: pathlib.Path, name: str, *key: str, begins: str = "", ends: str = "20990101000000Z") -> str:
    """The PEM text of a self-signed certificate whose validity is chosen."""
    config = folder / "ca.conf"
    (folder / "index").write_text("")
    config.write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={folder}/index\nnew_certs_dir={folder}\nrand_serial=yes\n"
        "policy=any\ndefault_md=sha256\n[any]\ncommonName=supplied\n"
    )
    request, made = folder / f"{name}.csr", folder / f"{name}.crt"
    options = ["-nodes", "-subj", f"/CN={name}", "-keyout", str(folder / f"{name}.key"), "-out", str(request)]
    subprocess.run(["openssl", "req", "-new", "-newkey", *key, *options], check=True, capture_output=True)
    digest = ["-md", "sha1"] if name == "sha1" else []
    begin = ["-startdate", begins or "20260101000000Z", "-enddate", ends]
    command = ["openssl", "ca", "-batch", "-selfsign", "-config", str(config), "-keyfile", str(folder / f"{name}.key")]
    subprocess.run([*command, *digest, *begin, "-in", str(request), "-out", str(made)], check=True, capture_output=True)
    return made.read_text()


def fingerprint(pem: str) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN") :])).hexdigest()


class Planted:
    """A server with weaknesses, and what an audit has to find there."""

    def __init__(self, daemon: Daemon, folder: pathlib.Path) -> None:
        self.daemon, self.folder = daemon, folder
        self.expected: set[tuple[str, str, str]] = set()
        self._server()
        self._projects()
        self._instances()
        self._images()
        self._trust()

    def task(self, module: str, **arguments: Any) -> dict[str, Any]:
        return run_module(module, **{"url": self.daemon.url, **arguments})

    def expect(self, name: str, *found: tuple[str, str]) -> None:
        self.expected |= {(rule, name, item) for rule, item in found}

    def _server(self) -> None:
        name = self.daemon.query("/1.0")["environment"]["server_name"]
        config = {**SERVER, **({"core.trust_password": SECRET} if self.daemon.kind == "lxd" else {})}
        self.task("server", config=config)
        self.expect(
            name,
            ("member-api-all-addresses", "core.https_address"),
            ("member-metrics-all-addresses", "core.metrics_address"),
            ("member-service-all-addresses", "core.dns_address"),
            ("member-debug-address", "core.debug_address"),
            ("member-apparmor-missing", "apparmor"),
            ("server-metrics-open", "core.metrics_authentication"),
            ("server-any-origin", "core.https_allowed_origin"),
            ("server-endless-tokens", "core.remote_token_expiry"),
            *([("server-trust-password", "core.trust_password")] if self.daemon.kind == "lxd" else []),
        )

    def _projects(self) -> None:
        allowed = {"restricted.containers.privilege": "allow", "restricted.devices.gpu": "allow"}
        self.task("project", name="tenant", config={"restricted": True, **allowed})
        self.expect(
            "tenant",
            ("project-allows-host-access", "restricted.containers.privilege"),
            ("project-allows-devices", "restricted.devices.gpu"),
            ("project-unlimited", "limits.instances"),
        )
        self.task("project", name=ODD)
        self.expect(ODD, ("project-unrestricted", "restricted"), ("project-unlimited", "limits.instances"))

    def _instances(self) -> None:
        self.task("storage_pool", name="default", driver="dir")
        self.task("profile", name="default", devices={"root": {"type": "disk", "path": "/", "pool": "default"}})
        self.task("image", name=tiny.ALIAS, **tiny.files())
        self.task("profile", name=ODD_PROFILE, config=PROFILE)
        self.task("instance", name="weak", image=tiny.ALIAS, profiles=["default", ODD_PROFILE])
        self.expect(
            "weak",
            *PLAIN,
            ("instance-privileged", "security.privileged"),
            ("instance-nesting", "security.nesting"),
            ("instance-secret", "environment.DB_PASSWORD"),
        )
        hard = {"security.idmap.isolated": True, "limits.memory": "64MiB", "limits.processes": 64, "limits.cpu": 1}
        self.task("instance", name="hard", source={"type": "none"}, state="stopped", config=hard)
        for name, (config, devices, found) in INSTANCES.items():
            own = {
                **devices,
                **({"api": {**devices["api"], "connect": f"unix:{self.daemon.socket}"}} if name == "paths" else {}),
            }
            self.task("instance", name=name, source={"type": "none"}, state="stopped", config=config, devices=own)
            self.expect(name, *PLAIN, *found)

    def _images(self) -> None:
        self.task("image", name=tiny.ALIAS, public=True, auto_update=True)
        self.expect(tiny.ALIAS, ("image-public", "public"), ("image-not-pinned", "auto_update"))
        archive = self.folder / "old.tar.gz"
        tiny.empty(archive, "old")
        self.task("image", name="old", file=str(archive), properties={"os": "Debian", "release": "buster"})
        self.expect("old", ("image-system-eol", "release"))

    def _trust(self) -> None:
        ec = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        certificates = {
            "weak": (certificate(self.folder, "weak", "rsa:1024"), "certificate-weak-key", "key"),
            "sha1": (certificate(self.folder, "sha1", "rsa:2048"), "certificate-weak-hash", "signature"),
            "ended": (certificate(self.folder, "ended", *ec, ends="20260201000000Z"), "certificate-expired", "ends"),
            "aged": (certificate(self.folder, "aged", *ec, begins="20200101000000Z"), "certificate-old", "begins"),
            "admin": (certificate(self.folder, "admin", *ec), "certificate-unrestricted", "restricted"),
        }
        for name, (pem, rule, item) in certificates.items():
            self.expect(name, (rule, item))
            if name in ("weak", "ended"):  # the servers refuse to trust these anew, and keep those of before
                self._trusted_before(name, pem)
            else:
                self.task("certificate", name=name, certificate=pem, restricted=name != "admin")

    def _trusted_before(self, name: str, pem: str) -> None:
        columns = (
            f"fingerprint, type, name, certificate, restricted) VALUES ('{fingerprint(pem)}', 1, '{name}', '{pem}', 1"
        )
        query = {"database": "global", "query": f"INSERT INTO certificates ({columns})"}
        self.daemon.query("/internal/sql", "POST", query)

    def run(self, playbook: str, *options: str, **variables: Any) -> Run:
        """A playbook on this server. The other host of the inventory is one that the audit cannot reach."""
        common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        away = {"lxd_url": "https://127.0.0.1:1", "lxd_client_cert": "away1.crt"}
        hosts = {"weak1": {"lxd_url": self.daemon.url}, "away1": away}
        inventory = self.folder / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": {**common, **variables}}}))
        return ansible("-i", str(inventory), *options, playbook, folder=self.folder)

    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "security-audit.json").read_text()))


@pytest.fixture(scope="module")
def planted(kept: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return Planted(kept, tmp_path_factory.mktemp("audit"))


def assert_reported(planted: Planted, report: dict[str, Any], shown: str) -> None:
    """All reports are there, for the user only, without secrets, and with the server that could not be audited."""
    files = sorted(planted.folder.glob("security-audit.*"))
    assert [path.suffix for path in files] == [".json", ".md", ".yml", ".sarif"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)
    assert not any(SECRET in path.read_text() for path in files) and SECRET not in shown
    assert "client_cert and client_key belong together" in report["servers"]["away1"]["error"]
    assert "| `away1` | not audited |" in files[1].read_text()
    assert [one["state"] for one in report["exceptions"]] == ["active", "active", "unused", "expired"]
    assert "unused: instance-nesting" in shown and "expired: instance-gpu-device" in shown


@pytest.mark.both
def test_every_weakness_is_found_and_repaired_by_the_remedies(planted: Planted) -> None:
    audited = planted.run(PLAYBOOK, security_audit_exceptions=EXCEPTIONS, security_audit_fail_from="low")
    assert audited.code == 2 and "of the severity low or worse" in audited.text, audited.text
    report = planted.report()
    found = report["servers"]["weak1"]["findings"]
    assert {(one["rule"], one["name"], one["item"]) for one in found} == planted.expected
    assert len({rule for rule, _name, _item in planted.expected}) >= 20
    assert_reported(planted, report, audited.text)
    (weak,) = (one for one in found if (one["rule"], one["name"]) == ("instance-privileged", "weak"))
    assert weak["origins"] == [{"kind": "profile", "project": "default", "name": ODD_PROFILE}]

    repaired = planted.run("security-audit.remedies.yml")
    assert not repaired.failed and repaired.changed >= 10, repaired.text
    instance = planted.daemon.query("/1.0/instances/weak")
    assert instance["status"] == "Running" and instance["config"]["volatile.idmap.current"] != "[]"
    options = ("--limit", "weak1")
    again = planted.run(PLAYBOOK, *options, security_audit_exceptions=ACCEPTED, security_audit_fail_from="low")
    left = planted.report()["servers"]["weak1"]["findings"]
    assert not again.failed, [one for one in left if not one["exception"]]
    assert {one["rule"] for one in left} == {one["rule"] for one in ACCEPTED}
    assert not (planted.folder / "evaluated").exists()


def test_a_severity_that_does_not_exist_is_refused_before_anything_is_read(planted: Planted) -> None:
    refused = planted.run(PLAYBOOK, "--limit", "weak1", security_audit_fail_from="bad")
    assert refused.code == 2 and "'bad' is no severity. Use one of critical, high" in refused.text, refused.text
