"""Passwords of registries: encrypted at rest, and in no job, log or audit entry."""

import logging

import pytest
from django.core import serializers

from dashboard import services, vault
from dashboard.errors import CredentialNotFound, NotPermitted
from dashboard.models import AuditEntry, Job, RegistryCredential

pytestmark = pytest.mark.django_db

SECRET = "hunter2-hunter2"


@pytest.fixture
def credential(ada) -> RegistryCredential:
    return services.save_credential(registry="r.example", username="bot", password=SECRET, user=ada)


def test_a_worker_gets_the_password_back(credential):
    revealed = services.reveal_credential(credential.pk, registry="r.example")

    assert (revealed.username, revealed.password) == ("bot", SECRET)
    assert SECRET not in repr(revealed)


def test_a_password_goes_to_its_own_registry_only(credential):
    with pytest.raises(CredentialNotFound):
        services.reveal_credential(credential.pk, registry="evil.example")


def test_the_password_is_nowhere_in_the_clear(credential, request_by, otto, caplog):
    caplog.set_level(logging.DEBUG)
    request_by(otto, arguments={"reference": "r.example/a", "credentials_id": credential.pk})
    stored = [*RegistryCredential.objects.all(), *Job.objects.all(), *AuditEntry.objects.all()]

    assert SECRET not in serializers.serialize("json", stored)
    assert SECRET not in caplog.text


def test_saving_again_replaces_the_password(credential, ada):
    again = services.save_credential(registry="r.example", username="bot", password="new", user=ada)

    assert again == credential
    assert services.reveal_credential(again.pk, registry="r.example").password == "new"


def test_a_password_under_another_key_is_as_good_as_none(credential, settings):
    settings.SHIPSHAPE_FIELD_KEY = "A" * 43 + "="
    vault._fernet.cache_clear()

    with pytest.raises(CredentialNotFound) as missing:
        services.reveal_credential(credential.pk, registry="r.example")

    assert missing.value.remedy == "Enter the registry's password again."
    vault._fernet.cache_clear()


def test_only_admins_decide_about_passwords(credential, otto):
    with pytest.raises(NotPermitted):
        services.save_credential(registry="r", username="u", password="p", user=otto)
    with pytest.raises(NotPermitted):
        services.delete_credential(credential=credential, user=otto)

    assert RegistryCredential.objects.get() == credential


def test_a_deleted_password_is_gone_and_that_is_recorded(credential, ada):
    services.delete_credential(credential=credential, user=ada)

    assert not RegistryCredential.objects.exists()
    assert AuditEntry.objects.first().summary == "Deleted the password of bot at r.example"
