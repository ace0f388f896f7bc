"""
Django's settings, every one of them from the environment (see the table in README.md).

Importing this needs no file on disk under tests and checkers; a real process without its secrets
refuses to start and says which one is missing.
"""

from __future__ import annotations

import tempfile
from os import getpid
from pathlib import Path
from typing import Any

from dashboard import environment
from dashboard.environment import IS_DEBUG, IS_TESTING, env

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = IS_DEBUG
SECRET_KEY = environment.secret("SHIPSHAPE_SECRET_KEY", file="secret-key")
SHIPSHAPE_FIELD_KEY = environment.secret("SHIPSHAPE_FIELD_KEY", file="field-key")
SHIPSHAPE_HOST = environment.host_name()
SHIPSHAPE_URL = environment.PublicURL.parse(
    env.str("SHIPSHAPE_URL", default="http://127.0.0.1:8080")
)

# Whoever may launch what reaches into a host (privileged, its directories, its devices and so on)
# is root there. `engine.settings.reach` says what does.
SHIPSHAPE_PRIVILEGED_ROLE = environment.privileged_role()

# --- Who may talk to us -------------------------------------------------------------------------

ALLOWED_HOSTS = sorted(
    {SHIPSHAPE_URL.host, "localhost", "127.0.0.1"}
    | set(env.list("SHIPSHAPE_ALLOWED_HOSTS", default=[]))
)
CSRF_TRUSTED_ORIGINS = [SHIPSHAPE_URL.origin]

# A clean-up may name as many rows as its job takes (and its page shows a thousand of each host).
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12_000

# Cookies do not know ports, and several of us may live on one machine.
SESSION_COOKIE_NAME = f"shipshape-session-{SHIPSHAPE_URL.port}"
CSRF_COOKIE_NAME = f"shipshape-csrf-{SHIPSHAPE_URL.port}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SHIPSHAPE_URL.is_secure
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 14 * 24 * 3600

SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SHIPSHAPE_URL.is_secure else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SHIPSHAPE_URL.is_secure else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "django.views.csrf.csrf_failure"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        # Not every browser counts a websocket to ourselves as 'self'.
        "connect-src": [
            "'self'",
            SHIPSHAPE_URL.websocket_origin,
        ],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- What we are made of ------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "django_celery_beat",
    "django_htmx",
    "dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "dashboard.middleware.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.middleware.RefusalPages",
]
ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Assets are served as they lie in the checkout, so no build step can be forgotten after an upgrade.
STATIC_URL = "/static/"
STATICFILES_DIRS = [path for path in (BASE_DIR / "static",) if path.is_dir()]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- Where data lives ---------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {"default": environment.database()}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # Writers queue at BEGIN instead of failing at their first write.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        " PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY;",
    }
    DATABASES["default"]["TEST"] = {
        # A file, so that threads of a test contend as processes do.
        "NAME": Path(tempfile.gettempdir()) / f"shipshape-test-{getpid()}.sqlite3"
    }

REDIS_URL = environment.redis_url()
if IS_TESTING:
    CELERY_BROKER_URL = "memory://"
    CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }
    CACHES: dict[str, dict[str, Any]] = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    }
else:
    CELERY_BROKER_URL = environment.broker_url(REDIS_URL)
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {
                # A timeout longer than the five seconds for which a reader waits for messages, and
                # enough connections for all open pages to come or go at once.
                "hosts": [{"address": REDIS_URL, "socket_timeout": 10, "max_connections": 2000}],
                "prefix": "shipshape:channels",
                "capacity": 1000,
                "expiry": 30,
            },
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "shipshape:cache",
            "OPTIONS": {"socket_timeout": 2},
        }
    }

# --- Who people are -----------------------------------------------------------------------------

AUTH_USER_MODEL = "dashboard.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "dashboard.accounts.AccountAdapter"
ACCOUNT_FORMS = {"login": "dashboard.forms.signing_in.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}

# --- Mail ---------------------------------------------------------------------------------------

# Without a server nothing sends mail, and what some library wants to send ends up in no log.
_MAIL = environment.mail()
SHIPSHAPE_SENDS_MAIL = bool(_MAIL)
EMAIL_BACKEND = _MAIL.get("EMAIL_BACKEND", "django.core.mail.backends.dummy.EmailBackend")
EMAIL_HOST, EMAIL_PORT = _MAIL.get("EMAIL_HOST", "localhost"), _MAIL.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _MAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_MAIL.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_MAIL.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("SHIPSHAPE_EMAIL_FROM", default=f"shipshape@{SHIPSHAPE_URL.host}")

# --- What is written down -----------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_query": {"()": "dashboard.logs.WithoutQuery"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["no_query"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING" if IS_TESTING else "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "uvicorn.access": {"filters": ["no_query"]},
        "httpx": {"level": "WARNING"},
    },
}
