# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates to test with, and a daemon that listens for them."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import ssl
import subprocess
from typing import Any, Iterator, NamedTuple


class Identity(NamedTuple):
    """A client with a key and a self-signed certificate, in files."""

    cert: str
    key: str

    @property
    def pem(self) -> str:
        return pathlib.Path(self.cert).read_text()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.pem)).hexdigest()


def identity(folder: pathlib.Path, name: str) -> Identity:
    made = Identity(str(folder / f"{name}.crt"), str(folder / f"{name}.key"))
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:secp384r1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
    ]
    subprocess.run([*command, "-keyout", made.key, "-out", made.cert], check=True, capture_output=True)
    return made


@contextlib.contextmanager
def listening(server: Any, port: int) -> Iterator[dict[str, Any]]:
    """The connection options of a server that listens on a port of its own namespace, without a client certificate."""
    server.run("server", config={"core.https_address": f"127.0.0.1:{port}"})
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert((server.daemon.folder / "server.crt").read_text())).hexdigest()
    yield {"url": f"https://127.0.0.1:{port}", "server_fingerprint": pin, "timeout": 30}
    server.run("server", config={"core.https_address": None})
