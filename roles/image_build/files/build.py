# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build an image from what debootstrap installs: build.py SPECIFICATION [PROGRESS]. The specification is the JSON that
vars/main.yml describes, and plugins/plugin_utils/_progress.py reads the file PROGRESS. The last line of the output says
what was done.

One process from the beginning to the end, because it holds a lock: a second build of the same thing waits, and finds
it. The kernel takes the lock away from a process that is gone, however it ended, so nothing has to be tidied up by
hand. The role runs it in a mount namespace of its own for the same reason: what it mounts is gone with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time
from typing import Any, Callable, Iterator

from lines_file import LinesFile  # plugins/module_utils/_jobs/lines_file.py, which comes with this script

#: A folder without it is no build: it is written last, and holds what the build was made from.
MARK = "inputs.json"
#: Bytes of memory that must be free to work in it, on half of what is free. Packing and unpacking a root file system
#: takes a tenth of the time there.
FREE = 6 << 30
#: A root file system that leaves less than this of the memory has not found enough, and is made once more on the disk.
FULL = 32 << 20
#: Where APT keeps what a machine can fetch again.
FETCHED = ("var/cache/apt/archives", "var/lib/apt/lists")
#: What dpkg is told while it works on the folder: what is half written is thrown away in any case, so nothing has to
#: reach the disk.
UNSAFE = ("etc/dpkg/dpkg.cfg.d/cloudhost-lxd", "force-unsafe-io\n")
#: Variables that name a folder of the host. It is not in the root file system, where programs would fail for it.
OF_THE_HOST = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")
#: Packages start their services when they are installed, but for this script's answer.
NO_SERVICES = ("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")


class Failed(Exception):
    """A program did not do its part."""


class Progress:
    """The file that the controller reads during the build. Its lines have the keys of `_stack/progress.py`."""

    def __init__(self, path: str | None) -> None:
        self.file, self.done = LinesFile(path), 0

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        """The file is there while the context is open."""
        self.file.open()
        try:
            yield
        finally:
            self.file.close()

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """A part of the build."""
        begun = time.monotonic()
        self._tell(now=[[name, "", 0.0]])
        yield
        self.done += 1
        line = f"{name} took {time.monotonic() - begun:.1f} s"
        print("=", line, flush=True)
        self._tell(line=line)

    def _tell(self, **more: Any) -> None:
        self.file.write({"done": self.done, "total": 0, "now": [], "more": 0, **more})


