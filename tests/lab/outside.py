# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is outside of a daemon's network: an image server, and a real proxy as the only way to it."""

from __future__ import annotations

import pathlib
import subprocess

from .daemon import Daemon
from .simplestreams import ImageServer

#: Of the proxy, on the link that it shares with the daemon, and of the daemon.
PROXY, INSIDE = "192.0.2.1", "192.0.2.2"
PORT = 3128
#: Of the image server. The daemon has no route to it.
SERVER = "203.0.113.10"
CONFIG = """Port {port}
Listen {address}
Timeout 60
MaxClients 20
LogFile "{log}"
LogLevel Connect
"""


class Outside:
    """A network namespace with both, from `start` to `stop`."""

    def __init__(self, daemon: Daemon, folder: pathlib.Path, image: pathlib.Path) -> None:
        self.daemon, self.folder, self.image = daemon, folder, image
        self.log = folder / "tinyproxy.log"
        self.url = f"http://{PROXY}:{PORT}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        keeper = self._begin("unshare", "--net", "sleep", "infinity")
        Daemon._await(lambda: pathlib.Path(f"/proc/{keeper}/comm").read_text().strip() == "sleep", "a namespace")
        enter, enter_daemon = (f"nsenter --net --target={pid}" for pid in (keeper, self.daemon.keeper.pid))
        for command in (
            f"ip link add inside netns {self.daemon.keeper.pid} type veth peer outside netns {keeper}",
            f"{enter_daemon} ip address add {INSIDE}/30 dev inside",
            f"{enter_daemon} ip link set inside up",
            f"{enter} ip address add {PROXY}/30 dev outside",
            f"{enter} ip link set outside up",
            f"{enter} ip address add {SERVER}/32 dev lo",
            f"{enter} ip link set lo up",
        ):
            subprocess.run(command.split(), check=True)
        self.images = ImageServer(self.daemon, self.folder / "images", self.image, address=SERVER, target=keeper)
        self.processes.append(self.images.process)
        config = self.folder / "tinyproxy.conf"
        config.write_text(CONFIG.format(port=PORT, address=PROXY, log=self.log))
        self._begin(*enter.split(), "tinyproxy", "-d", "-c", str(config))
        connect = [*enter_daemon.split(), "bash", "-c", f"exec 3<>/dev/tcp/{PROXY}/{PORT}"]
        Daemon._await(lambda: not subprocess.run(connect, stderr=subprocess.DEVNULL).returncode, "the proxy")

    def _begin(self, *command: str) -> int:
        self.processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        return self.processes[-1].pid

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.wait()
