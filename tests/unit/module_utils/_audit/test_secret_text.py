# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit takes for a secret in text, and what not: it is read only if it is right."""

from __future__ import annotations

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._audit.secret_text import holds_secret
from ansible_collections.cloudhost.lxd.tests.unit.audited import audit, instance, listings

SECRETS = [
    ("environment.DB_PASSWORD", "hunter22"),
    ("user.api_key", "abcdef"),
    ("environment.URL", "postgres://app:hunter22@db/app"),
    ("environment.OPTS", "--user=a --password=hunter22"),
    ("user.note", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"),
    ("cloud-init.user-data", "#cloud-config\npassword: hunter22\nssh_pwauth: true\n"),
    ("cloud-init.user-data", "#cloud-config\nusers:\n  - name: a\n    passwd: $6$abc$def\n"),
    ("cloud-init.user-data", "#cloud-config\nchpasswd:\n  list: |\n    root:hunter22\n"),
    ("cloud-init.vendor-data", '{"token": "abc123def"}'),
    ("user.user-data", "export AWS=AKIAIOSFODNN7EXAMPLE\n"),
    ("user.header", "Authorization: Bearer abc"),
]
HARMLESS = [
    ("environment.PATH", "/usr/bin"),
    ("environment.PASSWORD_FILE", "/run/secrets/db"),
    ("environment.USE_TOKEN", "true"),
    ("user.cloudhost.stack", "shop"),
    ("user.cloudhost.bearer", "instance/default/secret"),
    ("user.commit", "0123456789abcdef0123456789abcdef01234567"),
    ("user.note", "The password is in the vault."),
    ("cloud-init.user-data", "#cloud-config\nssh_authorized_keys:\n  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ a@b\n"),
    ("cloud-init.user-data", "#cloud-config\nusers:\n  - name: a\n    lock_passwd: true\nssh_pwauth: false\n"),
    ("cloud-init.user-data", "#cloud-config\nchpasswd: {expire: false}\n"),
    ("cloud-init.user-data", "#!/bin/sh\nTOKEN=$(cat /run/token)\n"),
    ("user.password", ""),
]


@pytest.mark.parametrize(("key", "value"), SECRETS)
def test_secrets(key, value):
    assert holds_secret(key, value)
    (found,) = audit(listings(instances=[instance({key: value})]))
    assert (found.rule.id, found.hit.item) == ("instance-secret", key)
    assert value not in str(found.shown()) and found.hit.tasks[0]["cloudhost.lxd.instance"]["config"] == {key: None}


@pytest.mark.parametrize(("key", "value"), HARMLESS)
def test_what_is_no_secret(key, value):
    assert not holds_secret(key, value)
    assert audit(listings(instances=[instance({key: value})])) == []
