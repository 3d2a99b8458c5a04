"""Where people sign in who don't do it here: what OIDC_ISSUER and the other settings say of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class IdentityProvider:
    issuer: str  # as its ID tokens spell it: a slash at the end counts
    client_id: str
    client_secret: str
    name: str  # for the button "Sign in with …"

    @property
    def discovery_url(self) -> str:
        """OpenID Connect Discovery 1.0, section 4.1."""
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
