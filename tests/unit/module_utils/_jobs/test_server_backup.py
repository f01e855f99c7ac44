# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backups of a server are whole, which is taken, and which are removed. No server is asked."""

from __future__ import annotations

import json
import os
import pathlib
import time

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import InvalidInput, LXDError, Missing
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs import (
    backup_export,
    backup_manifest,
    backup_selection,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.backup_export import BackupExport, check_directory
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.backup_image import fetch
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.backup_import import BackupImport, _version
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.backup_manifest import Item, Run
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.backup_work import preseed_of
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.lacking import _rest
from ansible_collections.cloudhost.lxd.plugins.module_utils._jobs.server_backup import ServerBackup

DAY = 86400
NOON = 1795867200  # 2026-11-28T12:00:00Z
WEB = Item("instance", "default", {"instance": "web"}, "", "Running")
DEFAULTS = {name: spec.get("default") for name, spec in ServerBackup.spec.items()}


class Server:
    """A client that knows its server, and sends nothing."""

    implementation, clustered, label = "lxd", False, "lxd 5.0.2 at unix:///"

    def __init__(self, name="one", version="5.0.2"):
        self.server = {"environment": {"server_name": name, "server_version": version}}


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: NOON)


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


def made(folder, days, state="whole", **more) -> pathlib.Path:
    """A backup that was begun so many days before noon, of one instance."""
    path = folder / backup_manifest.stamp(NOON - days * DAY)
    (path / WEB.path).parent.mkdir(parents=True)
    (path / WEB.path).write_bytes(b"of web")
    line = backup_manifest.write(str(path / WEB.path), b"of web")
    facts = {
        **backup_manifest.FORMAT, "server": {"implementation": "lxd", "version": "5.0.2", "name": "one"},
        "options": {"images": "local"}, "items": [WEB._replace(files=(WEB.path,)).facts()],
        "files": [{**line, "file": WEB.path}], "left_out": [], "failed": [], "ended_at": "", **more,
    }  # fmt: skip
    if state == "whole":
        backup_manifest.publish(str(path), facts)
    else:
        backup_manifest.write(str(path / backup_manifest.PARTIAL), backup_manifest.text_of(facts))
    return path


def exporting(folder, check=False, **options):
    given = {**DEFAULTS, "directory": str(folder), "max_age": "20h", **options}
    return BackupExport(Server(), given, check)


def importing(folder, client=None, **options):
    return BackupImport(client or Server(), {**DEFAULTS, "directory": str(folder), **options}, False)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


# -- what is whole ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: (path / WEB.path).unlink(), "is not there"),
        (lambda path: (path / WEB.path).write_bytes(b"of wbe"), "has another checksum than its manifest says"),
        (lambda path: (path / WEB.path).write_bytes(b"of"), "has 2 bytes, and its manifest says 6"),
        (lambda path: [(path / WEB.path).unlink(), (path / WEB.path).symlink_to("/etc/passwd")], "is no plain file"),
    ],
)
def test_a_file_that_is_not_as_it_was_written(folder, harm, words):
    path = made(folder, 1)
    assert importing(folder).verified()["server_backup"]["run"] == path.name
    harm(path)
    with pytest.raises(InvalidInput, match=words):
        importing(folder).verified()


def test_the_size_alone_is_compared_if_the_task_says_so(folder):
    path = made(folder, 1)
    (path / WEB.path).write_bytes(b"of wbe")
    assert importing(folder, verify="size").verified()["server_backup"]["whole"] is True


@pytest.mark.parametrize("name", ["/etc/passwd", "../other", "a//b", "instances/../../x"])
def test_a_manifest_that_names_files_outside_is_none(folder, name):
    path = made(folder, 1)
    facts = json.loads((path / "manifest.json").read_text())
    facts["files"][0]["file"] = name
    backup_manifest.publish(str(path), facts)
    with pytest.raises(Missing, match="has no backup that is whole"):
        importing(folder).verified()
    facts["files"] = []  # what is imported is verified
    backup_manifest.publish(str(path), facts)
    with pytest.raises(Missing, match="has no backup that is whole"):
        importing(folder).verified()


