"""OpenID Connect with one provider: from a click to an identity that is proved.

1. `begin` gives the provider's address to go to: authorization code, PKCE (S256), state and nonce. Django's session
   keeps the last three, and where to go on, for ten minutes.
2. `journey_of` takes that back, once, by the state that the provider returns.
3. `identity` exchanges the code and checks the ID token.

django-allauth does discovery, PKCE, state and the exchange. It leaves out what follows, so it is done here:
the document's issuer must be the one that was asked (Discovery 4.3); the signature is always checked, with the
provider's keys and asymmetric algorithms alone; `exp`, `iat`, `sub` must be there; `azp` and the nonce must be ours
(Core 3.1.3.7); what the userinfo endpoint says must be about the same subject (Core 5.3.2). None of allauth's pages,
sign-ups and sign-ins is used.
"""

import secrets
import time
from dataclasses import asdict, dataclass, replace
from math import inf

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from accounts.errors import IdentityRefused, JourneyUnknown, ProviderUnavailable, SingleSignOnCancelled
from accounts.mailboxes import normalised
from accounts.single_sign_on.identity_provider import IdentityProvider

ALGORITHMS = [f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512)] + ["EdDSA"]
LEEWAY_S = 10
SUBJECT_LENGTH = 191  # as much as allauth's table takes
GOOGLE = "https://accounts.google.com"
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]

type Claims = dict[str, object]


def chosen() -> IdentityProvider:
    if settings.OIDC is None:
        raise ProviderUnavailable("there is none")
    provider: IdentityProvider = settings.OIDC
    return provider


@dataclass(frozen=True)
class Journey:
    """What is remembered between leaving for the provider and coming back."""

    is_for_admin: bool
    next_url: str
    back_url: str  # for whoever couldn't be signed in
    nonce: str = ""
    is_again: bool = False  # to prove once more who they are: the provider is to ask, whoever is signed in there
    session_id: str = ""  # of the session from which they came for that


@dataclass(frozen=True)
class Identity:
    """Who somebody is to the provider."""

    issuer: str
    subject: str
    email: str  # normalised; empty if the provider tells none
    is_email_verified: bool
    proved_at: float | None = None  # Unix time at which the provider asked who it is, as far as is known


class IssuersProvider(OpenIDConnectProvider):
    """allauth's provider, made of our settings instead of rows."""

    def __init__(self, request: HttpRequest) -> None:
        told = chosen()
        app = SocialApp(
            provider=OpenIDConnectProvider.id,
            provider_id=told.issuer,
            name=told.name,
            client_id=told.client_id,
            secret=told.client_secret,
            settings={"server_url": told.discovery_url, "oauth_pkce_enabled": True},
        )
        super().__init__(request, app=app)

    def get_oauth2_adapter(self, request: HttpRequest) -> "IssuersAdapter":
        return IssuersAdapter(request)

    def get_default_scope(self) -> list[str]:
        return ["openid", "email"]


class IssuersAdapter(OpenIDConnectOAuth2Adapter):
    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, chosen().issuer)

    def get_provider(self) -> IssuersProvider:
        return IssuersProvider(self.request)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("oidc_callback"))

    @property
    def openid_config(self) -> Claims:
        config: Claims = super().openid_config
        if config["issuer"] != chosen().issuer:
            raise ProviderUnavailable(f"its discovery document is of the issuer {config['issuer']}")
        return config

    def fetched(self, url: str, *, token: str = "") -> Claims:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with get_adapter().get_requests_session() as session:
            answer = session.get(url, headers=headers)
            answer.raise_for_status()
        return dict(answer.json())


