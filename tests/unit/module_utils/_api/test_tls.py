# Copyright (c) cloudhost.lxd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a TLS connection trusts, on a real TLS server with a certificate made for the test."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from typing import Any

import pytest
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.client import Client
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.errors import (
    ConnectionFailed,
    Interrupted,
)
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.tls import Trust, server_pem, trust_from
from ansible_collections.cloudhost.lxd.plugins.module_utils._api.transport import Transport
from ansible_collections.cloudhost.lxd.tests.unit.certificates import Pair, token_of

BODY = b'{"type": "sync", "metadata": {"auth": "trusted"}}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        server: Any = self.server
        server.connections += 1
        if server.refuse_first and server.connections <= server.refuse_first:
            return  # in the middle of the handshake, as a daemon that restarts does
        try:
            with server.context.wrap_socket(self.request, server_side=True) as stream:
                received = stream.recv(65536)
                if received:
                    server.received.append(received)
                    server.peers.append(stream.getpeercert(binary_form=True))
                    if not server.silent:
                        stream.sendall(ANSWER)
        except OSError:
            pass


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def tls(pairs):
    server: Any = _Server(("127.0.0.1", 0), _Handler)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(pairs["server"].cert, pairs["server"].key)
    server.context.load_verify_locations(pairs["client"].cert)
    server.context.verify_mode = ssl.CERT_OPTIONAL
    server.connections, server.refuse_first, server.silent, server.received, server.peers = 0, 0, False, [], []
    server.url = f"https://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def get(tls, **options):
    transport = Transport(tls.url, trust_from(options))
    try:
        return transport.request("GET", "/1.0", timeout=60)
    finally:
        transport.close()


def colons(text):
    return ":".join(text[at : at + 2] for at in range(0, 64, 2)).upper()


@pytest.mark.parametrize(
    "options",
    [
        lambda pair: {"server_fingerprint": pair.fingerprint},
        lambda pair: {"server_fingerprint": colons(pair.fingerprint)},
        lambda pair: {"server_cert": pair.cert},
        lambda pair: {"server_cert": pair.pem},
        lambda pair: {"server_cert": pair.pem, "server_fingerprint": pair.fingerprint},
        lambda pair: {"trust_token": token_of(fingerprint=pair.fingerprint)},
        lambda pair: {"validate_certs": False},
    ],
    ids=["fingerprint", "colons", "path", "pem", "both", "token", "unverified"],
)
def test_accepted(tls, pairs, options):
    assert get(tls, **options(pairs["server"])).status == 200


@pytest.mark.parametrize("validate", [True, False])
def test_another_certificate_than_the_pinned(tls, pairs, validate):
    with pytest.raises(ConnectionFailed) as caught:
        get(tls, server_cert=pairs["other"].cert, validate_certs=validate)
    assert pairs["server"].fingerprint in str(caught.value) and pairs["other"].fingerprint in str(caught.value)
    assert caught.value.permanent and not caught.value.sent
    assert tls.received == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (lambda pair: {"server_cert": pair.cert}, "correct server_cert"),
        (lambda pair: {"server_fingerprint": pair.fingerprint}, "correct server_fingerprint"),
        (lambda pair: {"trust_token": token_of(fingerprint=pair.fingerprint)}, "make another trust_token"),
    ],
)
def test_what_has_another_pin_is_named(tls, pairs, options, words):
    with pytest.raises(ConnectionFailed, match=f"check on the server, then {words}[.]$"):
        get(tls, **options(pairs["other"]))


def test_unpinned(tls):
    with pytest.raises(
        ConnectionFailed, match=r"is not verified \(.*pin it with server_cert or server_fingerprint"
    ) as caught:
        get(tls)
    assert caught.value.permanent and not caught.value.sent
    assert tls.received == []


