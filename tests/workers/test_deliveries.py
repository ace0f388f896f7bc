"""Mail and webhooks: to a real server on loopback, signed, tried again, and telling no secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import smtplib
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.utils import timezone

from dashboard import services
from dashboard.models import Delivery, NoticeKind, Role, User, Webhook
from workers import webhooks
from workers.tasks import deliveries
from workers.webhooks import DeliveryFailed, is_allowed, post

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "a secret of sixteen or more"
RUN = NoticeKind.POLICY_RUN


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted, and answers with the statuses that it was given, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?room=7"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada", "ada@example.org", "secret", role=Role.ADMIN)


@pytest.fixture
def webhook(ada, receiver) -> Webhook:
    return services.save_webhook(name="Chat", url=receiver.url, secret=SECRET, user=ada)


@pytest.fixture
def delivery(webhook, ada) -> Delivery:
    services.notify(RUN, "12 images went", "3.4 GB", "/jobs/", users=[ada], data={"host": "alpha"})
    return Delivery.objects.get()


def deliver(delivery: Delivery) -> Delivery:
    """Let the task run as a worker does; a retry that is not due yet finds nothing to do."""
    deliveries.deliver.apply(kwargs={"delivery_id": delivery.pk}, throw=False)
    return Delivery.objects.get(pk=delivery.pk)


def let_pass(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())


class TestWebhooks:
    def test_a_notice_arrives_whole_and_signed(self, delivery, receiver, settings) -> None:
        assert deliver(delivery).state == "delivered"

        ((path, headers, body),) = receiver.posts
        told = json.loads(body)
        assert path == "/hook?room=7"
        assert (told["event"], told["title"], told["data"]) == (
            "policy.run",
            "12 images went",
            {"host": "alpha"},
        )
        assert told["link"] == f"{settings.SHIPSHAPE_URL.origin}/jobs/"
        timestamp = headers["X-Shipshape-Timestamp"]
        signed = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
        assert headers["X-Shipshape-Signature"] == f"sha256={signed.hexdigest()}"
        assert abs(time.time() - int(timestamp)) < 300

    def test_a_server_in_trouble_is_tried_again(self, delivery, receiver) -> None:
        receiver.statuses = [503]

        waiting = deliver(delivery)

        assert (waiting.state, waiting.attempts) == ("pending", 1)
        assert waiting.message == "it answered 503"
        assert waiting.next_attempt_at > timezone.now()
        let_pass(delivery)
        assert deliver(delivery).state == "delivered"
        assert receiver.posts[0][2] == receiver.posts[1][2]

    def test_the_task_asks_for_itself_to_be_run_later(self, delivery, receiver, monkeypatch):
        receiver.statuses = [500]
        asked: list[dict[str, Any]] = []

        def retry(**told: Any) -> Exception:
            asked.append(told)
            return RuntimeError("later")

        monkeypatch.setattr(deliveries.deliver, "retry", retry)
        with pytest.raises(RuntimeError, match="later"):
            deliveries.deliver.run(delivery_id=delivery.pk)

        assert asked == [{"countdown": 10}]

    @pytest.mark.parametrize("status", [400, 404, 410])
    def test_a_refusal_is_final(self, delivery, receiver, status) -> None:
        receiver.statuses = [status]

        assert deliver(delivery).state == "failed"

    @pytest.mark.parametrize("status", [408, 429])
    def test_asked_to_wait_it_waits(self, delivery, receiver, status) -> None:
        receiver.statuses = [status]

        assert deliver(delivery).state == "pending"

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_no_redirect_is_followed(self, delivery, receiver, status) -> None:
        receiver.statuses = [status]

        failed = deliver(delivery)

        assert failed.state == "failed"
        assert "redirect" in failed.message
        assert len(receiver.posts) == 1

    def test_nobody_there_is_tried_again(self, delivery, webhook) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        Webhook.objects.update(url=f"http://127.0.0.1:{port}/")

        waiting = deliver(delivery)

        assert (waiting.state, waiting.message) == ("pending", "nobody listens there")

    def test_a_receiver_that_never_answers_is_given_up(self, delivery, monkeypatch) -> None:
        monkeypatch.setattr(webhooks, "CONNECT_SECONDS", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            Webhook.objects.update(url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
            waiting = deliver(delivery)

        assert (waiting.state, waiting.message) == ("pending", "it did not answer in time")

    def test_a_receiver_that_dribbles_is_cut_off(self, monkeypatch) -> None:
        monkeypatch.setattr(webhooks, "WHOLE_SECONDS", 0.5)
        with dribbling() as port, pytest.raises(DeliveryFailed):
            post(f"http://127.0.0.1:{port}/", b"{}", {})

    def test_what_was_switched_off_meanwhile_is_not_posted(self, delivery, receiver) -> None:
        Webhook.objects.update(is_enabled=False)

        assert deliver(delivery).state == "failed"
        assert receiver.posts == []

    def test_a_test_is_posted_also_to_one_that_is_off(self, webhook, receiver, ada) -> None:
        Webhook.objects.update(is_enabled=False)

        assert deliver(services.send_test(webhook, user=ada)).state == "delivered"
        assert json.loads(receiver.posts[0][2])["event"] == "test"

    def test_a_secret_under_another_key_is_told_and_final(self, delivery, receiver) -> None:
        Webhook.objects.update(encrypted_secret="gibberish")

        failed = deliver(delivery)

        assert failed.state == "failed"
        assert "secret cannot be read" in failed.message
        assert receiver.posts == []

    def test_neither_secret_nor_path_is_logged(self, delivery, receiver, caplog) -> None:
        caplog.set_level(logging.DEBUG)
        receiver.statuses = [503]
        deliver(delivery)
        let_pass(delivery)
        deliver(delivery)

        assert SECRET not in caplog.text
        assert "room=7" not in caplog.text


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("10.0.0.7", True),
        ("192.168.1.7", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("fd00::1", True),
        ("2606:2800:220:1::1", True),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("fe80::1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("2002:a9fe:a9fe::1", False),
        ("fd00:ec2::254", False),
        ("100.100.100.200", False),
    ],
)
def test_where_a_webhook_may_lie(address, allowed) -> None:
    assert is_allowed(ip_address(address)) is allowed


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "http:///x", "http://169.254.169.254/latest/"],
)
def test_elsewhere_nothing_is_posted(url) -> None:
    with pytest.raises(DeliveryFailed):
        post(url, b"{}", {})


def test_a_name_that_leads_to_such_an_address_is_refused(monkeypatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)

    with pytest.raises(DeliveryFailed, match="no address that a webhook may have"):
        post("http://metadata.example.org/", b"{}", {})


@pytest.mark.parametrize("host", ["a" * 64 + ".example.org", "a..example.org", ".example.org"])
def test_a_name_that_none_can_have_is_final(webhook, host) -> None:
    Webhook.objects.update(url=f"http://{host}/hook")
    services.notify(RUN, "The policy ran", "", "", roles=[Role.ADMIN])

    delivery = deliver(Delivery.objects.get(user=None))

    assert (delivery.state, delivery.message) == ("failed", "its name cannot be one of a host")


def test_of_a_name_with_many_addresses_only_a_few_are_tried(monkeypatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"10.0.0.{n}", 80)) for n in range(99)]
    tried: list[object] = []

    def refuse(place: object, **_: object) -> None:
        tried.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(socket, "create_connection", refuse)

    with pytest.raises(DeliveryFailed):
        post("http://many.example.org/", b"{}", {})

    assert len(tried) == webhooks.MOST_ADDRESSES


class TestMail:
    @pytest.fixture
    def letter(self, ada, settings) -> Delivery:
        settings.SHIPSHAPE_SENDS_MAIL = True
        notice = services.notify(
            NoticeKind.LEASE_ENDS, "web-1 ends", "Extend it?", "/jobs/", users=[ada]
        )
        return notice.deliveries.get()

    def test_a_notice_is_mailed_with_its_link(self, letter, settings) -> None:
        assert deliver(letter).state == "delivered"

        (sent,) = mail.outbox
        assert (sent.subject, sent.to) == ("web-1 ends", ["ada@example.org"])
        assert sent.from_email == settings.DEFAULT_FROM_EMAIL
        assert sent.body == f"web-1 ends\n\nExtend it?\n\n{settings.SHIPSHAPE_URL.origin}/jobs/"

    def test_who_is_shut_out_meanwhile_gets_none(self, letter) -> None:
        User.objects.update(is_active=False)

        assert deliver(letter).state == "failed"
        assert mail.outbox == []

    def test_a_title_of_several_lines_is_one_subject(self, letter) -> None:
        letter.notice.title = "web-1 ends\r\nBcc: everyone@example.org"
        letter.notice.save()

        deliver(letter)

        assert mail.outbox[0].subject == "web-1 ends Bcc: everyone@example.org"
        assert mail.outbox[0].bcc == []

    @pytest.mark.parametrize(
        ("error", "state"),
        [
            (ConnectionRefusedError(), "pending"),
            (smtplib.SMTPServerDisconnected("gone"), "pending"),
            (smtplib.SMTPRecipientsRefused({}), "failed"),
        ],
    )
    def test_a_mail_server_in_trouble_is_tried_again(
        self, letter, monkeypatch, error, state
    ) -> None:
        def send(_mail: object) -> None:
            raise error

        monkeypatch.setattr(deliveries.EmailMessage, "send", send)

        assert deliver(letter).state == state


@contextmanager
def dribbling() -> Iterator[int]:
    """The port of a server that answers a byte at a time, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_dribble, args=(server,))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()


def _dribble(server: socket.socket) -> None:
    wire, _ = server.accept()
    with wire:
        try:
            wire.sendall(b"HTTP/1.1 200 ")
            while True:
                wire.sendall(b"O")
                time.sleep(0.02)
        except OSError:
            return
