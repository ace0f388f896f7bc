"""Only our own pages may open a websocket."""

import pytest

from dashboard.consumers.origin import is_own_origin

OURS = "127.0.0.1:8080"


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        pytest.param("http://127.0.0.1:8080", OURS, True, id="own-page"),
        pytest.param("http://localhost:8080", "localhost:8080", True, id="other-name-of-ours"),
        pytest.param("http://127.0.0.1:9999", OURS, False, id="other-port"),
        pytest.param("http://evil.example", OURS, False, id="other-site"),
        pytest.param("http://evil.example", "evil.example", False, id="rebound-name"),
        pytest.param("http://127.0.0.1:8080.evil.example", OURS, False, id="look-alike"),
        pytest.param("http://127.0.0.1:8080@evil.example", OURS, False, id="user-info"),
        pytest.param("file://127.0.0.1:8080", OURS, False, id="file"),
        pytest.param("null", OURS, False, id="sandboxed-frame"),
        pytest.param("", OURS, False, id="no-browser"),
        pytest.param("http://", "", False, id="no-host"),
    ],
)
def test_only_pages_of_this_very_site_connect(origin, host, expected):
    assert is_own_origin(origin, host=host) == expected


def test_over_https_a_plain_page_does_not_connect(settings):
    settings.SESSION_COOKIE_SECURE = True
    settings.CSRF_TRUSTED_ORIGINS = ["https://127.0.0.1:8080"]

    assert is_own_origin("https://127.0.0.1:8080", host=OURS)
    assert not is_own_origin("http://127.0.0.1:8080", host=OURS)