# -- authorities ------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(tls, pairs, tmp_path, monkeypatch):
    """The server has a certificate for `localhost`, of an authority that the system trusts."""
    authority = Pair(tmp_path, "authority")
    localhost = Pair(tmp_path, "localhost", authority)
    tls.context.load_cert_chain(localhost.cert, localhost.key)
    tls.authority = authority.cert
    monkeypatch.setenv("SSL_CERT_FILE", authority.cert)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    tls.by_name = f"https://localhost:{tls.server_address[1]}"
    return tls


def test_a_certificate_of_an_authority_for_the_right_name(signed):
    assert Transport(signed.by_name, Trust()).request("GET", "/1.0", timeout=60).status == 200
    assert len(signed.received) == 1


def test_a_certificate_of_an_authority_for_another_name(signed):
    with pytest.raises(ConnectionFailed, match="is not verified .*127.0.0.1") as caught:
        Transport(signed.url, Trust()).request("GET", "/1.0", timeout=60)
    assert caught.value.permanent and not caught.value.sent
    assert signed.received == []


def test_a_certificate_of_an_authority_that_the_system_does_not_know(signed, pairs, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", pairs["other"].cert)
    with pytest.raises(ConnectionFailed, match="is not verified"):
        Transport(signed.by_name, Trust()).request("GET", "/1.0", timeout=60)
    assert signed.received == []


def test_a_pin_is_not_the_authority_of_others(signed, pairs):
    """Whoever pins one certificate does not take another for it, however well it is signed."""
    words = f"not the pinned {pairs['server'].fingerprint}.* then correct server_fingerprint\\.$"
    with pytest.raises(ConnectionFailed, match=words):
        Transport(signed.by_name, Trust(pin=pairs["server"].fingerprint)).request("GET", "/1.0", timeout=60)
    assert signed.received == []


@pytest.mark.parametrize("options", [{}, {"validate": False}, {"pin": "0" * 64}])
def test_what_each_way_of_trust_asks_of_a_connection(options):
    context = Trust(**options)._context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.check_hostname, context.verify_mode) == (
        (False, ssl.CERT_NONE) if options else (True, ssl.CERT_REQUIRED)
    )


