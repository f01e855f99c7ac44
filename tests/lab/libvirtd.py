# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real libvirtd for one test run: no systemd, in network and mount namespaces of its own, where it finds nothing of
the machine's libvirt. All its processes are ended by pid.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

from .daemon import processes_in

#: Its URI, for who runs in its namespaces.
URI = "qemu:///system"
#: What libvirtd keeps, which is another folder in its mount namespace.
PLACES = ("/etc/libvirt", "/run/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt")
#: QEMU as root: to libvirt, KVM that another user cannot open is a reason to ask all of QEMU again at each definition,
#: for 92 s. The others are for machines without systemd.
QEMU = """
user = "root"
group = "root"
security_driver = "none"
remember_owner = 0
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = "file"
"""
_ENTER = """
set -e
ip link set lo up
lab=$1
shift
mount -t sysfs sysfs /sys
for place; do
  mkdir -p "$lab$place" "$place"
  mount --bind "$lab$place" "$place"
done
exec sleep infinity
"""


class Libvirtd:
    """One that keeps everything in the folder `lab`."""

    def __init__(self, lab: pathlib.Path) -> None:
        self.lab, self.log = lab, lab / "libvirtd.log"
        self.keeper: subprocess.Popen[bytes] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.namespace = ""

    @property
    def within(self) -> tuple[str, ...]:
        """What a command begins with that runs beside it."""
        assert self.keeper is not None
        return ("nsenter", "--net", "--mount", f"--target={self.keeper.pid}", "--")

    def start(self) -> None:
        kept = self.lab / "etc" / "libvirt"
        if not kept.exists():
            shutil.copytree("/etc/libvirt", kept, ignore=shutil.ignore_patterns("autostart"))
            (kept / "qemu.conf").write_text(QEMU)
        command = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh", str(self.lab)]
        self.keeper = subprocess.Popen([*command, *PLACES])
        comm = pathlib.Path(f"/proc/{self.keeper.pid}/comm")
        self._await(lambda: comm.read_text().strip() == "sleep", "the namespaces of libvirtd")
        self.namespace = os.readlink(f"/proc/{self.keeper.pid}/ns/net")
        with self.log.open("ab") as log:
            pid = str(self.lab / "libvirtd.pid")
            self.process = subprocess.Popen(
                [*self.within, "libvirtd", "--pid-file", pid], stdout=log, stderr=log, start_new_session=True
            )
        self._await(lambda: self.run("virsh", "-q", "-c", URI, "uri", check=False).returncode == 0, "libvirtd")

    def _await(self, condition, what: str, seconds: float = 60) -> None:  # type: ignore[no-untyped-def]
        end = time.monotonic() + seconds
        while not condition():
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"libvirtd ended at its start; its log: {self.log.read_text()[-2000:]}")
            if time.monotonic() > end:
                raise RuntimeError(f"gave up waiting for {what} after {seconds} s")
            time.sleep(0.05)

    def run(self, *command: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """A command beside it."""
        done = subprocess.run(
            [*self.within, *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def virsh(self, *command: str, check: bool = True, timeout: float = 120) -> str:
        """Its own client: what it says is the truth that the role is held against."""
        return self.run("virsh", "-q", "-c", URI, *command, check=check, timeout=timeout).stdout.strip()

    def pids(self) -> list[int]:
        """Every process in its network namespace: machines, dnsmasq, and itself."""
        return processes_in(self.namespace)

    def stop(self) -> None:
        if self.keeper is None:
            return
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in (self.process, self.keeper):
            if process is not None:
                process.wait()
        self.keeper = self.process = None
