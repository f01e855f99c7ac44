# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conversations of one task: with the other addresses of a server, and with other servers."""

from __future__ import annotations

import socket

from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import ConnectionFailed
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.tls import _notice_the_end
from ansible_collections.cloudhost.lxd.tests.unit.fake_server import sync


def test_another_server_has_the_credentials_and_the_deadline_of_the_task(client):
    asked = []
    client.credentials = {"client_cert": "cert", "client_key": "key"}
    client.opener = lambda options, read_only: asked.append((options, read_only)) or client.another()
    client.hidden = object()
    other = client.beside({"url": "https://there", "client_key": "of there", "timeout": 1})
    expected = {"client_cert": "cert", "client_key": "of there", "url": "https://there", "timeout": 60}
    assert asked == [(expected, False)]
    assert other.deadline is client.deadline and other.hidden is client.hidden and other is not client


def test_a_server_has_the_addresses_that_it_was_given(client):
    assert client.urls == (client.url,)


def test_an_address_that_answers_is_not_doubted(server, client):
    server.on("GET /1.0/x", sync("a"))
    client.addresses.failed(client.url, ConnectionFailed("No.", permanent=True))
    assert client.addresses.doubts() == ["One of the addresses in url is not used: No."]
    client.get("/1.0/x")
    assert client.addresses.doubts() == []


def test_the_kernel_asks_whether_the_other_side_is_there():
    with socket.socket() as end:
        _notice_the_end(end)
        assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
