"""Django's settings: one file, every outside value from project/env.py."""

from datetime import timedelta
from typing import Any

from django.conf import global_settings
from django.utils.crypto import salted_hmac

from project import cross_origin, listening
from project import env as environment
from project.logs import logging_config
from project.sign_in_settings import AUTH_PASSWORD_VALIDATORS as AUTH_PASSWORD_VALIDATORS
from project.sign_in_settings import OTP_TOTP_ISSUER as OTP_TOTP_ISSUER
from project.sign_in_settings import OTP_TOTP_SYNC as OTP_TOTP_SYNC
from project.sign_in_settings import OTP_TOTP_THROTTLE_FACTOR as OTP_TOTP_THROTTLE_FACTOR
from project.sign_in_settings import PASSWORD_HASHERS as PASSWORD_HASHERS
from project.sign_in_settings import SOCIALACCOUNT_ADAPTER as SOCIALACCOUNT_ADAPTER
from project.theme import UNFOLD as UNFOLD

env = environment.load()

BASE_DIR = environment.BASE_DIR
DATA_DIR = environment.data_folder(env.data_dir)

# Where `manage.py serve` listens, and its first administrator

HOST = env.host
PORT = env.port
SITE = listening.site(HOST, PORT)  # where this machine finds it
WEB_WORKERS = env.web_workers
SUPERUSER_USERNAME = env.django_superuser_username
SUPERUSER_EMAIL = env.django_superuser_email
SUPERUSER_PASSWORD = env.django_superuser_password

# Security and hosts

SECRET_KEY = env.secret_key or environment.private_key(DATA_DIR / "secret_key")
DEBUG = env.debug
ALLOWED_HOSTS = env.allowed_hosts
CSRF_TRUSTED_ORIGINS = env.csrf_trusted_origins  # accounts/origins.py reads it, for CORS too
WELCOMES_THIS_MACHINE = env.model_fields_set.isdisjoint(("allowed_hosts", "csrf_trusted_origins"))
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_HEADERS = cross_origin.MAY_SEND
CORS_EXPOSE_HEADERS = cross_origin.MAY_READ
CORS_URLS_REGEX = r"^/api/"
TRUSTED_PROXIES = env.trusted_proxies
METRICS_TOKEN = env.metrics_token
if env.use_x_forwarded_proto:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.secure_cookies
SESSION_COOKIE_HTTPONLY = True
COOKIE_PREFIX = env.cookie_prefix  # accounts/cookies.py gives it to our own
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # a cookie would lack the prefix
CSRF_COOKIE_SAMESITE = env.jwt_cookie_samesite
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"  # says to old browsers what `frame-ancestors 'self'` in the policy says to others
SECURE_SSL_REDIRECT = False  # the proxy in front owns TLS and the redirect; the API must never redirect
if env.secure_cookies and not DEBUG and env.secure_hsts != "off":
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.secure_hsts in ("subdomains", "preload")
    SECURE_HSTS_PRELOAD = env.secure_hsts == "preload"
SILENCED_SYSTEM_CHECKS = [
    *("security.W005", "security.W021"),  # subdomains and preload: whoever owns the domain says so in SECURE_HSTS
    "security.W008",  # SECURE_SSL_REDIRECT: see above
    "security.W019",  # X_FRAME_OPTIONS: Unfold opens the admin's pop-ups in frames
]

