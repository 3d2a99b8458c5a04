"""Which bucket, and with which keys: a value that settings make without loading the bucket's client."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BucketAddress:
    bucket: str
    prefix: str  # before the keys of all stores, with a slash at its end; "" for none
    endpoint_url: str | None  # None: Amazon's of the region
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"
