# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and templates of instances, running and stopped, and what somebody inside can try with them."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
from typing import Any, Iterator

import pytest
from integration.modules import ModuleFailed, warnings_of

SECRET = "hunter22-of-the-files"


@pytest.fixture(scope="module")
def box(server) -> Iterator[tuple[str, str]]:  # type: ignore[no-untyped-def]
    """A container that runs and one that does not."""
    for name, state in (("boxed", "started"), ("boxoff", "present")):
        server.run("instance", name=name, image="busybox", state=state)
    yield "boxed", "boxoff"
    for name in ("boxed", "boxoff"):
        server.run("instance", name=name, state="absent", force=True)


def inside(server, script: str) -> str:  # type: ignore[no-untyped-def]
    """The output of a command of root in the container that runs, by the daemon's own client."""
    return server.daemon.cli("exec", "boxed", "--", "sh", "-c", script).strip()


@pytest.mark.parametrize("number", [0, 1], ids=["running", "stopped"])
def test_a_life(server, box: tuple[str, str], number: int, tmp_path: pathlib.Path) -> None:  # type: ignore[no-untyped-def]
    """Each change is predicted, done and done once, with exactly that content, owner, group and mode."""
    task: dict[str, Any] = {"instance": box[number], "path": "/srv/app"}
    server.converges("instance_file", **task, state="directory", owner="nobody", mode="0750")
    done = server.converges("instance_file", **task, state="directory", group="65534", mode="0o700")
    about = {"path": "/srv/app", "state": "directory", "uid": 65534, "gid": 65534, "mode": "0700"}
    assert done["instance_file"] == about
    file = {**task, "path": "/srv/app/a b%20?ü.conf"}
    done = server.converges("instance_file", **file, content="one\ntwo\n")
    assert done["instance_file"] == {
        "path": file["path"], "state": "file", "uid": 0, "gid": 0, "mode": "0644", "size": 8,
        "checksum": hashlib.sha256(b"one\ntwo\n").hexdigest(),
    }  # fmt: skip
    done = server.converges("instance_file", **file, content="one\n2\n", owner=1000, group="nogroup", mode="0600")
    assert "content: |2\n  one\n  two\n" in done["diff"]["before"] and "owner: 0" in done["diff"]["before"]
    done = server.converges("instance_file", **file, mode="0640")
    assert done["diff"] == {**done["diff"], "before": 'mode: "0600"\n', "after": 'mode: "0640"\n'}
    kept = server.converges("instance_file", **file, content="")["instance_file"]
    assert (kept["uid"], kept["gid"], kept["mode"], kept["size"]) == (1000, 65534, "0640", 0)
    large = tmp_path / "large"
    large.write_bytes(os.urandom(3_000_000))
    done = server.converges("instance_file", **file, src=str(large))
    assert done["instance_file"]["checksum"] == hashlib.sha256(large.read_bytes()).hexdigest()
    assert "(3000000 bytes, sha256 " in done["diff"]["after"]
    pulled = tmp_path / "pulled"
    server.daemon.cli("file", "pull", f"{box[number]}{file['path']}", str(pulled))
    assert pulled.read_bytes() == large.read_bytes()
    changed = bytearray(large.read_bytes())
    changed[-1] ^= 1
    large.write_bytes(changed)
    server.converges("instance_file", **file, src=str(large))
    _links(server, box[number])
    assert "not empty" in server.fails("instance_file", **task, state="absent")
    server.converges("instance_file", **file, state="absent")
    server.converges("instance_file", **task, state="absent")


