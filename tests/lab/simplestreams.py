# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image server as the daemons' remotes are, small and over TLS, in the network namespace of a daemon.

Run as a program it serves a folder: simplestreams.py FOLDER ADDRESS PORT
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import pathlib
import shutil
import ssl
import subprocess
import sys
from typing import Any

from .daemon import Daemon

ALIAS = "tiny/remote"


#: The addresses that an image server can have.
ADDRESSES = ("127.0.0.1", "203.0.113.10")


def authority(folder: pathlib.Path) -> pathlib.Path:
    """The certificate of the image server, which daemons that are to know it have to trust (`SSL_CERT_FILE`); with its
    key in the same file.
    """
    made = folder / "images.pem"
    if not made.exists():
        subject = [
            "-subj",
            "/CN=images",
            "-addext",
            f"subjectAltName={','.join(f'IP:{address}' for address in ADDRESSES)}",
        ]
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            *subject,
        ]
        subprocess.run([*command, "-keyout", f"{made}.key", "-out", f"{made}.crt"], check=True, capture_output=True)
        made.write_text(pathlib.Path(f"{made}.crt").read_text() + pathlib.Path(f"{made}.key").read_text())
    return made


class Trusting(Daemon):
    """A daemon that trusts the image server as it does those of the internet."""

    def environ(self) -> dict[str, str]:
        return {**super().environ(), "SSL_CERT_FILE": str(authority(self.folder.parent))}


class ImageServer:
    """One image, as `tiny/remote`; in the network namespace of the process `target` if that is not the daemon's."""

    def __init__(
        self,
        daemon: Daemon,
        folder: pathlib.Path,
        image: pathlib.Path,
        port: int = 18446,
        address: str = ADDRESSES[0],
        target: int = 0,
    ) -> None:
        self.url = f"https://{address}:{port}"
        self.fingerprint = hashlib.sha256(image.read_bytes()).hexdigest()
        self._write(folder, image)
        shutil.copy(authority(daemon.folder.parent), folder / "server.pem")
        enter = [
            "nsenter",
            "--net",
            f"--target={target or daemon.keeper.pid}",
            sys.executable,
            "-m",
            "lab.simplestreams",
            str(folder),
            address,
            str(port),
        ]
        self.process = subprocess.Popen(
            enter, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=pathlib.Path(__file__).parents[1]
        )
        assert self.process.stdout is not None and self.process.stdout.readline() == b"listening\n"

    def _write(self, folder: pathlib.Path, image: pathlib.Path) -> None:
        streams = folder / "streams" / "v1"
        streams.mkdir(parents=True)
        shutil.copy(image, folder / "tiny.tar.gz")
        item = {"path": "tiny.tar.gz", "size": image.stat().st_size, "sha256": self.fingerprint}
        items = {name: {"ftype": name, **item} for name in ("lxd_combined.tar.gz", "incus_combined.tar.gz")}
        product = {
            "aliases": ALIAS,
            "arch": "amd64",
            "os": "Tiny",
            "release": "1",
            "release_title": "1",
            "variant": "default",
        }
        products = {"tiny:1:amd64:default": {**product, "versions": {"20260101_00:00": {"items": items}}}}
        head = {"datatype": "image-downloads", "format": "products:1.0"}
        index = {"images": {**head, "path": "streams/v1/images.json", "products": list(products)}}
        (streams / "index.json").write_text(json.dumps({"format": "index:1.0", "index": index}))
        (streams / "images.json").write_text(json.dumps({"content_id": "images", **head, "products": products}))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def main() -> None:
    folder, address, port = sys.argv[1:]
    handler: Any = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer((address, int(port)), handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pathlib.Path(folder) / "server.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        print("listening", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
