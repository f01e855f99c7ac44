# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which exports are whole, when one is due, which go, and what is left where something fails."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.answers import Reply
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    DeadlineExceeded,
    Interrupted,
    InvalidInput,
    LXDError,
    ServerError,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._engine.converge import converge
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds import _streaming
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds._exports import Exports, Record, age
from ansible_collections.cloudhost.lxd.plugins.module_utils._kinds.instances.instance_backup import InstanceBackup
from ansible_collections.cloudhost.lxd.tests.unit.memory import DEFAULTS, Memory, MemoryClient, params_of

WEB = "/1.0/instances/web"
BACKUPS = f"{WEB}/backups"
NOON = 1795867200  # 2026-11-28T12:00:00Z


class Server(MemoryClient):
    """`contents` is what each backup has. `refusal` is raised when one is read."""

    def __init__(self):
        super().__init__(Memory())
        self.contents, self.bodies, self.refusal = b"of web " * 100, [], None
        self.memory.put(WEB)

    def write(self, method, path, body=None, etag=None, **query):
        self.bodies += [body] if method == "POST" else []
        return super().write(method, path, body, etag, **query)

    def request(self, method, path, query=None, sink=None, **more):
        assert (method, path.rpartition("/")[0] in self.memory.objects) == ("GET", True)
        if self.refusal:
            trouble, self.refusal = self.refusal, None
            raise trouble
        place = sink(200, {"Content-Length": str(len(self.contents)), "Content-Type": "application/octet-stream"})
        for half in (self.contents[:9], self.contents):  # the first transfer breaks
            place.seek(0)
            place.truncate()
            place.write(half)
        return Reply(None, None, None)

    def left(self):
        return [path for path in self.memory.objects if path.startswith(BACKUPS)]


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setitem(DEFAULTS, BACKUPS, {})
    client = Server()
    client.server["api_extensions"] = [*client.server["api_extensions"], "container_backup"]
    return client


@pytest.fixture
def now(monkeypatch):
    """The time of the host, to be moved."""
    moment = [NOON]
    monkeypatch.setattr(time, "time", lambda: moment[0])
    return moment


def backup(client, **options):
    return InstanceBackup(client, params_of(InstanceBackup, **{"instance": "web", "state": "exported", **options}))


def names(place):
    return sorted(path.name for path in place.iterdir())


# -- names and records ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"file": "/b/web-{date}.tar"}, "file: '{date}' is no placeholder; {time} is the only one"),
        ({"file": "/b/{time}/web.tar"}, "{time} can be once in the name of the file"),
        ({"file": "/b/{time}-{time}.tar", "max_age": "1d"}, "{time} can be once in the name of the file"),
        ({"file": "/b/web\n.tar"}, "is not the name of a file"),
        ({"file": "/b/web-{time}.tar"}, "file: with {time} in it, max_age says when the next export is due"),
        ({"file": "/b/web.tar", "keep": 3}, "keep: without {time} in 'file' there is one export and no other"),
        ({"file": "/b/web-{time}.tar", "max_age": "1d", "keep": 0}, "keep: 0 is no number of exports to keep"),
        ({"file": "/b/web.tar", "max_age": "a day"}, "max_age: 'a day' is not an age"),
        ({"file": "/b/web.tar", "name": "b1"}, "name: it is for state: present and absent, and not for exported"),
        ({"name": "b1", "state": "present", "keep": 1}, "keep: it is for state: exported, and not for present"),
        ({"name": "b1", "state": "present", "expires_at": "soon"}, "expires_at: 'soon' is not a point in time"),
        ({"name": "a/b", "state": "present"}, "name: 'a/b' is not a valid name"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(client, options, words):
    with pytest.raises(InvalidInput) as caught:
        backup(client, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("0s", 0), ("3m", 180), ("20h", 72000), ("2w", 1209600)])
def test_ages(text, seconds):
    assert age(text) == seconds


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = Record.made("a" * 64, 12, NOON, {"kind": "instance", "instance": "wéb"}, {"instance_only": True})
    path = tmp_path / "web.tar.sha256"
    path.write_text(record.text("web.tar"), encoding="utf-8")
    assert Record.read(str(path)) == record and record.created_at == "2026-11-28T12:00:00Z"
    assert path.read_text(encoding="utf-8").endswith(f"\n{'a' * 64}  web.tar\n")