def _links(server, instance: str) -> None:  # type: ignore[no-untyped-def]
    """A link is what it says, is replaced at once, and a file takes its place without touching what it leads to."""
    link = {"instance": instance, "path": "/srv/app/link"}
    server.converges("instance_file", **link, state="link", src="../../etc/hosts")
    assert server.converges("instance_file", **link, state="link", src="/nowhere")["instance_file"]["src"] == "/nowhere"
    assert "is a link" in server.fails("instance_file", **link, mode="0600")
    assert "is a link and no directory" in server.fails("instance_file", **link, state="directory")
    done = server.converges("instance_file", **link, content="x")
    assert ("state: link" in done["diff"]["before"], "state: file" in done["diff"]["after"]) == (True, True)
    assert "is a file and no link" in server.fails("instance_file", **link, state="link", src="/etc")
    server.converges("instance_file", **link, state="absent")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": "etc/motd", "content": ""}, ("path: 'etc/motd'", "root of the instance")),
        ({"path": "/etc/../motd", "content": ""}, ("path: '/etc/../motd'",)),
        ({"mode": 420, "content": ""}, ("mode: 420", "quotes")),
        ({"mode": "u=rw", "content": ""}, ("mode: 'u=rw'", "octal")),
        ({"owner": "rooot", "content": ""}, ("owner: 'rooot'", "Did you mean 'root'?")),
        ({"group": "4294967295", "content": ""}, ("group: 4294967295", "too large")),
        ({"path": "/no/where", "content": ""}, ("has no directory /no.", "state: directory")),
        ({"path": "/etc/passwd/x", "content": ""}, ("/etc/passwd", "is no directory")),
        ({"path": "/etc/none"}, ("has no file /etc/none", "content nor src")),
        ({"src": "/nowhere/at/all"}, ("src: '/nowhere/at/all'", "host that runs the module")),
        ({"state": "link"}, ("src: state: link needs it",)),
        ({"state": "link", "src": "/x", "mode": "0600"}, ("mode: a link has none",)),
        ({"state": "directory", "content": "x"}, ("content: state: directory has none",)),
        ({"instance": "boxxed", "content": ""}, ("instance: there is no 'boxxed'", "Did you mean 'boxed'?")),
        ({"instance": "boxxed", "content": "", "owner": "x"}, ("instance: there is no 'boxxed'",)),
        ({"project": "nowhere", "content": ""}, ("project: there is no 'nowhere'",)),
    ],
    ids=str,
)
def test_what_is_refused(server, box: tuple[str, str], options: dict[str, Any], words: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    """Before anything is written, and in check mode too."""
    message = server.fails("instance_file", **{"instance": "boxed", "path": "/etc/motd", **options})
    assert [word for word in words if word not in message] == [], message


def test_a_mode_that_the_server_does_not_set(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """The daemons pass over the bits for setuid and the like without a word. Nothing is left then."""
    with pytest.raises(ModuleFailed, match=r"made it 0755 where 4755 was asked for.*chmod"):
        server.run("instance_file", instance="boxed", path="/srv/suid", content="x", mode="4755")
    assert inside(server, "ls -A /srv") == ""


def test_what_somebody_inside_can_try(server, box: tuple[str, str], tmp_path: pathlib.Path) -> None:  # type: ignore[no-untyped-def]
    """Pipes and devices are not opened, files without end are not read, and no link leads to the host."""
    host = tmp_path / "secret"
    host.write_text(SECRET)
    inside(server, f"mkdir /srv/evil && cd /srv/evil && mkfifo pipe && ln -s {host} up && ln -s /proc/kmsg log")
    inside(server, "chown -h 1000:1000 /srv/evil/up")
    inside(server, "cd /srv/evil && dd if=/dev/null of=huge bs=1 seek=1000000000000 2>/dev/null && ln -s / root")
    task = {"instance": "boxed", "timeout": 20}
    assert "is a pipe and no file" in server.fails("instance_file", **task, path="/srv/evil/pipe", content="x")
    assert "is a device and no file" in server.fails("instance_file", **task, path="/dev/null", content="x")
    done = server.run("instance_file", **task, path="/srv/evil/huge", content="x", check=True)
    assert done["diff"]["before"] == 'content: "(1000000000000 bytes)"\n'
    for name in ("up", "log"):
        done = server.converges("instance_file", **task, path=f"/srv/evil/{name}", content="mine\n")
        assert SECRET not in json.dumps(done) and done["instance_file"]["uid"] == 0, "who made the link does not own it"
        assert inside(server, f"cat /srv/evil/{name}") == "mine"
    assert host.read_text() == SECRET
    server.converges("instance_file", **task, path="/srv/evil/root/srv/evil/in", content="inside\n")
    assert inside(server, "cat /srv/evil/in") == "inside"
    for name in ("pipe", "huge", "root", "up", "log", "in"):
        server.converges("instance_file", **task, path=f"/srv/evil/{name}", state="absent")
    server.converges("instance_file", **task, path="/srv/evil", state="absent")


def test_a_connection_that_breaks(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """In the middle of a file: the old one stays until the new one is whole, and the task goes on."""
    task = {"instance": "boxed", "path": "/srv/broken"}
    server.run("instance_file", **task, content="old")
    server.proxy.cut_tunnel = b"y" * 1000
    done = server.run("instance_file", **task, content="y" * 200_000)
    assert server.proxy.cut_tunnel is None and done["actions"] == ["update instance_file /srv/broken (content)"]
    assert inside(server, "wc -c </srv/broken; ls -A /srv").split() == ["200000", "broken"], (
        "the first attempt is there"
    )
    server.run("instance_file", **task, state="absent")


def test_contents_are_not_logged(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """A content is no argument that a callback shows; a registered secret in it is not shown by the diff either."""
    task = {"instance": "boxed", "path": "/srv/secret"}
    done = server.run("instance_file", **task, content=f"a {SECRET}\n")
    assert SECRET not in json.dumps(done["invocation"]) and SECRET in done["diff"]["after"]
    hidden = {"_secrets": {"anywhere": [SECRET], "alone": []}}
    done = server.run("instance_file", **task, content=f"b {SECRET}\n", **hidden)
    assert SECRET not in json.dumps(done) and done["changed"] is True
    assert inside(server, "cat /srv/secret") == f"b {SECRET}"
    server.run("instance_file", **task, state="absent")


def test_check_mode_of_a_play(server) -> None:  # type: ignore[no-untyped-def]
    """What earlier tasks would make is a warning: the instance, the user, the directory."""
    done = server.run("instance_file", check=True, instance="to-come", path="/a/b", content="x", owner="web")
    assert done["changed"] is True and "there is no 'to-come'" in warnings_of(done)[0]


def test_templates(server, box: tuple[str, str]) -> None:  # type: ignore[no-untyped-def]
    """The daemon fills the template in when the instance starts, and the metadata of its image stays."""
    before = server.query("/1.0/instances/boxoff/metadata")
    task = {"instance": "boxoff", "name": "issue.tpl"}
    whole = {"content": "{{ instance.name }} {{ properties.site }}\n", "path": "/etc/issue", "when": ["start"]}
    for option in whole:
        rest = {key: value for key, value in whole.items() if key != option}
        assert f"{option}: " in server.fails("instance_template", **task, **rest)
    done = server.converges("instance_template", **task, **whole, properties={"site": "lab"})
    assert done["actions"] == ["create instance_template issue.tpl"]
    for change in ({"content": "{{ instance.name }} in {{ properties.site }}\n"},
                   {"when": ["start", "copy"], "create_only": True},
                   {"path": "/etc/issue.net", "properties": {"site": "here", "a": 1}},
                   {"path": "/etc/issue", "create_only": False, "properties": {"a": None}}):  # fmt: skip
        done = server.converges("instance_template", **task, **change)
    entries = server.query("/1.0/instances/boxoff/metadata")["templates"]
    assert entries == {
        "/etc/issue": {"when": ["start", "copy"], "create_only": False, "template": "issue.tpl",
                       "properties": {"site": "here"}}
    }  # fmt: skip
    other = {**whole, "instance": "boxoff", "name": "other.tpl"}
    assert "is written by the template 'issue.tpl'" in server.fails("instance_template", **other)
    server.run("instance", name="boxoff", state="started")
    pulled = server.daemon.cli("file", "pull", "boxoff/etc/issue", "-")
    server.run("instance", name="boxoff", state="stopped", force=True)
    assert pulled == "boxoff in here\n"
    server.converges("instance_template", **task, state="absent")
    after = server.query("/1.0/instances/boxoff/metadata")
    assert {**after, "templates": after["templates"] or None} == before
    assert server.query("/1.0/instances/boxoff/metadata/templates") == []
