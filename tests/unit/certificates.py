# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates and tokens that are made for the tests of TLS connections."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import subprocess


class Pair:
    """A certificate and its key: self-signed, or for the host `name` where an authority is given."""

    def __init__(self, folder, name, authority=None):
        self.cert, self.key = str(folder / f"{name}.crt"), str(folder / f"{name}.key")
        command = [
            "openssl",
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            self.key,
        ]
        if authority:
            (folder / "names").write_text(f"subjectAltName=DNS:{name}")
            asked = subprocess.run(command, check=True, capture_output=True).stdout
            signed = [
                "-CA",
                authority.cert,
                "-CAkey",
                authority.key,
                "-CAcreateserial",
                "-extfile",
                str(folder / "names"),
            ]
            subprocess.run(
                ["openssl", "x509", "-req", *signed, "-days", "2", "-out", self.cert],
                input=asked,
                check=True,
                capture_output=True,
            )
        else:
            subprocess.run([*command, "-x509", "-days", "2", "-out", self.cert], check=True, capture_output=True)
        with open(self.cert, encoding="ascii") as stream:
            self.pem = stream.read()
        self.der = ssl.PEM_cert_to_DER_cert(self.pem)
        self.fingerprint = hashlib.sha256(self.der).hexdigest()


def encoded(data):
    return base64.b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).decode()


def token_of(**changed):
    return encoded(
        {"client_name": "me", "fingerprint": "f" * 64, "addresses": ["192.0.2.1:8443"], "secret": "s3cret", **changed}
    )
