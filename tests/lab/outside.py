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
    """A network namespace with both, until `stop`."""

    def __init__(self, daemon: Daemon, folder: pathlib.Path, image: pathlib.Path) -> None:
        self.log = folder / "tinyproxy.log"
        self.url = f"http://{PROXY}:{PORT}"
        self.keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        Daemon._await(
            lambda: pathlib.Path(f"/proc/{self.keeper.pid}/comm").read_text().strip() == "sleep", "a namespace"
        )
        for command in (
            f"ip link add inside netns {daemon.keeper.pid} type veth peer outside netns {self.keeper.pid}",
            f"nsenter --net --target={daemon.keeper.pid} ip address add {INSIDE}/30 dev inside",
            f"nsenter --net --target={daemon.keeper.pid} ip link set inside up",
            f"nsenter --net --target={self.keeper.pid} ip address add {PROXY}/30 dev outside",
            f"nsenter --net --target={self.keeper.pid} ip link set outside up",
            f"nsenter --net --target={self.keeper.pid} ip address add {SERVER}/32 dev lo",
            f"nsenter --net --target={self.keeper.pid} ip link set lo up",
        ):
            subprocess.run(command.split(), check=True)
        self.images = ImageServer(daemon, folder / "images", image, address=SERVER, target=self.keeper.pid)
        config = folder / "tinyproxy.conf"
        config.write_text(CONFIG.format(port=PORT, address=PROXY, log=self.log))
        enter = ["nsenter", "--net", f"--target={self.keeper.pid}"]
        self.proxy = subprocess.Popen([*enter, "tinyproxy", "-d", "-c", str(config)], stdout=subprocess.DEVNULL)
        connect = f"exec 3<>/dev/tcp/{PROXY}/{PORT}"
        Daemon._await(
            lambda: not subprocess.run([*enter, "bash", "-c", connect], stderr=subprocess.DEVNULL).returncode, "a proxy"
        )

    def stop(self) -> None:
        for process in (self.proxy, self.images.process, self.keeper):
            process.kill()
            process.wait()