@pytest.mark.parametrize("text", ["", "x", "a" * 64 + "  web.tar\n", "# {}\n" + "a" * 64 + "  web.tar\n", "# {\n"])
def test_what_is_no_record(tmp_path, text):
    path = tmp_path / "web.tar.sha256"
    path.write_text(text, encoding="utf-8")
    assert Record.read(str(path)) is None and Record.read(str(tmp_path)) is None


def test_two_exports_of_one_second_have_two_names(tmp_path):
    exports = Exports(str(tmp_path / "web-{time}.tar"))
    first = exports.at(NOON)
    open(first, "wb").close()
    assert [os.path.basename(path) for path in (first, exports.at(NOON))] == [
        "web-20261128T120000Z.tar",
        "web-20261128T120001Z.tar",
    ]


# -- what is due ------------------------------------------------------------------------------------------------------


def test_an_export(client, tmp_path, now):
    task = {"file": str(tmp_path / "web.tar"), "instance_only": True, "compression_algorithm": "none"}
    foretold = converge(backup(client, **task), check_mode=True)
    assert (foretold.actions, client.writes, names(tmp_path)) == ([f"export instance web to {task['file']}"], [], [])
    done = converge(backup(client, **task))
    assert (done.actions, done.before, done.after) == (foretold.actions, foretold.before, foretold.after)
    (body,) = client.bodies
    name = body.pop("name")
    assert name.startswith("cloudhost-") and body == {
        "expires_at": "2026-11-29T12:00:00Z", "instance_only": True, "compression_algorithm": "none",
    }  # fmt: skip
    assert client.left() == [] and names(tmp_path) == ["web.tar", "web.tar.sha256"]
    assert (tmp_path / "web.tar").read_bytes() == client.contents
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert done.result == {
        "instance": "web", "project": "default", "instance_only": True, "compression_algorithm": "none",
        "file": task["file"], "size": 700, "created_at": "2026-11-28T12:00:00Z",
        "sha256": hashlib.sha256(client.contents).hexdigest(),
    }  # fmt: skip
    again = converge(backup(client, **task))
    assert (again.changed, again.result) == (False, done.result)


@pytest.mark.parametrize(
    ("change", "options", "reason"),
    [
        (lambda path: path.write_bytes(b"x" * 700), {}, "has another checksum than its record says"),
        (lambda path: path.write_bytes(b"x" * 699), {"verify": "size"}, "has 699 bytes, and its record says 700"),
        (lambda path: path.unlink(), {}, "is not there"),
        (lambda path: None, {"optimized_storage": True}, "was made with other options"),
        (lambda path: None, {"max_age": "0s"}, "is of 2026-11-28T12:00:00Z, which is older than 0s"),
        (lambda path: None, {"max_age": "1s"}, ""),
        (lambda path: path.write_bytes(b"x" * 700), {"verify": "size"}, ""),
    ],
)
def test_why_another_one_is_due(client, tmp_path, now, change, options, reason):
    file = tmp_path / "web.tar"
    converge(backup(client, file=str(file)))
    change(file)
    done = converge(backup(client, file=str(file), **options))
    assert (done.changed, done.before) == (bool(reason), {"file": f"{file} {reason}"} if reason else {})
    assert not reason or file.read_bytes() == client.contents


def test_what_is_not_ours_is_never_replaced(client, tmp_path):
    file = tmp_path / "web.tar"
    file.write_bytes(b"of somebody else")
    with pytest.raises(InvalidInput, match="nothing says that it is an export of this module"):
        converge(backup(client, file=str(file)))
    file.unlink()
    converge(backup(client, file=str(file)))
    client.memory.put("/1.0/instances/db")
    with pytest.raises(InvalidInput, match="is an export of instance web; give each export its own file"):
        converge(backup(client, file=str(file), instance="db"))
    with pytest.raises(InvalidInput, match="is an export of instance web; give each"):
        converge(backup(client, file=str(file), project="lab"))


def test_a_run_that_was_killed_between_the_file_and_its_record(client, tmp_path, now):
    """The new file is in place, and its record still has its other name: it is whole. So is the old file before."""
    file, record = tmp_path / "web.tar", tmp_path / "web.tar.sha256"
    converge(backup(client, file=str(file)))
    old, old_record = file.read_bytes(), record.read_bytes()
    client.contents = b"newer " * 100
    now[0] += 60
    converge(backup(client, file=str(file), max_age="10s"))
    new_record, part = record.read_bytes(), tmp_path / "web.tar.sha256.part"
    record.write_bytes(old_record)
    part.write_bytes(new_record)
    assert converge(backup(client, file=str(file), max_age="10s")).changed is False
    file.write_bytes(old)
    assert converge(backup(client, file=str(file))).changed is False
    record.unlink()
    assert converge(backup(client, file=str(file))).changed is True
    assert names(tmp_path) == ["web.tar", "web.tar.sha256"]