def begin(request: HttpRequest, journey: Journey) -> str:
    """The provider's address to go to. Raises ProviderUnavailable."""
    nonce = secrets.token_urlsafe(32)
    remembered = {**asdict(journey), "nonce": nonce}
    asked = to_ask_again(chosen().issuer) if journey.is_again else {}
    try:
        answer = IssuersProvider(request).redirect(
            request, AuthProcess.LOGIN, data=remembered, auth_params={"nonce": nonce, **asked}
        )
    except (OSError, OAuth2Error, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ProviderUnavailable(reason(error)) from error
    return str(answer.url)


def to_ask_again(issuer: str) -> dict[str, str]:
    """What makes a provider ask who it is (Core 3.1.2.1). Google documents no prompt `login`."""
    return {"prompt": "select_account" if issuer == GOOGLE else "login", "max_age": "0"}


def journey_of(request: HttpRequest) -> tuple[Journey, str]:
    """The journey that comes to its end here, and its PKCE verifier. Raises JourneyUnknown, also the second time."""
    state = statekit.unstash_state(request, provider_id=chosen().issuer, state_id=request.GET.get("state", ""))
    if state is None:
        raise JourneyUnknown
    return Journey(**state["data"]), str(state["pkce_code_verifier"])


def identity(request: HttpRequest, journey: Journey, verifier: str) -> Identity:
    """Raises SingleSignOnCancelled, ProviderUnavailable and IdentityRefused."""
    if "code" not in request.GET:
        told = request.GET.get("error", "")
        raise SingleSignOnCancelled if told == "access_denied" else IdentityRefused(f"the provider said {told[:100]!r}")
    adapter = IssuersAdapter(request)
    app = adapter.get_provider().app
    try:
        tokens = adapter.get_access_token_data(
            request, app, adapter.get_client(request, app), pkce_code_verifier=verifier
        )
        keys = adapter.fetched(str(adapter.openid_config["jwks_uri"]))
        claims = checked(str(tokens["id_token"]), keys, nonce=journey.nonce)
        found = identity_in(claims, told_by_userinfo(adapter, claims, str(tokens["access_token"])))
        return replace(found, proved_at=proved_at(claims, is_again=journey.is_again))
    except OSError as error:
        raise ProviderUnavailable(reason(error)) from error
    except (OAuth2Error, jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise IdentityRefused(reason(error)) from error


def checked(id_token: str, keys: Claims, *, nonce: str) -> Claims:
    """The claims of an ID token that is ours. Raises IdentityRefused, or what PyJWT and odd values raise."""
    told = chosen()
    claims: Claims = jwt.decode(
        id_token,
        key_for(id_token, keys),
        algorithms=ALGORITHMS,
        audience=told.client_id,
        issuer=told.issuer,
        leeway=LEEWAY_S,
        options={"require": REQUIRED},
    )
    audience, party = claims["aud"], claims.get("azp")
    is_for_others = isinstance(audience, list) and len(audience) > 1
    if party != told.client_id and (party is not None or is_for_others):
        raise IdentityRefused("the ID token was issued to somebody else")
    if not constant_time_compare(str(claims.get("nonce", "")), nonce):
        raise IdentityRefused("the ID token has another nonce")
    if not 0 < len(str(claims["sub"])) <= SUBJECT_LENGTH:
        raise IdentityRefused("the ID token's subject is too long")
    return claims


def key_for(id_token: str, keys: Claims) -> jwt.PyJWK:
    """The key with the token's id; the only one, where a token names none (Core 10.1)."""
    usable = jwt.PyJWKSet.from_dict(keys).keys
    key_id = jwt.get_unverified_header(id_token).get("kid")
    fitting = usable if key_id is None else [key for key in usable if key.key_id == key_id]
    if len(fitting) != 1:
        raise IdentityRefused("no key of the provider fits the ID token")
    return fitting[0]


def told_by_userinfo(adapter: IssuersAdapter, claims: Claims, access_token: str) -> Claims:
    """What the userinfo endpoint adds, which is asked only where the ID token has no e-mail."""
    endpoint = adapter.openid_config.get("userinfo_endpoint")
    if "email" in claims or not endpoint:
        return {}
    told = adapter.fetched(str(endpoint), token=access_token)
    if told.get("sub") != claims["sub"]:
        raise IdentityRefused("the userinfo endpoint speaks of somebody else")
    return told


def identity_in(claims: Claims, userinfo: Claims) -> Identity:
    source = claims if "email" in claims else userinfo
    verified = source.get("email_verified")
    return Identity(
        issuer=chosen().issuer,
        subject=str(claims["sub"]),
        email=normalised(str(source.get("email") or "")),
        is_email_verified=verified is True or verified == "true",  # some write it as a string
    )


def proved_at(claims: Claims, *, is_again: bool) -> float | None:
    """When the provider asked who it is: what the ID token says, or else now, if the provider was told to ask."""
    told = claims.get("auth_time")
    if isinstance(told, int | float) and -inf < told < inf:
        return float(max(0, min(told, time.time())))
    return time.time() if is_again else None


def reason(error: Exception) -> str:
    """For the log: no answer of the provider's, which could have a token in it."""
    return type(error).__name__
