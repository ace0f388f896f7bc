"""One-use tickets."""

import pytest
from django.core.cache import cache

from dashboard.consumers.tickets import (
    LIFETIME,
    Grant,
    StreamAction,
    create_ticket,
    redeem_ticket,
)
from tests.support.races import at_once

pytestmark = pytest.mark.django_db


def make(user) -> str:
    return create_ticket(user=user, host="alpha", container_id="c" * 64)


def redeem(ticket, user):
    return redeem_ticket(ticket, user=user, action=StreamAction.LOGS)


def test_a_ticket_grants_what_it_was_made_for(vera):
    assert redeem(make(vera), vera) == Grant(vera.pk, "alpha", "c" * 64, StreamAction.LOGS)


def test_a_ticket_works_once(vera):
    ticket = make(vera)
    redeem(ticket, vera)

    assert redeem(ticket, vera) is None


@pytest.mark.django_db(transaction=True)
def test_of_many_who_present_a_ticket_at_once_one_gets_in(vera):
    ticket = make(vera)

    grants = at_once(*[lambda: redeem(ticket, vera)] * 8)

    assert sum(grant is not None for grant in grants) == 1


def test_anothers_ticket_grants_nothing_and_is_used_up(vera, otto):
    ticket = make(vera)

    assert redeem(ticket, otto) is None
    assert redeem(ticket, vera) is None


@pytest.mark.parametrize("ticket", ["", "guess", "x" * 10_000])
def test_a_guess_grants_nothing(vera, ticket):
    make(vera)

    assert redeem(ticket, vera) is None


def test_a_ticket_is_stored_as_its_digest_and_for_half_a_minute(vera, monkeypatch):
    stored = []
    monkeypatch.setattr(cache, "set", lambda *args, **kwargs: stored.append((args, kwargs)))

    ticket = make(vera)

    assert stored[0][1] == {"timeout": LIFETIME}
    assert ticket not in str(stored)