# Applications

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "ninja",
    "huey.contrib.djhuey",
    "huey.contrib.djhuey.stats",
    "django_otp.plugins.otp_totp",
    "allauth.account",  # the other can't do without; its table stays empty, its pages have no address
    "allauth.socialaccount",
    "project",
    "accounts",
    "library",
    "hls",
    "watch",
]
MIDDLEWARE = [
    "project.stalled.given_up",
    "project.edge.nothing_else",
    "accounts.addresses.by_playback_address",
    "project.middleware.request_id",
    "project.middleware.exact_length",
    "library.uploads.tus_headers.tus_version",
    "project.middleware.json_errors",
    "project.bodies.as_they_arrive",
    "django.middleware.security.SecurityMiddleware",
    "project.csp.policy",
    "project.hosts.served_hosts_only",
    "project.static.StaticFiles",
    "accounts.origins.own_or_allowed_origin",
    "corsheaders.middleware.CorsMiddleware",
    "accounts.cookies.partitioned",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "project.middleware.without_session",  # of what follows a video's files need nothing
    "accounts.devices.kept",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.admin_sign_in.sign_in_steps.with_second_factor",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "project.admin.requests.understood",
    "project.admin.collisions.tried_again",
]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
APPEND_SLASH = True
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Storage of rows, counters and messages

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "project.sqlite",
        "NAME": DATA_DIR / "db.sqlite3",
        "TEST": {"NAME": DATA_DIR / "test.sqlite3"},  # a file, as in production, so that threads really compete
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        },
    }
}
if env.db_host:
    DATABASES["default"] = {
        "ENGINE": "project.postgresql",
        "NAME": env.db_name,
        "USER": env.db_user,
        "PASSWORD": env.db_password,
        "HOST": env.db_host,
        "PORT": env.db_port,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": min(env.web_threads, 16) + 4, "timeout": 4, "reconnect_timeout": 4},
            "connect_timeout": 3,
        },
    }
DATABASE_ROUTERS = ["project.database.OnlyTables"]

CACHES: dict[str, dict[str, Any]] = {
    # Shared by all processes of one machine; Redis shares it among machines.
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "cache",
    },
}
HUEY: dict[str, Any] = {
    "name": "videoflix",
    "huey_class": "huey.SqliteHuey",
    "connection": {"filename": str(DATA_DIR / "queue.sqlite3"), "fsync": False},
    "immediate": False,
    "results": False,
    "consumer": {"workers": env.hls_workers + 2, "worker_type": "thread", "max_delay": 0.2, "shutdown_timeout": 20},
}
HUEY_STATS = {"filename": str(DATA_DIR / "queue_stats.sqlite3")}  # for the queue's page in the admin
REDIS_URL = env.redis_url
if REDIS_URL:
    CACHES["default"] = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    HUEY |= {"huey_class": "huey.PriorityRedisHuey", "connection": {"url": REDIS_URL}}

# Files