@functools.lru_cache(maxsize=1)
def _proxies() -> dict[str, str]:
    """The proxies that APT of this host is configured with, for debootstrap and for APT in the image, which read the
    environment only. What the environment has already takes precedence.
    """
    command = ["apt-config", "shell", "http_proxy", "Acquire::http::Proxy", "https_proxy", "Acquire::https::Proxy"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        return {}
    found = dict(re.findall(r"(?m)^(\w+)='(.+)'$", done.stdout))
    return {name: url for name, url in found.items() if url != "DIRECT" and not os.environ.get(name)}


class Folder:
    """The folder of one build, locked. Whoever has a program running in it has the lock too, also when this process is
    killed.
    """

    def __init__(self, path: str, progress: Progress | None = None) -> None:
        self.path = pathlib.Path(path)
        self.progress = progress or Progress(None)
        self.mark = self.path / MARK
        self.work = self.path / "work"
        self.root = self.work / "rootfs"
        self.lock = -1

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        while True:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                self.lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:  # removed since
                continue
            self._take_lock()
            if self.path.exists() and os.path.samestat(os.fstat(self.lock), self.path.stat()):
                break
            os.close(self.lock)  # it was removed while we waited: what is there now is another folder
        try:
            yield
        finally:
            os.close(self.lock)

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with self.progress.part("another build of the same"):
                fcntl.flock(self.lock, fcntl.LOCK_EX)

    def age(self) -> float:
        """Days since it was built; infinite where it is not, or not to its end."""
        return (time.time() - self.mark.stat().st_mtime) / 86400 if self.mark.exists() else float("inf")

    def make(self, inputs: dict[str, Any], steps: Callable[[], None]) -> None:
        """Begin with nothing but a folder to work in, in memory where there is enough, and end with the mark."""
        free = _free()
        if free < FREE or not self._worked(steps, f"size={free // 2}"):
            self._worked(steps)
        unfinished = self.path / "inputs.new"
        unfinished.write_text(json.dumps(inputs, indent=2, sort_keys=True) + "\n")
        unfinished.rename(self.mark)

    def _worked(self, steps: Callable[[], None], in_memory: str = "") -> bool:
        """Whether there was room for the steps; on the disk, what has no room fails."""
        self.mark.unlink(missing_ok=True)  # first: a removal that is broken off must not leave it behind
        for path in list(self.path.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.work.mkdir()
        if in_memory:
            self.run("mount", "-t", "tmpfs", "-o", f"mode=755,{in_memory}", "cloudhost-lxd", str(self.work))
        try:
            steps()
        except (Failed, OSError):
            room = os.statvfs(self.work)
            if not in_memory or room.f_bavail * room.f_frsize > FULL:
                raise
            print("not enough memory: once more, on the disk", flush=True)
            return False
        finally:
            if in_memory:
                self.run("umount", "--lazy", str(self.work))
        shutil.rmtree(self.work)
        return True

    def run(self, *command: str, part: str = "") -> None:
        """Run a program, as a part of the build if it has the name of one."""
        print("+", *command, flush=True)
        environ = {**os.environ, **_proxies(), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        for name in OF_THE_HOST:
            environ.pop(name, None)
        with self.progress.part(part) if part else contextlib.nullcontext():
            done = subprocess.run(
                command,
                cwd=self.path,
                env=environ,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                pass_fds=[self.lock],
                check=False,
            )
            if done.returncode:
                raise Failed(f"{command[0]} ended with status {done.returncode}: {' '.join(command)}")

    def pack(self, level: int, part: str) -> None:
        options = ["-noappend", "-quiet", "-no-progress", "-comp", "zstd", "-Xcompression-level", str(level)]
        self.run("mksquashfs", str(self.root), str(self.path / "rootfs.squashfs"), *options, part=part)


def _free() -> int:
    """Bytes of memory that programs may have without that others lose theirs."""
    found = re.search(r"^MemAvailable: +(\d+) kB$", pathlib.Path("/proc/meminfo").read_text(), re.M)
    return int(found[1]) << 10 if found else 0


def write(root: pathlib.Path, place: str, content: str, mode: int = 0o644) -> None:
    path = root / place.lstrip("/")
    if path.is_symlink():  # it may lead out of the root
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def make_base(folder: Folder, base: dict[str, Any]) -> None:
    """The distribution as debootstrap installs it, with the indexes that it fetched, for any number of images."""
    root = folder.root
    write(root, *UNSAFE)
    options = [
        "--variant=minbase",
        f"--include={','.join(base['packages'])}",
        f"--components={','.join(base['components'])}",
    ]
    folder.run("debootstrap", *options, base["release"], str(root), base["mirror"], part="debootstrap")
    shutil.rmtree(root / FETCHED[0], ignore_errors=True)
    folder.pack(1, "packing of the base system")


def unpack_base(image: Folder, specification: dict[str, Any]) -> bool:
    """The base in the folder of the image. Whether it is as new as the archive."""
    base = Folder(specification["base_folder"], image.progress)
    with base.locked():
        fresh = base.age() > specification["base_days"]
        if fresh:
            base.make(specification["base"], lambda: make_base(base, specification["base"]))
        source = str(base.path / "rootfs.squashfs")
        unpack = ("unsquashfs", "-no-progress", "-quiet", "-dest", str(image.root), source)
        image.run(*unpack, part="unpacking of the base system")
    return fresh


def install(folder: Folder, specification: dict[str, Any]) -> None:
    """What is newer now, and the packages of the image. APT runs in namespaces that leave no mount and no process
    behind.
    """
    root = folder.root
    suite = specification["suite"]
    if suite:
        source = f"deb {specification['base']['mirror']} {suite} {' '.join(specification['base']['components'])}\n"
        write(root, f"etc/apt/sources.list.d/{suite}.list", source)
    write(root, *NO_SERVICES, 0o755)
    # That of now, and not that of when the base was made.
    write(root, "etc/resolv.conf", pathlib.Path("/etc/resolv.conf").read_text())
    apt = [
        "unshare",
        "--fork",
        "--pid",
        "--mount",
        "--mount-proc",
        f"--root={root}",
        "apt-get",
        "-q",
        "-y",
        "-o",
        "Acquire::Languages=none",
    ]
    folder.run(*apt, "update", part="apt-get update")
    folder.run(*apt, "dist-upgrade", "--no-install-recommends", part="apt-get dist-upgrade")
    if specification["packages"]:
        named = any("/" in package for package in specification["packages"])
        folder.run(
            *apt,
            "install",
            "--no-install-recommends",
            *(["--target-release", suite] if suite and not named else []),
            *specification["packages"],
            part="apt-get install",
        )
    (root / NO_SERVICES[0]).unlink()


def make_image(folder: Folder, specification: dict[str, Any]) -> None:
    root = folder.root
    fresh = unpack_base(folder, specification)
    if specification["packages"] or not fresh:
        install(folder, specification)
    for place, content in specification["files"].items():
        write(root, place, content)
    (root / UNSAFE[0]).unlink()
    for place in FETCHED:
        shutil.rmtree(root / place, ignore_errors=True)
        (root / place / "partial").mkdir(parents=True)
    folder.pack(3, "packing of the image")
    for place, content in specification["description"].items():
        write(folder.work / "metadata", place, content)
    with tarfile.open(folder.path / "metadata.tar.gz", "w:gz") as archive:
        for name in sorted(os.listdir(folder.work / "metadata")):
            archive.add(folder.work / "metadata" / name, name)


def main() -> None:
    os.umask(0o022)
    specification = json.loads(sys.argv[1])
    progress = Progress(sys.argv[2] if len(sys.argv) > 2 else None)
    folder = Folder(specification["folder"], progress)
    with progress.shown(), folder.locked():
        there = folder.mark.exists()
        if not there:
            try:
                folder.make(specification["inputs"], lambda: make_image(folder, specification))
            except Failed as exc:
                sys.exit(str(exc))
    print("another run has built it" if there else "built")


if __name__ == "__main__":
    main()