def test_a_manifest_that_was_changed_is_not_whole(folder):
    path = made(folder, 1)
    text = (path / "manifest.json").read_text()
    (path / "manifest.json").write_text(text.replace('"version": "5.0.2"', '"version": "5.0.1"'))
    with pytest.raises(Missing, match=f"Not whole: {path.name}"):
        importing(folder).verified()
    with pytest.raises(InvalidInput, match="was not written to its end, or was changed since"):
        importing(folder, run=path.name, partial=True).verified()


def test_what_others_could_have_written_is_refused(folder):
    folder.chmod(0o770)
    with pytest.raises(InvalidInput, match="can be written by others"):
        check_directory(str(folder))
    with pytest.raises(InvalidInput, match="is not a directory"):
        check_directory(__file__)
    check_directory(str(folder / "none"))


def test_the_newest_that_is_whole_is_taken(folder):
    old, new = made(folder, 3), made(folder, 2)
    part = made(folder, 1, "partial", failed=[{"title": "instance db", "msg": "no"}])
    assert importing(folder).verified()["server_backup"]["run"] == new.name
    assert importing(folder, run=old.name).verified()["server_backup"]["run"] == old.name
    with pytest.raises(InvalidInput, match="lacks instance db; 'partial: true' takes what it has"):
        importing(folder, run=part.name).verified()
    assert importing(folder, run=part.name, partial=True).verified()["server_backup"]["whole"] is False
    with pytest.raises(Missing, match=f"has no backup 'x'.*{new.name}, {old.name}"):
        importing(folder, run="x").verified()
    with pytest.raises(InvalidInput, match="older than 26h"):
        importing(folder, max_age="26h").verified()


def test_a_run_that_was_cut_is_never_taken(folder):
    path = made(folder, 1, "partial")
    facts = json.loads((path / backup_manifest.PARTIAL).read_text())
    del facts["ended_at"]
    backup_manifest.write(str(path / backup_manifest.PARTIAL), backup_manifest.text_of(facts))
    with pytest.raises(InvalidInput, match="was not written to its end"):
        importing(folder, run=path.name, partial=True).verified()


def test_a_server_of_another_product_or_an_older_one_is_refused(folder):
    made(folder, 1)
    other = Server()
    other.implementation = "incus"
    with pytest.raises(InvalidInput, match="is a backup of lxd, and .* is another product"):
        importing(folder, other).imported()
    with pytest.raises(InvalidInput, match="is a backup of lxd 5.0.2, and .* is older"):
        importing(folder, Server(version="4.0.9")).imported()
    assert _version("5.21.1") > _version("5.3") and _version("6.0.4 LTS") == (6, 0)


# -- what is due, and what goes ----------------------------------------------------------------------------------------


def test_nothing_is_due_before_its_time(folder):
    path = made(folder, 0.5)
    done = exporting(folder).result()
    assert (done["changed"], done["server_backup"]["run"]) == (False, path.name)
    assert exporting(folder, max_age="13h")._reason(backup_manifest.runs(str(folder))[0]) == ""
    assert "older than 11h" in exporting(folder, max_age="11h")._reason(backup_manifest.runs(str(folder))[0])
    assert "other options" in exporting(folder, exclude=["x"])._reason(backup_manifest.runs(str(folder))[0])


def test_older_ones_go_and_nothing_else(folder):
    for days in (0.5, 1, 2, 3):
        made(folder, days)
    cut = made(folder, 1.5, "partial")
    stranger, like_one = folder / "notes", folder / "20200101T000000Z"
    stranger.mkdir()
    like_one.mkdir()
    (like_one / "manifest.json").write_text('{"made_by": "somebody else"}')
    oldest = folder / backup_manifest.stamp(NOON - 3 * DAY)
    (oldest / "notes").write_text("mine")
    predicted = exporting(folder, check=True, keep=2).result()
    done = exporting(folder, keep=2).result()
    assert predicted["actions"][0] == done["actions"][0]
    stay = {backup_manifest.stamp(NOON - days * DAY) for days in (0.5, 1)}
    assert set(names(folder)) == {*stay, "notes", "20200101T000000Z", oldest.name} and not cut.exists()
    assert sorted(path.name for path in oldest.iterdir()) == ["manifest.removed.json", "notes"]
    assert any(words.endswith("but for notes") for words in done["actions"]), done["actions"]


def test_without_a_new_one_the_last_good_one_stays(folder):
    good = made(folder, 9)
    parts = [made(folder, days, "partial") for days in (3, 2, 1)]
    job = exporting(folder, keep=1)
    job._rotate_partial(backup_manifest.runs(str(folder)))
    assert names(folder) == sorted([good.name, parts[-1].name])
    job = exporting(folder)
    job._rotate_partial(backup_manifest.runs(str(folder)))
    assert len(names(folder)) == 2