def test_the_newest_are_kept_and_what_was_changed_stays(client, tmp_path, now):
    task = {"file": str(tmp_path / "web-{time}.tar"), "max_age": "1h"}
    for _number in range(5):
        converge(backup(client, **task))
        now[0] += 7200
    (tmp_path / "web-20261128T120000Z.tar").write_bytes(b"changed")
    (tmp_path / "web-20261128T140000Z.tar").unlink()  # a run was killed between this and its record
    (tmp_path / "web-20261128T180000Z.tar").write_bytes(b"cut")
    outcome = converge(backup(client, **task, keep=2))
    assert outcome.actions == [
        f"export instance web to {task['file']}",
        f"remove {tmp_path}/web-20261128T160000Z.tar",
        f"remove {tmp_path}/web-20261128T140000Z.tar",
    ]
    assert [name for name in names(tmp_path) if name.endswith(".tar")] == [
        f"web-20261128T{hour}0000Z.tar" for hour in ("12", "18", "20", "22")
    ]
    assert converge(backup(client, **task, keep=2)).changed is False


# -- what fails -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble", [LXDError("it broke"), DeadlineExceeded("the time is over"), ServerError("x", 500, "x")]
)
def test_what_fails_leaves_nothing(client, tmp_path, trouble):
    client.refusal = trouble
    with pytest.raises(LXDError, match="it broke|the time is over|Failed to export instance web to .*x"):
        converge(backup(client, file=str(tmp_path / "web.tar")))
    assert client.left() == [] and names(tmp_path) == []


def test_after_its_time_a_task_still_deletes_what_it_made(client, tmp_path):
    waits = []

    def expire(*_arguments, **_more):
        client.deadline._end = 0
        client.deadline.check("waiting")

    def look(method, path, *arguments, **more):
        waits.append((method, client.deadline.remaining() > 0))
        return type(client).write(client, method, path, *arguments, **more)

    client.request, client.write = expire, look
    with pytest.raises(DeadlineExceeded):
        converge(backup(client, file=str(tmp_path / "web.tar")))
    assert waits == [("POST", True), ("DELETE", True)] and client.left() == []


def test_what_cannot_be_deleted_is_a_warning_beside_the_error(client, tmp_path):
    client.refusal = LXDError("it broke")
    client.trouble = [None, ServerError("no", 500, "no")]
    resource = backup(client, file=str(tmp_path / "web.tar"))
    with pytest.raises(LXDError, match="it broke"):
        converge(resource)
    assert len(client.left()) == 1 and "stays on the server until the next run of this task" in resource.warnings[0]
    actions = converge(backup(client, file=str(tmp_path / "web.tar"))).actions
    assert [words.partition(" ")[0] for words in actions] == ["delete", "export"] and client.left() == []


def test_only_what_this_task_left_is_deleted(client, tmp_path):
    for name in ("cloudhost-0123456789ab-01234567", "by-hand"):  # of another host, and of somebody
        client.memory.put(f"{BACKUPS}/{name}")
    assert len(converge(backup(client, file=str(tmp_path / "web.tar"))).actions) == 1
    assert len(client.left()) == 2


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("at", [0, 1])
def test_a_write_whose_answer_is_lost(client, tmp_path, done, at):
    client.trouble, client.after_trouble = [*[None] * at, Interrupted("lost")], done
    outcome = converge(backup(client, file=str(tmp_path / "web.tar")))
    assert [step.action for step in outcome.done if step.action == "export"] == ["export"]
    assert client.left() == [] and names(tmp_path) == ["web.tar", "web.tar.sha256"]


def test_a_deletion_whose_answer_is_lost_makes_no_second_export(client, tmp_path):
    client.trouble, client.after_trouble = [None, Interrupted("lost")], True
    outcome = converge(backup(client, file=str(tmp_path / "web-{time}.tar"), max_age="0s"))
    assert len(outcome.actions) == 1 and len(names(tmp_path)) == 2 and client.left() == []


def test_no_space(client, tmp_path, monkeypatch):
    usage = _streaming.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(_streaming.shutil, "disk_usage", lambda place: usage._replace(free=699))
    with pytest.raises(LXDError, match="has 699 bytes free, and the export needs 700"):
        converge(backup(client, file=str(tmp_path / "web.tar")))
    assert names(tmp_path) == [] and client.left() == []


