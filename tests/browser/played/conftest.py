"""A site whose hosts the test plays, and a browser before it that has nothing to complain about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from dashboard.models import Host
from tests.support.browsing import sign_in
from tests.support.mess import make_mess
from tests.support.site import Site, running_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module", autouse=True)
def _orm_beside_the_browser() -> Iterator[None]:
    """The browser's driver keeps an event loop in this thread; what the ORM does here is plain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def site(transactional_db: None) -> Iterator[Site]:
    hashers = settings.PASSWORD_HASHERS
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with running_site() as running:
        running.do(make_mess)
        Host.objects.filter(name="harbour").update(last_seen_at="2100-01-01T00:00Z")
        yield running
    settings.PASSWORD_HASHERS = hashers


@pytest.fixture
def trouble() -> list[str]:
    """What the browser complained about: failed scripts and what the content policy refused."""
    return []


@pytest.fixture
def page(site: Site, browser: Browser, trouble: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    opened = context.new_page()
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on(
        "console",
        lambda said: trouble.append(said.text) if "Content Security" in said.text else None,
    )
    sign_in(opened, site, "otto")
    yield opened
    context.close()
    assert trouble == []
