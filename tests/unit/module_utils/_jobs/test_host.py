# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What host_info reads of a host. Packages, units and daemons of real hosts are in tests/quickstart and tests/hosts."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
import socket
import subprocess
import sys

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs import host as _host
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import DROP, error, page, sync


@pytest.fixture
def gather(client):
    def gather(**given):
        params = {option: entry.get("default") for option, entry in _host.HostInfo.spec.items()}
        return _host.HostInfo.gather(client, {**params, **given})

    return gather


def test_nothing_is_read_that_was_not_asked_for(server, gather, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)  # would fail
    server.on("GET /1.0", sync({}))
    nothing = {"packages": {}, "units": {}, "processes": {}, "files": {}, "members": [], "lxcfs": {}, "apt_sources": ""}
    assert gather() == {"host": nothing, "daemon": {"answers": True, "reason": ""}}
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [error(500, "Failed to begin transaction: EOF"), page(503), DROP])
def test_a_daemon_that_does_not_answer_is_asked_once(server, client, answer):
    server.on("GET /1.0", answer)
    told = _host.answer(client)
    assert told["answers"] is False and told["reason"]
    assert len(server.requests) == 1


def test_a_daemon_that_is_not_there(folder):
    path = os.path.join(folder, "unix.socket")
    assert _host.answer(Client(Transport(f"unix://{path}"), timeout=5))["answers"] is False
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)  # as a killed daemon leaves it
        told = _host.answer(Client(Transport(f"unix://{path}"), timeout=5))
    assert told["answers"] is False and "refused" in told["reason"]


def test_processes(tmp_path):
    pidfile, program = tmp_path / "x.pid", tmp_path / "sleep"
    shutil.copy(shutil.which("sleep"), program)
    with subprocess.Popen([program, "60"]) as process:
        try:
            assert not _host.runs(str(pidfile), str(program))  # no pid file
            pidfile.write_text(f"{process.pid}\n")
            assert _host.runs(str(pidfile), str(program))
            assert not _host.runs(str(pidfile), sys.executable)
        finally:
            process.kill()
    assert not _host.runs(str(pidfile), str(program))  # it has ended
    for text in ("", "x"):
        pidfile.write_text(text)
        assert not _host.runs(str(pidfile), str(program))


def test_a_program_that_was_replaced_still_runs(tmp_path):
    pidfile, program = tmp_path / "x.pid", tmp_path / "sleep"
    shutil.copy(shutil.which("sleep"), program)
    with subprocess.Popen([program, "60"]) as process:
        try:
            pidfile.write_text(str(process.pid))
            program.unlink()
            shutil.copy(shutil.which("sleep"), program)
            assert _host.runs(str(pidfile), str(program))
        finally:
            process.kill()


def test_files(tmp_path):
    path = tmp_path / "x"
    path.write_text("words\n")
    path.chmod(0o640)
    expected = {
        "sha256": hashlib.sha256(b"words\n").hexdigest(),
        "mode": "0640",
        "uid": os.getuid(),
        "gid": os.stat(path).st_gid,
    }
    assert _host.described(str(path)) == expected
    os.mkfifo(tmp_path / "pipe")
    for other in (tmp_path, tmp_path / "nothing", tmp_path / "pipe"):
        assert _host.described(str(other)) is None


def test_members_of_a_group(monkeypatch):
    known = [pwd.struct_passwd((name, "x", 1, 1, "", "/", "/bin/sh")) for name in ("alice", "bob")]
    monkeypatch.setattr(pwd, "getpwall", lambda: known)
    monkeypatch.setattr(grp, "getgrnam", {"lxd": grp.struct_group(("lxd", "x", 100, ["alice", "gone"]))}.__getitem__)
    assert _host.members("lxd", ["alice", "bob", "gone"]) == ["alice"]
    assert _host.members("nothing", ["alice"]) == []
    assert _host.members(None, ["alice"]) == []


def test_a_mount_that_serves_and_one_that_does_not(tmp_path, monkeypatch):
    assert _host.fuse_mount(str(tmp_path)) == {
        "possible": os.access("/dev/fuse", os.R_OK),
        "serves": False,
        "killed": False,
    }
    (tmp_path / "proc").mkdir()
    assert _host.fuse_mount(str(tmp_path))["serves"] is True
    monkeypatch.setattr(_host, "FUSE", str(tmp_path / "nothing"))
    assert _host.fuse_mount(str(tmp_path)) == {"possible": False, "serves": True, "killed": False}


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="packages are those of Debian and Ubuntu")
def test_packages():
    found = _host.installed(["dpkg", "no-such-package", "--version"])
    assert list(found) == ["dpkg"] and found["dpkg"][0].isdigit()


def test_sources_of_apt(tmp_path, monkeypatch):
    """In the order of their paths, and only files."""
    (tmp_path / "sources.list.d" / "folder.list").mkdir(parents=True)
    (tmp_path / "sources.list").write_text("deb one\n")
    (tmp_path / "sources.list.d" / "two.sources").write_text("Types: deb\n")
    (tmp_path / "sources.list.d" / "two.sources.bak").write_text("no\n")
    monkeypatch.setattr(_host, "APT", str(tmp_path))
    assert _host.apt_sources() == "deb one\n\n\nTypes: deb\n"
