"""The first account, and everyone after it."""

from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from dashboard import services
from dashboard.errors import LastAdmin, NotPermitted, SetupClosed
from dashboard.models import AuditEntry, Role, SetupToken, User
from tests.dashboard.conftest import PASSWORD
from tests.support.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def set_up(token: str, name: str = "ada", password: str = PASSWORD) -> User:
    return services.create_first_account(token=token, username=name, password=password)


def test_the_token_makes_the_first_account_an_admin():
    token = services.create_setup_token()

    user = set_up(token)

    assert (user.role, user.check_password(PASSWORD)) == (Role.ADMIN, True)
    assert AuditEntry.objects.get().action == "accounts.setup"


def test_only_the_digest_of_a_token_is_stored():
    token = services.create_setup_token()

    assert token not in str(SetupToken.objects.values())


def test_a_used_token_is_refused_with_a_way_on():
    token = services.create_setup_token()
    set_up(token)

    with pytest.raises(SetupClosed) as refused:
        set_up(token, "eve")

    assert "exists already" in refused.value.message
    assert "Sign in" in refused.value.remedy
    assert User.objects.count() == 1


def test_a_wrong_token_is_refused_with_a_way_on():
    services.create_setup_token()

    with pytest.raises(SetupClosed) as refused:
        set_up("guessed")

    assert "not valid" in refused.value.message
    assert "./shipshape up" in refused.value.remedy
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "short"), ("ada", "password1234"), ("", PASSWORD), ("a b", PASSWORD)],
)
def test_a_refused_form_does_not_use_up_the_token(name, password):
    token = services.create_setup_token()

    with pytest.raises(ValidationError):
        set_up(token, name, password)

    assert services.is_setup_open(token)
    assert not User.objects.exists()


def test_an_older_link_stays_good_until_the_first_account():
    older, newer = services.create_setup_token(), services.create_setup_token()
    assert services.is_setup_open(older)

    set_up(newer)

    assert not services.is_setup_open(older)


@pytest.mark.parametrize("tokens", [1, 4], ids=["one-token", "a-token-each"])
def test_of_many_set_ups_at_once_one_wins(tokens):
    given = [services.create_setup_token() for _ in range(tokens)] * (4 // tokens)

    results = at_once(*[lambda t=t, i=i: set_up(t, f"ada{i}") for i, t in enumerate(given)])

    assert sorted(type(result).__name__ for result in results) == ["SetupClosed"] * 3 + ["User"]
    assert User.objects.count() == 1


def test_the_command_prints_a_link_that_works(settings):
    printed = command("--url")

    link, _, token = printed.strip().partition("?token=")
    assert link == f"{settings.SHIPSHAPE_URL.origin}/setup/"
    assert services.is_setup_open(token)


def test_the_command_prints_nothing_once_there_is_an_account(vera):
    assert command("--url") == ""
    assert not SetupToken.objects.exists()


def test_an_admin_adds_people(ada):
    person = services.add_person(
        username="otto", password=PASSWORD, role=Role.OPERATOR, user=ada, address="192.0.2.7"
    )

    assert (person.role, person.is_superuser, person.is_staff) == (Role.OPERATOR, False, False)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.summary) == ("ada", "Added otto as operator")
    assert PASSWORD not in str(AuditEntry.objects.values())


def test_a_name_that_differs_only_in_case_is_taken(ada):
    with pytest.raises(ValidationError) as refused:
        services.add_person(username="ADA", password=PASSWORD, role=Role.VIEWER, user=ada)

    assert "That name is taken." in str(refused.value)


def test_operators_decide_about_nobody(otto, vera):
    with pytest.raises(NotPermitted):
        services.add_person(username="x1", password=PASSWORD, role=Role.ADMIN, user=otto)
    with pytest.raises(NotPermitted):
        services.change_role(account=otto, role=Role.ADMIN, user=otto)
    with pytest.raises(NotPermitted):
        services.deactivate_person(account=vera, user=otto)
    with pytest.raises(NotPermitted):
        services.reactivate_person(account=vera, user=otto)

    assert set(User.objects.values_list("username", "role", "is_active")) == {
        ("otto", "operator", True),
        ("vera", "viewer", True),
    }


def test_an_admin_changes_roles_and_it_is_recorded(ada, vera):
    services.change_role(account=vera, role=Role.OPERATOR, user=ada)

    assert vera.role == Role.OPERATOR
    assert AuditEntry.objects.get().summary == "Made vera operator (was viewer)"


def test_the_last_admin_stays(ada):
    with pytest.raises(LastAdmin):
        services.change_role(account=ada, role=Role.VIEWER, user=ada)
    with pytest.raises(LastAdmin):
        services.deactivate_person(account=ada, user=ada)

    ada.refresh_from_db()
    assert (ada.role, ada.is_active) == (Role.ADMIN, True)
    assert not AuditEntry.objects.exists()


def test_two_admins_who_demote_each_other_at_once_leave_one(ada, vera):
    services.change_role(account=vera, role=Role.ADMIN, user=ada)

    results = at_once(
        lambda: services.change_role(account=vera, role=Role.VIEWER, user=ada),
        lambda: services.change_role(account=ada, role=Role.VIEWER, user=vera),
    )

    assert sum(isinstance(result, LastAdmin) for result in results) == 1
    assert User.objects.filter(role=Role.ADMIN).count() == 1


def test_a_deactivated_person_can_come_back(ada, vera):
    services.deactivate_person(account=vera, user=ada)
    assert not vera.has_role(Role.VIEWER)

    services.reactivate_person(account=vera, user=ada)
    assert vera.has_role(Role.VIEWER)


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("setup_token", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()
