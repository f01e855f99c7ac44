# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of the role ceph, as far as it needs no Ceph: disks, keys, files, rights, and who may be removed."""

from __future__ import annotations

import base64
import errno
import os
import pathlib
import pwd
import stat
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "roles" / "ceph" / "files"))

from ceph_host import cluster, disks, host, keys, monitors, steps, wanted  # noqa: E402 - the program of a role

GIB = 1 << 30
ME = pwd.getpwuid(os.geteuid()).pw_name
SHARED = {
    "managers": ["node1"],
    "metadata_servers": ["node2"],
    "clients": [{"name": "lxd"}, {"name": "backup", "caps": {"mon": "allow r"}}],
    "pools": [{"name": "lxd"}, {"name": "fast", "replicas": 2, "pg_num": 8}],
    "filesystems": [{"name": "shared"}],
    "replicas": 3,
}


def on(check=False, timeout=0.0):
    return host.Host(check, timeout)


# -- disks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size, count",
    [("10GiB", 10 * GIB), ("2G", 2 * GIB), ("1 TB", 1024 * GIB), (str(3 * GIB), 3 * GIB), ("4096m", 4 * GIB)],
)
def test_sizes(size, count):
    assert disks.amount(size) == count


@pytest.mark.parametrize("size", ["", "GiB", "ten", "-5GiB", "1.5GiB", "512MiB", "1X"])
def test_what_is_no_size_of_an_osd(size):
    with pytest.raises(host.Failed, match="ceph_osds: the size"):
        disks.amount(size)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"device": "sdb"},
        {"device": "/dev/sdb", "file": "/srv/osd"},
        {"device": "/dev/sdb", "size": "10GiB"},
        {"file": "/srv/osd"},
    ],
)
def test_entries_that_are_neither_a_device_nor_a_file(entry):
    with pytest.raises(host.Failed, match="an entry is either 'device: PATH', or 'file: PATH' with 'size: BYTES'"):
        disks.disk(entry)


def test_an_empty_file_holds_nothing(tmp_path):
    one = disks.Disk(str(tmp_path / "new" / "osd"), GIB)
    assert not disks.checked(one)
    disks.make(one)
    assert disks.checked(one) and disks.found(one.path) == ""
    status = os.stat(one.path)
    assert (status.st_size, stat.S_IMODE(status.st_mode)) == (GIB, 0o600) and status.st_blocks < 64
    with pytest.raises(FileExistsError):
        disks.make(one)


@pytest.mark.parametrize("data", [b"secret", b"\0" * 4096 + b"x"])
def test_any_byte_at_the_beginning_is_data(tmp_path, data):
    path = tmp_path / "osd"
    path.write_bytes(data + b"\0" * 8192)
    assert disks.found(str(path)) == "data of an unknown sort (it does not begin with zeros)"


