# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between a plugin and a real daemon's socket: passes everything on, and breaks the input of a command after so many
bytes, as a network does.
"""

from __future__ import annotations

import contextlib
import re
import socket
import socketserver
import threading

BLOCK = 1 << 16


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Cutting:
    """`after` are the bytes of the input of each command that come through; None: all. The daemon says which websocket
    is an input.
    """

    def __init__(self, path: str, upstream: str) -> None:
        self.url = f"unix://{path}"
        self.after: int | None = None
        self.cuts = self.connections = 0
        self._inputs: set[bytes] = set()
        cutting = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                cutting.connections += 1
                with socket.socket(socket.AF_UNIX) as daemon:
                    daemon.connect(upstream)
                    threading.Thread(target=cutting.answers, args=(daemon, self.request), daemon=True).start()
                    cutting.requests(self.request, daemon)

        self.server = _Server(path, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def requests(self, client: socket.socket, daemon: socket.socket) -> None:
        left: int | None = None
        with contextlib.suppress(OSError):
            while True:
                data = client.recv(BLOCK)
                secret = re.match(rb"GET \S+/websocket\?secret=(\w+) ", data)
                if secret and secret[1] in self._inputs and self.after is not None:
                    head = data.index(b"\r\n\r\n") + 4
                    daemon.sendall(data[:head])
                    data, left = data[head:], self.after
                    if not data:
                        continue
                if left is not None and len(data) >= left:
                    daemon.sendall(data[:left])
                    self.cuts += 1
                    break
                left = None if left is None else left - len(data)
                if not data:
                    break
                daemon.sendall(data)
        self._hang_up(client, daemon)

    def answers(self, daemon: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := daemon.recv(BLOCK):
                self._inputs.update(re.findall(rb'"fds": ?\{"0": ?"(\w+)"', data))
                client.sendall(data)
        self._hang_up(client, daemon)

    @staticmethod
    def _hang_up(*sockets: socket.socket) -> None:
        for end in sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
