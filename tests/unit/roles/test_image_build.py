# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The locks and marks of the role image_build: what is half made is never taken for whole, and nobody waits for who is
gone.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "roles" / "image_build" / "files" / "build.py"
#: What the action sends along.
BESIDE = str(ROOT / "plugins" / "module_utils" / "_jobs")
HOLD = f"""
import importlib.util, sys
sys.path.append({BESIDE!r})
spec = importlib.util.spec_from_file_location("build", {str(SCRIPT)!r})
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
folder = build.Folder(FOLDER)
with folder.locked():
    folder.run("sh", "-c", COMMAND)
"""


@pytest.fixture
def build(monkeypatch):
    monkeypatch.syspath_prepend(BESIDE)
    spec = importlib.util.spec_from_file_location("image_build", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FREE", float("inf"))  # on the disk: a mount needs root
    return module


def begin(folder, command):
    """Another build, which holds the lock and runs a command. When this returns, the command has said something."""
    program = HOLD.replace("FOLDER", repr(str(folder))).replace("COMMAND", repr(command))
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline().startswith("+ sh")
    assert process.stdout.readline() == "here\n"
    return process


def taken(build, folder):
    """An event that is set as soon as the lock of the folder can be had."""
    event = threading.Event()

    def take():
        with build.Folder(folder).locked():
            event.set()

    threading.Thread(target=take, daemon=True).start()
    return event


def test_a_second_build_waits_until_the_first_has_ended(build, tmp_path):
    first = begin(tmp_path / "image", "echo here; exec sleep 60")
    second = taken(build, tmp_path / "image")
    assert not second.wait(0.3)
    os.killpg(first.pid, signal.SIGKILL)
    assert second.wait(10)
    first.wait()


def test_what_a_killed_build_left_running_is_waited_for(build, tmp_path):
    """debootstrap outlives who started it, and writes on into the folder."""
    first = begin(tmp_path / "image", "echo here; exec sleep 60")
    first.kill()  # alone: its sleep goes on
    first.wait()
    second = taken(build, tmp_path / "image")
    assert not second.wait(0.3)
    os.killpg(first.pid, signal.SIGKILL)
    assert second.wait(10)


def test_a_folder_that_was_removed_meanwhile_is_another_one(build, tmp_path):
    first = begin(tmp_path / "image", "echo here; exec sleep 60")
    second = taken(build, tmp_path / "image")
    assert not second.wait(0.1)
    (tmp_path / "image").rmdir()
    os.killpg(first.pid, signal.SIGKILL)
    assert second.wait(10) and (tmp_path / "image").is_dir()
    first.wait()


def test_the_mark_comes_last_and_goes_first(build, tmp_path):
    folder = build.Folder(tmp_path / "image")

    def steps():
        assert not folder.mark.exists()
        assert [path.name for path in folder.path.iterdir()] == ["work"] and not list(folder.work.iterdir()), (
            "it began with what another run left"
        )
        (folder.work / "scratch").write_text("")
        (folder.path / "rootfs.squashfs").write_text("whole")

    with folder.locked():
        folder.make({"packages": []}, steps)
        assert sorted(path.name for path in folder.path.iterdir()) == ["inputs.json", "rootfs.squashfs"]
        assert folder.age() < 1
        (folder.path / "left").mkdir()
        with pytest.raises(build.Failed):
            folder.make({"packages": []}, lambda: folder.run("false"))
        assert not folder.mark.exists() and folder.age() == float("inf")
        folder.make({"packages": []}, steps)
    assert folder.mark.exists()


@pytest.mark.parametrize(("days", "again"), [(29.9, False), (30.1, True)])
def test_a_base_is_made_anew_when_it_is_old(build, tmp_path, monkeypatch, days, again):
    base, image = build.Folder(tmp_path / "base"), build.Folder(tmp_path / "image")
    made, ran = [], []
    monkeypatch.setattr(build, "make_base", lambda folder, inputs: made.append(inputs))
    monkeypatch.setattr(build.Folder, "run", lambda self, *command, part: ran.append(command))
    with base.locked():
        base.make({"release": "x"}, lambda: None)
    begun = base.mark.stat().st_mtime - days * 86400
    os.utime(base.mark, (begun, begun))
    assert build.unpack_base(image, {"base_folder": str(base.path), "base": {"release": "x"}, "base_days": 30}) is again
    assert made == ([{"release": "x"}] if again else [])
    assert [command[0] for command in ran] == ["unsquashfs"]
    assert base.age() < 1 if again else base.age() > 29


@pytest.mark.parametrize(
    ("packages", "fresh", "installs"), [([], True, False), ([], False, True), (["sudo"], True, True)]
)
def test_an_image_from_an_older_base_is_upgraded_first(build, tmp_path, monkeypatch, packages, fresh, installs):
    """Without packages, and from what debootstrap has fetched just now, there is nothing to ask the archive for."""
    folder = build.Folder(tmp_path / "image")
    ran = []

    def unpack(image, specification):
        build.write(image.root, *build.UNSAFE)
        return fresh

    monkeypatch.setattr(build, "unpack_base", unpack)
    monkeypatch.setattr(
        build.Folder,
        "run",
        lambda self, *command, part: ran.append([part.partition(" ")[2]] if part.startswith("apt-get") else []),
    )
    base = {"mirror": "http://x", "components": ["main"]}
    specification = {"base": base, "packages": packages, "suite": "", "files": {}, "description": {"metadata.yaml": ""}}
    with folder.locked():
        folder.make({}, lambda: build.make_image(folder, specification))
    assert [words[0] for words in ran if words] == (
        ["update", "dist-upgrade", *(["install"] if packages else [])] if installs else []
    )


@pytest.mark.parametrize(("packages", "target"), [(["sudo"], True), (["sudo", "incus-base/newer"], False)])
def test_a_further_suite_is_for_all_packages_or_for_those_that_name_it(build, tmp_path, monkeypatch, packages, target):
    folder = build.Folder(tmp_path / "image")
    ran = []
    monkeypatch.setattr(build.Folder, "run", lambda self, *command, part: ran.append(command))
    base = {"mirror": "http://x", "components": ["main"]}
    build.install(folder, {"base": base, "packages": packages, "suite": "newer"})
    assert (folder.root / "etc/apt/sources.list.d/newer.list").read_text() == "deb http://x newer main\n"
    assert ran[-1][-len(packages) :] == tuple(packages) and ("--target-release" in ran[-1]) is target


def test_each_part_says_what_it_is_and_how_long_it_took(build, tmp_path, capfd):
    path = tmp_path / "progress"
    progress = build.Progress(str(path))
    folder = build.Folder(str(tmp_path / "image"), progress)
    with progress.shown(), folder.locked():
        folder.run("true")
        folder.run("true", part="debootstrap")
        with pytest.raises(build.Failed):
            folder.run("false", part="packing")
        told = [json.loads(line) for line in path.read_text().splitlines()]
    seen = [(one["done"], [name for name, *_ in one["now"]], one.get("line", "").partition(" took")[0]) for one in told]
    assert seen == [(0, ["debootstrap"], ""), (1, [], "debootstrap"), (1, ["packing"], "")]
    assert not path.exists()
    said = [line for line in capfd.readouterr().out.splitlines() if line.startswith("= ")]
    assert len(said) == 1 and re.fullmatch(r"= debootstrap took [0-9.]+ s", said[0])


def test_a_build_that_waits_for_another_one_says_so(build, tmp_path):
    other = begin(tmp_path / "image", "echo here; exec sleep 60")
    progress, told = build.Progress(None), []

    def tell(**more):
        told.append(more)
        if "now" in more:
            os.killpg(other.pid, signal.SIGKILL)

    progress._tell = tell
    with build.Folder(str(tmp_path / "image"), progress).locked():
        other.wait()
    assert told[0]["now"][0][0] == "another build of the same" and len(told) == 2


@pytest.mark.parametrize(
    ("configured", "environment", "given"),
    [
        ("http_proxy='http://proxy:3128'\nhttps_proxy='http://proxy:3128'", {}, ["http://proxy:3128"] * 2),
        ("http_proxy='http://proxy:3128'", {}, ["http://proxy:3128", ""]),
        ("http_proxy='http://proxy:3128'", {"http_proxy": "http://other:1"}, ["http://other:1", ""]),
        ("http_proxy='DIRECT'", {}, ["", ""]),
        ("", {"https_proxy": "http://other:1"}, ["", "http://other:1"]),
        (None, {}, ["", ""]),
    ],
)
def test_programs_get_the_proxy_of_apt(build, tmp_path, monkeypatch, configured, environment, given):
    """Which debootstrap does not read from its configuration."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    sh = shutil.which("sh")
    if configured is not None:
        (tmp_path / "apt-config").write_text(f"#!{sh}\ncat <<'END'\n{configured}\nEND\n")
        (tmp_path / "apt-config").chmod(0o755)
        os.symlink(shutil.which("cat"), tmp_path / "cat")
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = build.Folder(tmp_path / "image")
    with folder.locked():
        folder.run(sh, "-c", 'echo "$http_proxy" > out; echo "$https_proxy" >> out')
    assert (folder.path / "out").read_text().split("\n")[:2] == given


def test_programs_are_told_no_folder_of_the_host(build, tmp_path, monkeypatch):
    """In the root file system of the image, it is not there."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = build.Folder(tmp_path / "image")
    with folder.locked():
        folder.run("sh", "-c", 'echo "[$TMPDIR]" > out')
    assert (folder.path / "out").read_text() == "[]\n"