def test_a_removal_that_breaks_off_leaves_nothing_that_looks_whole(folder, monkeypatch):
    path = made(folder, 1)
    (run,) = backup_manifest.runs(str(folder))

    def killed(_path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "unlink", killed)
        backup_manifest.remove(run)
    (run,) = backup_manifest.runs(str(folder))
    assert run.state == backup_manifest.REMOVED and not run.whole
    assert exporting(folder)._unfinished([run]) is None, "what is being removed is not gone on with"
    backup_manifest.remove(run)
    assert not path.exists()


def test_a_cut_run_is_gone_on_with_until_it_is_too_old(folder):
    made(folder, 0.1, "partial")
    there = backup_manifest.runs(str(folder))
    assert exporting(folder)._unfinished(there) == there[0]
    assert exporting(folder, max_age="1h")._unfinished(there) is None
    assert exporting(folder, snapshots=False)._unfinished(there) is None
    made(folder, 0)
    assert exporting(folder)._unfinished(backup_manifest.runs(str(folder))) is None


def test_two_servers_have_two_directories_and_two_runs_one_after_the_other(folder):
    made(folder, 2)
    job = exporting(folder)
    job.client = Server("two")
    with pytest.raises(InvalidInput, match="has backups of the server 'one', and .* is 'two'"):
        job.result()
    with backup_export._locked(str(folder)), pytest.raises(LXDError, match="Another run writes into"):
        exporting(folder).result()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"keep": 0}, "keep: 0 is no number of runs"),
        ({"max_age": "1y"}, "max_age: '1y' is not an age"),
        ({"parallel": 0}, "parallel: 0 is no number of exports"),
        ({"run": "x"}, "run: it is for state: verified and imported, and not for exported"),
        ({"state": "imported", "keep": 3}, "keep: it is for state: exported, and not for imported"),
    ],
)
def test_wrong_options(folder, options, words):
    given = {**DEFAULTS, "directory": str(folder), "max_age": None if options.get("state") else "20h", **options}
    with pytest.raises(InvalidInput, match=words):
        ServerBackup.run(Server(), given, False)


# -- names ------------------------------------------------------------------------------------------------------------


def test_no_name_leaves_the_directory():
    for name in ("..", ".", "a/b", "../x", "{time}", "a\nb", "%2e%2e"):
        path = Item("storage_volume", "p", {"pool": "q", "volume": name}).path
        assert path.count("/") == 3 and not {".", ".."} & {*path.split("/")} and not set("{}\n") & {*path}, path
    assert Item("instance", "default", {"instance": "web1"}, "n1").path == "instances/default/web1.backup"
    one = Item("storage_volume", "default", {"pool": "p", "volume": "v@n1"})
    assert one.path != one._replace(names={"pool": "p", "volume": "v"}, member="n1").path


def test_volumes_of_members_are_put_where_they_were(folder):
    """Several members can have one of the same name. A server that has no such member has them itself."""
    volume = Item("storage_volume", "default", {"pool": "local", "volume": "data"})
    items = [volume._replace(member=name, files=(f"of-{name}",)) for name in ("n1", "n2")]
    assert [item.title for item in items] == [f"storage_volume local/data on {name}" for name in ("n1", "n2")]
    names = [{"file": f"of-{name}", "size": 0, "sha256": ""} for name in ("n1", "n2")]
    path = made(folder, 1, items=[item.facts() for item in items], files=names)
    document = {"storage_volumes": [{"pool": "local", "name": "data", "target": name} for name in ("n1", "n2")]}
    (path / backup_manifest.DOCUMENT).write_text(json.dumps(document))
    (run,) = backup_manifest.runs(str(folder))

    class Cluster(Server):
        clustered = True

        def names(self, path):
            return ["n1", "n3"]

    for client, targets in ((Server(), [None, None]), (Cluster(), ["n1", None])):
        found = importing(folder, client)._definition(run)["storage_volumes"]
        assert [entry["target"] for entry in found] == targets
        assert [entry["source"]["file"][-5:] for entry in found] == ["of-n1", "of-n2"]