def test_a_disk_that_is_full_in_the_middle(client, tmp_path):
    with open("/dev/full", "wb", buffering=0) as full:
        part = _streaming.Part.__new__(_streaming.Part)
        part.file, part.path = full, "/b/web.tar.part"
        with pytest.raises(LXDError, match="'/b/web.tar.part' cannot be written on the host.*No space left on device"):
            part.write(b"x")


def test_two_runs_at_once(client, tmp_path):
    part = tmp_path / "web.tar.part"
    with part.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(LXDError, match="Another run is writing"):
            converge(backup(client, file=str(tmp_path / "web.tar")))
        assert client.writes == [] and part.exists()
        running = backup(client, file=str(tmp_path / "web.tar")).way.own + "01234567"
        client.memory.put(f"{BACKUPS}/{running}")
        with pytest.raises(LXDError, match="Another run is writing"):
            converge(backup(client, file=str(tmp_path / "web.tar")))
        assert client.left() == [f"{BACKUPS}/{running}"], "the backup of the other run is deleted"
        del client.memory.objects[f"{BACKUPS}/{running}"]
    part.write_bytes(b"of a run that was killed" * 1000)
    part.chmod(0o644)
    assert converge(backup(client, file=str(tmp_path / "web.tar"))).changed is True
    assert (tmp_path / "web.tar").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "web.tar").read_bytes() == client.contents


@pytest.mark.parametrize("place", ["nowhere/web.tar", "folder"])
def test_where_nothing_can_be_written(client, tmp_path, place):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput, match="'.*nowhere' is not a directory|nothing says that it is an export"):
        converge(backup(client, file=str(tmp_path / place)))
    assert client.writes == []


# -- on the server ----------------------------------------------------------------------------------------------------


def test_a_backup_on_the_server(client):
    task = {"name": "sunday", "state": "present"}
    done = converge(backup(client, **task, expires_at="2031-12-31 18:00:00+00:00", instance_only=True))
    assert done.actions == ["create instance_backup sunday"]
    assert client.bodies == [{"name": "sunday", "expires_at": "2031-12-31T18:00:00Z", "instance_only": True}]
    assert converge(backup(client, **task)).changed is False
    assert converge(backup(client, **{**task, "state": "absent"})).actions == ["delete instance_backup sunday"]
    with pytest.raises(InvalidInput, match="'a day' is not a valid name for a instance_backup: no slash and no space"):
        converge(backup(client, **{**task, "name": "a day"}))


# -- what is imported -------------------------------------------------------------------------------------------------


def imported(client, **options):
    return backup(client, state="imported", **options)


def test_what_is_not_imported(client, tmp_path, now):
    file = tmp_path / "web-{time}.tar"
    for _number in range(2):
        converge(backup(client, file=str(file), max_age="1m"))
        now[0] += 120
    assert converge(imported(client, file="/nowhere/web.tar")).changed is False
    del client.memory.objects[WEB]
    with pytest.raises(InvalidInput, match="'/nowhere/web.tar' is not a file on the host"):
        converge(imported(client, file="/nowhere/web.tar"))
    newest, older = (tmp_path / f"web-20261128T12{minute}00Z.tar" for minute in ("02", "00"))
    newest.write_bytes(b"cut")
    with pytest.raises(InvalidInput, match=f"'{newest}' has 3 bytes, .*nothing is imported. Older ones are {older}"):
        converge(imported(client, file=str(file)))
    other = Record.made("a" * 64, 3, NOON, {"kind": "storage_volume", "pool": "p", "volume": "v"}, {})
    (tmp_path / "v.tar").write_bytes(b"abc")
    (tmp_path / "v.tar.sha256").write_text(other.text("v.tar"))
    with pytest.raises(InvalidInput, match="is an export of pool p volume v, which is another kind"):
        converge(imported(client, file=str(tmp_path / "v.tar")))
    db = Record.made("a" * 64, 3, NOON, {"kind": "instance", "instance": "db", "project": "lab"}, {})
    (tmp_path / "web-20261128T110000Z.tar.sha256").write_text(db.text("x"))
    with pytest.raises(InvalidInput, match="are of instance db in project lab, instance web: name one file"):
        converge(imported(client, file=str(file)))


def test_a_name_that_cannot_be_imported_is_told_by_the_option_that_has_it(client, tmp_path):
    (tmp_path / "web.tar").write_bytes(b"abc")
    with pytest.raises(InvalidInput, match="^instance: 'not_a_host' is not a valid name for a instance"):
        converge(imported(client, instance="not_a_host", file=str(tmp_path / "web.tar")), check_mode=True)
