"""Settings of passwords and second factors, none of which comes from outside: project/settings.py has those."""

PASSWORD_HASHERS = ["accounts.hashers.Argon2", "accounts.hashers.PBKDF2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.validators.AsHashed", "OPTIONS": {"rule": "UserAttributeSimilarityValidator"}},
    {"NAME": "accounts.validators.AsHashed", "OPTIONS": {"rule": "MinimumLengthValidator", "min_length": 8}},
    {"NAME": "accounts.validators.AsHashed", "OPTIONS": {"rule": "CommonPasswordValidator"}},
    {"NAME": "accounts.validators.AsHashed", "OPTIONS": {"rule": "NumericPasswordValidator"}},
]
OTP_TOTP_ISSUER = "Videoflix"  # which authenticator apps show
OTP_TOTP_SYNC = False  # a step before and after, and no more: a clock that goes on drifting is to be set
# It bounds the requests to the identity provider
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.provider_requests.ProviderRequests"
OTP_TOTP_THROTTLE_FACTOR = 0  # accounts/tries.py counts wrong codes