def test_what_is_left_out():
    given = {"projects": None, "include": None, "exclude": ["test-*"], "images": "local"}
    volume = Item("storage_volume", "shop", {"pool": "fast", "volume": "data"})
    for item, obj, words in (
        (WEB, {"config": {}}, ""),
        (WEB, {"config": {}, "expanded_config": {"user.backup": "False"}}, "config.user.backup"),
        (WEB, {"config": {"user.backup": "stopped"}}, ""),
        (WEB._replace(names={"instance": "test-1"}), {}, "exclude"),
        (Item("image", "default", {"image": "a"}), {"update_source": {"server": "x"}}, "its server has it"),
        (Item("image", "default", {"image": "a"}), {}, "it has no alias"),
        (Item("image", "default", {"image": "a"}), {"aliases": [{"name": "a"}]}, ""),
    ):
        assert backup_selection._why_not(item, obj, given) == words, (item, obj)
    assert backup_selection._why_not(volume, {}, {**given, "include": ["fast/*"]}) == ""
    assert backup_selection._why_not(volume, {}, {**given, "include": ["data"]}) == "include"
    assert backup_selection._why_not(volume, {}, {**given, "projects": ["default"]}) == "projects"


def test_of_what_exists_only_what_is_not_set_is_restored():
    class Kind:
        kind, named, named_by, key, singletons = "profile", True, "name", "name", ("default",)
        fields = [type("Field", (), {"name": name, "type": "dict"}) for name in ("config", "devices")]

    entry = type("Entry", (), {"kind": Kind})
    written = {"name": "default", "project": "shop", "config": {"a": "1", "b": "2"}, "devices": {}, "description": "d"}
    assert _rest(entry, written, {"name": "default", "config": {"a": "9"}}) == {
        "name": "default", "project": "shop", "config": {"b": "2"},
    }  # fmt: skip
    assert _rest(entry, written, {"name": "default", "config": {"a": "9", "b": "9"}}) is None
    assert _rest(entry, {**written, "name": "web"}, {"name": "web", "config": {}}) is None


def test_the_parts_of_a_split_image(folder):
    parts = (b"meta\r\n--data", b"rootfs \r\n\r\n of it")
    body = b"".join(b'--x1\r\nContent-Disposition: form-data; name="m"\r\n\r\n' + part + b"\r\n" for part in parts)
    found = backup_manifest.hashlib.sha256(b"".join(parts)).hexdigest()

    class Client:
        label = "lxd"
        sent = 0

        def find(self, path, **query):
            return type("Reply", (), {"metadata": {"target": found}})

        def request(self, method, path, query, sink):
            self.sent += 1
            headers = {"Content-Type": "multipart/form-data; boundary=x1"}
            sink(200, headers).write(body + b"--x1--\r\n")
            return type("Reply", (), {"metadata": type("Response", (), {"headers": headers})})

    client, path = Client(), str(folder / "image")
    assert fetch(client, "default", "busybox", path) == (True, [f"{path}.metadata", f"{path}.rootfs"])
    assert tuple((folder / f"image{end}").read_bytes() for end in (".metadata", ".rootfs")) == parts
    assert fetch(client, "default", "busybox", path)[0] is False and client.sent == 1
    (folder / "image.rootfs").write_bytes(b"other")
    assert fetch(client, "default", "busybox", path)[0] is True
    assert sorted(path.name for path in folder.iterdir()) == ["image.metadata", "image.rootfs"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_run_is_shown_without_its_secrets(folder):
    made(folder, 1)
    shown = backup_export.shown(
        Run(str(folder / "20261127T120000Z"), backup_manifest.runs(str(folder))[0].manifest, "")
    )
    assert set(shown) == {
        "run", "path", "whole", "created_at", "size", "server", "identity_files", "exported", "left_out", "failed",
    }  # fmt: skip


@pytest.mark.parametrize(("implementation", "names"), [("lxd", ["a", "b"]), ("incus", ["a", "b", "c"])])
def test_a_preseed_has_what_the_client_takes(implementation, names):
    profiles = [{"name": "a"}, {"name": "b", "project": "default"}, {"name": "c", "project": "shop"}]
    document = {"profiles": profiles, "network_acls": [{"name": "x"}], "projects": [{"name": "shop"}]}
    preseed = preseed_of(document, implementation)
    assert [one["name"] for one in preseed.pop("profiles")] == names
    assert preseed == {"projects": [{"name": "shop"}]} and len(document["profiles"]) == 3
