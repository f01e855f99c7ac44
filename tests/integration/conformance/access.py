# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of certificates, and of the identities and groups of LXD 5.21 and later, which no server of the tests has."""

from __future__ import annotations

from .entry import Entry

#: A certificate of nobody, whose key is nowhere.
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBdzCCAR2gAwIBAgIUDXo+nr0siY2gQOLbs2lT4bVn8o0wCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFc3VpdGUwIBcNMjYxMTI4MDAxNDU3WhgPMjEyNjExMDQwMDE0
NTdaMBAxDjAMBgNVBAMMBXN1aXRlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
o1dJD43Q8lQpix+W75qAl4YTI5rDdfAE8KoWhrtwxAwa2WOd6bzJj0ah+WX0ZCO7
29doVQx8QGCzPALjvOMLyaNTMFEwHQYDVR0OBBYEFCKcSCZYrUzNP6cbyniOnpFs
GfFLMB8GA1UdIwQYMBaAFCKcSCZYrUzNP6cbyniOnpFsGfFLMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAIUv/mmvLENSlELqc8CaVmBqsNXrgcNg
yMQRCl5ClShLAiARS20Pq59koGlfdmWyceusxHWpCrXwec1gw+b7ioGZdg==
-----END CERTIFICATE-----
"""


ADMIN = {"entity_type": "server", "url": "/1.0", "entitlement": "admin"}

ENTRIES = {
    "auth_group": Entry(
        key={"name": "suite"},
        changes={"description": "of the suite", "permissions": [ADMIN]},
        bad={
            "name": ("a:b", ("name", "'a:b'", "no colon")),
            "permissions": ([{**ADMIN, "url": ""}], ("permissions[0].url", "is empty")),
        },
        renamed="suite9",
        theirs={"description": "theirs"},
    ),
    "certificate": Entry(
        key={"certificate": CERTIFICATE},
        new={"name": "suite", "restricted": True, "projects": ["default"]},
        changes={"name": "suite9", "projects": ["suite"], "restricted": False, "description": "of the suite"},
        unset={"name": "suite", "projects": ["default"]},
        bad={
            "certificate": ("nonsense", ("certificate",)),
            "name": ("", ("name", "cannot be empty")),
            "projects": (["nowhere"], ("projects",)),
        },
        needs=(("project", {"name": "suite"}),),
        fixed={"type": "metrics"},
        theirs={"projects": ["suite"]},
    ),
    "identity": Entry(
        key={"name": "suite"},
        new={"certificate": CERTIFICATE},
        changes={"groups": ["suite"], "certificate": CERTIFICATE},
        unset={"certificate": None},
        bad={
            "name": ("a/b", ("name", "'a/b'", "no slash")),
            "certificate": ("nonsense", ("certificate",)),
            "groups": (["nobody"], ("groups", "'nobody'")),
        },
        needs=(("auth_group", {"name": "suite"}),),
        fixed={"type": "Client token bearer"},
        anew=None,
        theirs={"groups": ["suite"]},
    ),
    "identity_provider_group": Entry(
        key={"name": "suite"},
        changes={"groups": ["suite"]},
        bad={"name": ("a/b", ("name", "'a/b'", "no slash")), "groups": (["nobody"], ("groups", "'nobody'"))},
        needs=(("auth_group", {"name": "suite"}),),
        renamed="suite9",
        theirs={"groups": ["suite"]},
    ),
}