def test_a_file_system_is_named_and_erased(tmp_path):
    path = tmp_path / "osd"
    path.touch()
    os.truncate(path, 64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-L", "backup", path], check=True)
    assert disks.found(str(path)) == "ext4 (backup)"
    disks.erase(str(path))
    assert disks.found(str(path)) == "" and path.stat().st_size == 64 << 20


@pytest.mark.parametrize(
    "table, words",
    [("/proc/self/mounts", "a file system that is mounted on /srv"), ("/proc/swaps", "swap in use")],
)
def test_what_is_in_use_is_never_erased(tmp_path, monkeypatch, table, words):
    path = tmp_path / "disk"
    path.write_bytes(b"")
    monkeypatch.setattr(disks, "lines", lambda name: [f"{path} /srv ext4"] if name == table else [])
    assert disks.found(str(path)) == words and disks.in_use(str(path))


def test_disks_that_are_not_there_or_are_no_disks(tmp_path):
    with pytest.raises(host.Failed, match="there is no device /dev/no-such-disk on this host"):
        disks.checked(disks.Disk("/dev/no-such-disk", None))
    with pytest.raises(host.Failed, match="is no block device"):
        disks.checked(disks.Disk(str(tmp_path), None))
    with pytest.raises(host.Failed, match="is no file"):
        disks.checked(disks.Disk(str(tmp_path), GIB))
    with pytest.raises(host.Failed, match=r"needs \d+ bytes, and .* has \d+ left"):
        disks.checked(disks.Disk(str(tmp_path / "osd"), 1 << 60))


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_has_the_form_of_ceph():
    """A type, the time, and sixteen bytes: `ceph-authtool --gen-key` writes the same."""
    raw = base64.b64decode(keys.new())
    sort, _seconds, _nanoseconds, length = struct.unpack("<HIIH", raw[:12])
    assert (sort, length, len(raw)) == (1, 16, 28)
    assert keys.new() != keys.new()


def test_keyrings_are_written_and_read():
    text = keys.keyring({"client.lxd": ("abc==", {"mon": "profile rbd", "osd": "allow rw"}), "mon.": ("def==", {})})
    assert text.splitlines()[:3] == ["[client.lxd]", "\tkey = abc==", '\tcaps mon = "profile rbd"']
    assert keys.key_of(text, "client.lxd") == "abc==" and keys.key_of(text, "mon.") == "def=="
    assert keys.key_of(text, "client.admin") is None
    assert keys.key_of(None, "mon.") is None and keys.key_of("no keyring", "mon.") is None


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_written_once_and_not_in_check_mode(tmp_path):
    path = tmp_path / "ceph.conf"
    seen = on(check=True)
    assert seen.write(str(path), "a\n", 0o644, ME) and not path.exists()
    done = on()
    assert done.write(str(path), "a\n", 0o644, ME) and path.read_text() == "a\n"
    assert (seen.actions, seen.diffs) == (done.actions, done.diffs) == ([f"write {path}"], done.diffs)
    again = on()
    assert not again.write(str(path), "a\n", 0o644, ME) and again.actions == []
    path.chmod(0o666)
    assert on().write(str(path), "a\n", 0o644, ME) and stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_keyring_is_never_shown_and_never_readable(tmp_path):
    path = tmp_path / "keyring"
    one = on()
    one.write(str(path), "key = first\n", 0o600, ME, secret=True)
    one.write(str(path), "key = second\n", 0o600, ME, secret=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "first" not in str(one.diffs) and "second" not in str(one.diffs) and len(one.diffs) == 2
    assert os.listdir(tmp_path) == ["keyring"]


def test_a_link_of_a_daemon_leads_nowhere(tmp_path):
    """Folders of daemons belong to them: a link there must not have root write, read or own another file."""
    other = tmp_path / "shadow"
    other.write_text("root")
    place = tmp_path / "mgr"
    place.mkdir()
    (place / "keyring").symlink_to(other)
    assert host.read(str(place / "keyring")) is None
    on().write(str(place / "keyring"), "key\n", 0o600, ME, secret=True)
    assert other.read_text() == "root" and not (place / "keyring").is_symlink()


def test_commands_say_what_failed():
    with pytest.raises(host.Failed, match=r"sh -c echo why >&2; exit 3 ended with code 3: why"):
        host.run("sh", "-c", "echo why >&2; exit 3")
    with pytest.raises(host.Failed, match="no-such-program: No such file or directory"):
        host.run("no-such-program")
    assert host.run("cat", given="secret") == "secret"


def test_waiting_ends_with_words():
    with pytest.raises(host.Failed, match=r"nothing came \(waited 0 s\)"):
        on().wait(lambda: False, lambda: "nothing came")


# -- what is wanted ---------------------------------------------------------------------------------------------------


def test_the_client_of_lxd_has_rights_on_its_pools_only():
    found = wanted.entities(SHARED)
    assert found["client.lxd"] == {
        "mon": "profile rbd, allow r",
        "mgr": "profile rbd pool=lxd, profile rbd pool=fast",
        "osd": "profile rbd pool=lxd, profile rbd pool=fast, allow rw tag cephfs data=shared",
        "mds": "allow rwps fsname=shared",
    }
    assert found["client.backup"] == {"mon": "allow r"}
    assert {"client.admin", "client.bootstrap-osd", "mgr.node1", "mds.node2"} < set(found)
    assert wanted.client({**SHARED, "pools": [], "filesystems": []}) == {"mon": "profile rbd"}


def test_pools_have_copies_and_most_of_them_have_to_be_there():
    found = {
        one["name"]: (one["replicas"], one["min_replicas"], one["application"], one.get("pg_num"))
        for one in wanted.pools(SHARED)
    }
    assert found == {
        "lxd": (3, 2, "rbd", None),
        "fast": (2, 2, "rbd", 8),
        "shared_metadata": (3, 2, "", None),
        "shared_data": (3, 2, "", None),
    }
    assert wanted.sized({}, 1)["min_replicas"] == 1


# -- the cluster ------------------------------------------------------------------------------------------------------


class Answers:
    """What monitors would answer, and what they were asked to do."""

    def __init__(self, known=("a", "b", "c"), quorum=("a", "b", "c"), **answers):
        self.status = {"known": dict.fromkeys(known, ""), "quorum": list(quorum)}
        self.answers, self.asked = answers, []

    def quorum(self):
        return self.status

    def command(self, prefix, given=b"", **arguments):
        self.asked.append(prefix)
        answer = self.answers.get(prefix.replace(" ", "_").replace("-", "_"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_monitor_is_removed_where_most_of_the_others_run():
    lost = Answers(quorum=("a", "b"))
    cluster.remove_monitors(on(), lost, ["c", "gone-already"])
    assert lost.asked == ["mon rm"]
    alone = Answers(quorum=("a",))
    with pytest.raises(host.Failed, match="without c, 2 monitors would stay, and of these only a would run"):
        cluster.remove_monitors(on(), alone, ["c"])
    assert alone.asked == []


def osd(number, up, inside):
    return {"osds": [{"osd": number, "up": up, "in": inside}]}


def test_an_osd_goes_step_by_step():
    inside = Answers(osd_dump=osd(3, 1, 1))
    cluster.remove_osds(on(), inside, [3, 4])
    assert inside.asked == ["osd dump", "osd out"]
    busy = monitors.Refused("", errno.EBUSY)
    for answers, words in (
        (Answers(osd_dump=osd(3, 1, 0), osd_safe_to_destroy=busy), "its data is not elsewhere yet"),
        (Answers(osd_dump=osd(3, 1, 0), osd_safe_to_destroy={"safe_to_destroy": [3]}), "but still runs"),
    ):
        one = on()
        cluster.remove_osds(one, answers, [3])
        assert one.actions == [] and words in one.warnings[0]
    down = Answers(osd_dump=osd(3, 0, 0), osd_safe_to_destroy={"safe_to_destroy": [3]})
    cluster.remove_osds(on(), down, [3])
    assert down.asked[-1] == "osd purge-actual"


def test_rights_are_changed_and_keys_are_kept():
    there = [{"entity": "client.lxd", "key": "old==", "caps": {"mon": "allow r"}}]
    answers, one = Answers(auth_ls={"auth_dump": there}), on()
    cluster.entities(one, answers, {"client.lxd": {"mon": "allow r"}})
    assert (one.actions, answers.asked) == ([], ["auth ls"])
    cluster.entities(one, answers, {"client.lxd": {"mon": "profile rbd"}})
    assert one.actions == ["give rights to client.lxd"] and answers.asked[-1] == "auth import"
    assert one.diffs[0]["before"] == "mon: allow r\n" and "old==" not in str(one.diffs)


def test_a_step_that_fails_says_why_and_what_was_done(monkeypatch):
    def look(one, given):
        one.do("begin", lambda: None)
        raise host.Failed("no more")

    monkeypatch.setitem(steps.STEPS, "look", look)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    result = steps.perform({"step": "look", "check": False, "timeout": 1})
    assert (result["failed"], result["msg"], result["changed"]) == (True, "no more", True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "needs root" in steps.perform({"step": "look", "check": False, "timeout": 1})["msg"]


def test_ipv6_addresses_have_brackets():
    assert monitors.bracketed("fd00::1") == "[fd00::1]" and monitors.bracketed("10.0.0.1") == "10.0.0.1"