MEDIA_ROOT = DATA_DIR / "uploads"  # no MEDIA_URL: uploads are reachable only through the API's routes
HLS_ROOT = DATA_DIR / "hls"
S3_VARIABLES = sorted(name.upper() for name in env.model_fields_set if name.startswith("s3_"))
STORE_IN = env.store_in  # hls.stores chooses
BUCKET = env.bucket  # all files are kept there instead; what arrives, or is made, is written to these folders first
STORAGES = global_settings.STORAGES | {"default": {"BACKEND": "library.field_storage.FieldStorage"}}
SOURCE_CACHE_ROOT = DATA_DIR / "sources"  # what this machine has fetched of uploads that lie in the bucket
SOURCE_CACHE_BYTES = env.source_cache_mb * 1_000_000
CDN = env.cdn  # segments of what is in the bucket come from there; whatever else viewers fetch comes from the API
CDN_VARIABLES = {name.upper() for name in env.model_fields_set if name.startswith("cdn_")}
FILE_UPLOAD_HANDLERS = ["library.uploads.form_files.Receiver"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True

# People

AUTH_USER_MODEL = "accounts.User"
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = ["accounts.backends.UsernameOrEmailBackend"]
OIDC = env.oidc
OIDC_VARIABLES = {name.upper() for name in env.model_fields_set if name.startswith("oidc_")}
ADMIN_REQUIRE_2FA = env.admin_require_2fa
JWT_COOKIE_SAMESITE = env.jwt_cookie_samesite
SECURE_COOKIES = env.secure_cookies
ACCESS_LIFETIME = timedelta(minutes=30)
REFRESH_LIFETIME = timedelta(days=7)
SESSION_LIFETIME = timedelta(days=30)
REFRESH_GRACE = timedelta(seconds=10)
NINJA_JWT = {  # everything that matters is set here: ninja-jwt would take it from the environment
    "ALGORITHM": "HS256",
    "SIGNING_KEY": salted_hmac("videoflix.jwt", "signing key", secret=SECRET_KEY, algorithm="sha256").hexdigest(),
    "ISSUER": "videoflix",
    "AUDIENCE": "videoflix",
    "LEEWAY": 10,  # seconds that the clock of another host may be ahead; no token lives longer (accounts/tokens.py)
}
ACTIVATION_LIFETIME = timedelta(days=3)
RESET_LIFETIME = timedelta(hours=1)
INVITATION_LIFETIME = timedelta(days=3)
PASSWORD_RESET_TIMEOUT = int(ACTIVATION_LIFETIME.total_seconds())  # the longest of them; each link checks its own
UNCONFIRMED_ACCOUNTS_KEPT = timedelta(days=7)

# Throttling: fixed windows in the words of the `limits` library

THROTTLE_SIGN_IN = env.throttle_sign_in  # wrong passwords, by account at one client address
THROTTLE_SIGN_IN_ADDRESS = env.throttle_sign_in_address  # by client address: an office or a phone network share one
THROTTLE_SIGN_IN_ACCOUNT = env.throttle_sign_in_account  # by account (NIST SP 800-63B 5.2.2: at most 100)
THROTTLE_SIGN_IN_DEVICE = env.throttle_sign_in_device  # by browser that has signed in before: it has no other limit
THROTTLE_SECOND_FACTOR = env.throttle_second_factor  # wrong codes, by account from anywhere
THROTTLE_REGISTER_ADDRESS = env.throttle_register_address  # accounts made, by client address
THROTTLE_RESEND_ADDRESS = env.throttle_resend_address  # requests for activation mails, by client address
THROTTLE_RESET_ADDRESS = env.throttle_reset_address  # requests, by client address
THROTTLE_MAILS = env.throttle_mails  # of one kind to one person; more are dropped silently
THROTTLE_KEY = env.throttle_key  # requests with one API key, except for videos' files

# Mail

DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.default_from_email
MAIL_DIR = DATA_DIR / "mail"
MAILERS: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "project.mail.EmlBackend", "OPTIONS": {"folder": MAIL_DIR}}
}
if env.email_host:
    MAILERS["default"] = {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": env.email_host,
            "port": env.email_port,
            "username": env.email_host_user,
            "password": env.email_host_password,
            "use_tls": env.email_use_tls,
            "use_ssl": env.email_use_ssl,
            "timeout": 15,
        },
    }
REFERENCE_FRONTEND = env.reference_frontend
FRONTEND_BASE_URL = env.frontend_base_url or (f"{SITE}/watch" if REFERENCE_FRONTEND else "http://localhost:4200")
FRONTEND_ACTIVATE_PATH = env.frontend_activate_path
FRONTEND_RESET_PATH = env.frontend_reset_path
FRONTEND_EMAIL_PATH = env.frontend_email_path

# The engine

FFMPEG = env.ffmpeg
HLS_WORKERS = env.hls_workers
HLS_THREADS = env.hls_threads
HLS_NICE = env.hls_nice
HLS_LEASE_S = env.hls_lease_s
HLS_LIST_WHEN = env.hls_list_when
WEBHOOK_ALLOW_PRIVATE = env.webhook_allow_private
HLS_MAX_DURATION_S = env.hls_max_duration_s
HLS_MAX_PIXELS = env.hls_max_pixels
UPLOAD_MAX_BYTES = env.upload_max_mb * 1_000_000
SOURCE_ALLOW_PRIVATE = env.source_allow_private  # source_url: http and private addresses, too
TRASH_DAYS = env.trash_days
DISK_RESERVE_BYTES = env.disk_reserve_mb * 1_000_000

# Language and time zone

LANGUAGE_CODE = "en"
TIME_ZONE = env.time_zone  # of times that people read; the API's are UTC
FORMAT_MODULE_PATH = ["project.formats"]

LOGGING = logging_config(level=env.log_level, as_json=not DEBUG)
LOGGING_CONFIG = "project.logs.configure"