def test_the_kernel_notices_a_server_that_is_gone(tls, pairs):
    """Half a minute after the last answer, see tcp(7)."""
    trust = Trust(pin=pairs["server"].fingerprint)
    with contextlib.closing(trust.connect(tls.url, "127.0.0.1", tls.server_address[1], 60)) as connection:
        names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        set_to = [connection.sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
        assert set_to == [10, 5, 4, 30000]
        assert connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_every_connection_is_held_against_the_pin(tls, pairs):
    """A kept connection that broke is made anew by us, never by http.client behind our back."""
    transport = Transport(tls.url, Trust(pin=pairs["server"].fingerprint))
    transport.request("GET", "/1.0")
    tls.context.load_cert_chain(pairs["other"].cert, pairs["other"].key)
    with pytest.raises(ConnectionFailed, match=pairs["other"].fingerprint):
        transport.request("GET", "/1.0")
    assert len(tls.received) == 1


@pytest.mark.parametrize("as_text", [True, False])
def test_the_client_certificate_is_shown(tls, pairs, as_text):
    pair = pairs["client"]
    with open(pair.key, encoding="ascii") as stream:
        cert, key = (pair.pem, stream.read()) if as_text else (pair.cert, pair.key)
    get(tls, server_cert=pairs["server"].pem, client_cert=cert, client_key=key)
    assert tls.peers == [pair.der]


def test_a_server_that_closes_in_the_handshake_is_tried_again(tls, pairs, clock):
    tls.refuse_first = 2
    client = Client(Transport(tls.url, Trust(pin=pairs["server"].fingerprint)), 60)
    assert client.get("/1.0").metadata == {"auth": "trusted"}


def test_a_write_that_was_cut_may_have_happened(tls, pairs):
    tls.silent = True
    with pytest.raises(Interrupted):
        Client(Transport(tls.url, Trust(pin=pairs["server"].fingerprint)), 60).write(
            "POST", "/1.0/profiles", {"name": "x"}
        )
    assert len(tls.received) == 1


def test_the_certificate_of_a_server_that_is_only_known_by_its_fingerprint(tls, pairs):
    address = tls.url[len("https://") :]
    assert server_pem(address, pairs["server"].fingerprint, 60).strip() == pairs["server"].pem.strip()
    with pytest.raises(ConnectionFailed, match="not the pinned.* then make another cluster_token"):
        server_pem(address, pairs["other"].fingerprint, 60)
    assert tls.received == []


@pytest.mark.parametrize(
    ("address", "host", "port"), [("[fd00::1]:8443", "fd00::1", 8443), ("node1.lab:18443", "node1.lab", 18443)]
)
def test_addresses_of_servers(monkeypatch, pairs, address, host, port):
    asked = []

    def connect(self, url, host, port, timeout):
        asked.append((url, host, port, timeout))
        raise ConnectionFailed("enough")

    monkeypatch.setattr(Trust, "connect", connect)
    with pytest.raises(ConnectionFailed):
        server_pem(address, pairs["server"].fingerprint, 7)
    assert asked == [(f"https://{address}", host, port, 7)]


def test_a_connection_that_only_asks_who_is_there_is_closed(tls, pairs, monkeypatch):
    closed = []
    monkeypatch.setattr("http.client.HTTPSConnection.close", lambda self: closed.append(self))
    server_pem(tls.url[len("https://") :], pairs["server"].fingerprint, 60)
    assert len(closed) == 1


def test_a_server_that_accepts_and_says_nothing_is_not_waited_for_any_longer():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(socket.timeout):
        Trust(validate=False).connect("https://silent", *silent.getsockname(), 0.05)


def test_a_connection_that_is_not_trusted_is_closed(tls, pairs, monkeypatch):
    closed = []
    monkeypatch.setattr("http.client.HTTPSConnection.close", lambda self: closed.append(self))
    with pytest.raises(ConnectionFailed):
        Trust(pin=pairs["other"].fingerprint).connect(tls.url, "127.0.0.1", tls.server_address[1], 60)
    assert len(closed) == 1


# -- what the options say ---------------------------------------------------------------------------------------------


def test_a_path_may_begin_at_home(pairs, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "server.crt").write_text(pairs["server"].pem)
    assert trust_from({"server_cert": "~/server.crt"}).pin == pairs["server"].fingerprint


def test_of_a_chain_the_first_certificate_is_the_servers(pairs):
    chain = f"Bag attributes\n{pairs['server'].pem}{pairs['other'].pem}"
    assert trust_from({"server_cert": chain}).pin == pairs["server"].fingerprint


def test_a_pin_that_is_written_counts_more_than_that_of_a_token(pairs):
    token = token_of(fingerprint=pairs["other"].fingerprint)
    assert (
        trust_from({"server_fingerprint": colons(pairs["server"].fingerprint), "trust_token": token}).pin
        == pairs["server"].fingerprint
    )
    assert trust_from({"server_cert": pairs["server"].pem, "trust_token": token}).pin == pairs["server"].fingerprint
    assert trust_from({"trust_token": token}).pin == pairs["other"].fingerprint
    assert trust_from({}).pin is None and trust_from({}).client_pem is None


def test_both_ways_of_naming_the_same_certificate(pairs):
    both = {"server_cert": pairs["server"].pem, "server_fingerprint": colons(pairs["server"].fingerprint)}
    assert trust_from(both).pin == pairs["server"].fingerprint


def test_a_certificate_without_a_line_break_at_its_end(pairs):
    with open(pairs["client"].key, encoding="ascii") as stream:
        key = stream.read()
    assert Trust(pairs["client"].pem.strip(), key).client_pem == pairs["client"].pem.strip()


def test_a_proxy_in_the_environment_is_not_used(tls, pairs, monkeypatch):
    """A server is reached directly, or not at all: whoever sets a proxy has other requests in mind."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert get(tls, server_cert=pairs["server"].cert).body == BODY
        with pytest.raises(BlockingIOError):
            proxy.accept()
