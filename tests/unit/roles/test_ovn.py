# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs of the role ovn: who gets which certificate, and what look.py makes of a host. The databases themselves
are in tests/cloud.
"""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re
import socket
import stat
import subprocess
import sys

import pytest

FILES = pathlib.Path(__file__).resolve().parents[3] / "roles" / "ovn" / "files"
STATUS = """\
4d28
Name: OVN_Northbound
Cluster ID: 7616 (7616dd6f-2b4a-436d-8667-6b1523c3c5bf)
Server ID: 4d28 (4d2812fc-4faa-4f9f-81de-217070a3d743)
Address: ssl:10.0.0.2:6643
Status: cluster member
Role: follower
Term: 1
Leader: c35f
Vote: unknown

Servers:
    c35f (c35f at ssl:10.0.0.1:6643) last msg 310 ms ago
    4d28 (4d28 at ssl:10.0.0.2:6643) (self)
    71aa (71aa at ssl:[fd00::3]:6643) (self) next_index=2 match_index=3 last msg 297 ms ago
"""


def program(name):
    spec = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def look(tmp_path, monkeypatch):
    module = program("look")
    for name, file in (("KEY", "key"), ("CERTIFICATE", "certificate"), ("AUTHORITY", "authority")):
        monkeypatch.setattr(module, name, str(tmp_path / file))
    return module


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True, **options).stdout


def request(tmp_path, subject="/CN=node1"):
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", str(tmp_path / "key"))
    return openssl(
        "req", "-new", "-key", str(tmp_path / "key"), "-subj", subject, "-addext", "basicConstraints=CA:TRUE"
    )


def certify(folder, requests, foreign=False, days=30):
    order = {"folder": str(folder), "days": days, "authority_days": 90, "foreign": foreign, "requests": requests}
    return subprocess.run(
        [sys.executable, str(FILES / "certify.py")],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
    )


def certified(tmp_path, days=30):
    done = certify(tmp_path / "ca", {"node1": {"request": request(tmp_path), "address": "10.0.0.1"}}, days=days)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (tmp_path / "certificate").write_text(answer["certificates"]["node1"])
    (tmp_path / "authority").write_text(answer["authority"])
    return answer


def test_a_certificate_says_what_the_inventory_says(tmp_path):
    """A host that asks for another name, or to be an authority, does not get it."""
    done = certify(tmp_path / "ca", {"node1": {"request": request(tmp_path, "/CN=node9"), "address": "10.0.0.1"}})
    (tmp_path / "certificate").write_text(json.loads(done.stdout)["certificates"]["node1"])
    text = openssl("x509", "-in", str(tmp_path / "certificate"), "-noout", "-text")
    assert re.search(r"Subject: CN ?= ?node1$", text, re.M)  # OpenSSL 3.5 writes no spaces
    assert "CA:FALSE" in text and "CA:TRUE" not in text
    assert "DNS:node1, IP Address:10.0.0.1" in text


def test_the_key_of_the_authority_is_read_by_nobody_else(tmp_path):
    assert certified(tmp_path)["made"] is True
    assert stat.S_IMODE((tmp_path / "ca" / "ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700
    assert certified(tmp_path)["made"] is False, "another authority was made"
    assert sorted(path.name for path in (tmp_path / "ca").iterdir()) == ["ca.crt", "ca.key"]


def test_a_lost_authority_is_not_made_again(tmp_path):
    done = certify(tmp_path / "ca", {}, foreign=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ca.crt does not exist, and hosts have certificates of an authority: bring back the directory" in done.stderr


def test_the_key_of_another_authority(tmp_path):
    certified(tmp_path)
    request(tmp_path)
    (tmp_path / "key").replace(tmp_path / "ca" / "ca.key")
    assert "ca.key is not the key of" in certify(tmp_path / "ca", {}).stderr


def test_a_certificate_is_looked_at(look, tmp_path):
    assert (look.key(), look.certificate(1)) == ("missing", "missing")
    certified(tmp_path)
    assert (look.key(), look.certificate(29)) == ("good", "good")
    assert look.certificate(31) == "about to expire"
    (tmp_path / "authority").unlink()
    assert look.certificate(1) == "of another authority"
    request(tmp_path)
    assert look.certificate(1) == "of another key"
    (tmp_path / "key").write_text("")
    assert look.key() == "damaged"


def test_what_a_server_knows_of_its_cluster(look, monkeypatch):
    monkeypatch.setattr(look, "said", lambda *command: STATUS)
    assert look.status("OVN_Northbound", "control") == {
        "member": True,
        "role": "follower",
        "leader": True,
        "servers": [
            {"id": "c35f", "address": "ssl:10.0.0.1:6643"},
            {"id": "4d28", "address": "ssl:10.0.0.2:6643"},
            {"id": "71aa", "address": "ssl:[fd00::3]:6643"},
        ],
    }
    monkeypatch.setattr(look, "said", lambda *command: STATUS.replace("Leader: c35f", "Leader: unknown"))
    assert look.status("OVN_Northbound", "control")["leader"] is False
    monkeypatch.setattr(look, "said", lambda *command: STATUS.replace("cluster member", "removed from cluster"))
    assert look.status("OVN_Northbound", "control")["member"] is False


MOVING = [STATUS + f"Log: [2, {last}]\n" for last in (5, 6, 7, 7)]


@pytest.mark.parametrize(
    ("statuses", "memory", "expected"),
    [
        (MOVING, "sessions:3 triggers:1 txn-history:1", True),
        (MOVING, "sessions:3 txn-history:1", False),
        (MOVING, None, False),  # it does not answer
        ([text.replace("Leader: c35f", "Leader: unknown") for text in MOVING], "triggers:1", False),
        ([STATUS + f"Log: [2, {last}]\n" for last in range(99)], "triggers:1", False),  # it works
    ],
)
def test_whether_transactions_wait_for_another_one(look, monkeypatch, statuses, memory, expected):
    monkeypatch.setattr(look, "WORK", 0)
    said = iter(statuses)
    monkeypatch.setattr(look, "said", lambda *command: memory if command[3] == "memory/show" else next(said))
    assert look.stuck("OVN_Northbound", "control") is expected


def test_a_host_without_ovn_has_nothing(look, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(look, "FOLDER", "/nowhere")
    assert look.switch() == {} and look.controller() is False
    assert look.database("OVN_Northbound", "nb", ()) == {"model": "missing", "kept": False}


TCP = """\
0      0      127.0.0.1:56324 {} users:(("incusd",pid=3672,fd=8))
0      0      127.0.0.1:50760 127.0.0.9:6641  users:(("ovn-northd",pid=3451,fd=15))
0      0      127.0.0.1:34164 {} users:(("incusd",pid=3672,fd=9))
"""
UNIX = """\
u_str ESTAB 0 0 /run/ovn/ovnnb_db.sock 5101 * 5100 users:(("ovsdb-server",pid=10,fd=20))
u_str ESTAB 0 0 * 5100 * 5101 users:(("{}",pid=11,fd=9))
u_str ESTAB 0 0 /run/openvswitch/db.sock 5103 * 5102 users:(("ovsdb-server",pid=12,fd=21))
u_str ESTAB 0 0 * 5102 * 5103 users:(("incusd",pid=11,fd=10))
"""


def test_where_incus_is_connected(look, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_server(("127.0.0.1", 0)) as gone:
        alive, dead = (f"127.0.0.1:{server.getsockname()[1]}" for server in (here, gone))
        gone.close()
        monkeypatch.setattr(look, "said", lambda *command: TCP.format(alive, dead) if command[1] == "-Htnp" else "")
        monkeypatch.setattr(look, "holds", lambda *command: True)
        assert look.connections() == {alive: True, dead: False}
    monkeypatch.setattr(look, "said", lambda *command: UNIX.format("incusd") if command[1] == "-Hxp" else None)
    assert look.connections() == {"unix": True}
    monkeypatch.setattr(look, "said", lambda *command: UNIX.format("ovn-northd") if command[1] == "-Hxp" else None)
    assert look.connections() == {}, "another program on that socket, and Incus on another socket"
    monkeypatch.setattr(look, "holds", lambda *command: False)
    assert look.connections() is None


ROWS = {
    "Chassis": [["old", "node3.lab"], ["new", "node3.lab"], ["one", "node1"]],
    "HA_Chassis": [[["uuid", "a"], "old"], [["uuid", "b"], "one"], [["uuid", "c"], "old"]],
    "HA_Chassis_Group": [
        ["net1", ["set", [["uuid", "a"], ["uuid", "b"]]]],
        ["net2", ["uuid", "c"]],
        ["net3", ["set", []]],
    ],
}


@pytest.mark.parametrize(("hosts", "gone"), [(["node3"], ["old"]), (["old"], ["old"]), (["node1", "node9"], [])])
def test_chassis_of_hosts_that_stay_are_not_removed(monkeypatch, capsys, hosts, gone):
    forget, done = program("forget"), []
    monkeypatch.setattr(forget, "rows", lambda client, table, *columns: ROWS[table])
    monkeypatch.setattr(forget, "said", lambda *command: done.append(command[1:]))
    for mode in ("check", "do"):
        monkeypatch.setattr(sys, "argv", ["forget.py", mode, "new,one", *hosts])
        forget.main()
        assert json.loads(capsys.readouterr().out) == gone
        assert mode == "do" or not done
    groups = [("ha-chassis-group-remove-chassis", net, name) for net in ("net1", "net2") for name in gone]
    assert done == [*groups, *(("chassis-del", name) for name in gone)]
