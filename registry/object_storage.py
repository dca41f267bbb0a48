"""The bucket, as Django's storage API sees it: django-storages with the manners that model files need.

Imported only where `ARTIFACT_STORAGE=s3`; takes the extra `s3`.
"""

from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 20, 3


class ObjectStorage(S3Storage):
    """Waits are bounded, what may be tried again is, and each body is signed, so that none arrives changed."""

    def get_default_settings(self) -> dict[str, Any]:
        """Checksums other than the signature's stay off where a server needn't know them: we read by digest."""
        return {
            **super().get_default_settings(),
            "file_overwrite": True,
            "max_memory_size": 1 << 20,
            "transfer_config": TransferConfig(max_concurrency=4),
            "client_config": Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                signature_version="s3v4",
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                # With names of buckets in the path every server can cope, and AWS takes either.
                s3={"addressing_style": "path", "payload_signing_enabled": True},
            ),
        }

    def fingerprint(self, name: str) -> str:
        """What changes when the object does. One question. Raises FileNotFoundError, and what boto does."""
        try:
            told = self.bucket.Object(self._normalize_name(name))
            return f"{told.e_tag} {told.content_length}"
        except ClientError as error:
            if code_of(error) in ("404", "NoSuchKey", "NotFound"):
                raise FileNotFoundError(name) from error
            raise

    def require_bucket(self) -> None:
        """Raises what boto does when the bucket can't be asked."""
        self.connection.meta.client.head_bucket(Bucket=self.bucket_name)


def code_of(error: Exception) -> str:
    """The server's word for what is wrong; empty when it said none."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
