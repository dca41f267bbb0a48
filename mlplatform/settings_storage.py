"""Settings of where model files are kept. Read by `mlplatform/settings.py`."""

from typing import Any

from mlplatform import env

ARTIFACT_STORAGE = env.text(
    "ARTIFACT_STORAGE",
    "local",
    "Where model files are kept: `local` (below VAR_DIR) or `s3` (a bucket that all hosts share; the extra `s3`).",
)
ARTIFACT_CACHE_BYTES = env.integer(
    "ARTIFACT_CACHE_BYTES", 10 * 1024**3, "Disk of each host for copies of model files that lie in a bucket."
)
ARTIFACT_S3_BUCKET = env.text("ARTIFACT_S3_BUCKET", "", "The bucket of `ARTIFACT_STORAGE=s3`; it must exist.")
ARTIFACT_S3_PREFIX = env.text("ARTIFACT_S3_PREFIX", "", "What the names of all objects begin with.")
ARTIFACT_S3_ENDPOINT = env.text(
    "ARTIFACT_S3_ENDPOINT", "", "The address of a server that speaks S3 (https://…); empty means AWS."
)
ARTIFACT_S3_REGION = env.text("ARTIFACT_S3_REGION", "", "The bucket's region; empty leaves it to the environment.")
ARTIFACT_S3_ACCESS_KEY = env.text(
    "ARTIFACT_S3_ACCESS_KEY", "", "Who asks the bucket; empty leaves it to AWS's own chain (a role, a profile)."
)
ARTIFACT_S3_SECRET_KEY = env.text("ARTIFACT_S3_SECRET_KEY", "", "The secret that belongs to ARTIFACT_S3_ACCESS_KEY.")

ARTIFACT_BUCKET: dict[str, Any] = {
    "BACKEND": "registry.object_storage.ObjectStorage",
    "OPTIONS": {
        "bucket_name": ARTIFACT_S3_BUCKET,
        "location": ARTIFACT_S3_PREFIX.strip("/"),
        "endpoint_url": ARTIFACT_S3_ENDPOINT or None,
        "region_name": ARTIFACT_S3_REGION or None,
        "access_key": ARTIFACT_S3_ACCESS_KEY or None,
        "secret_key": ARTIFACT_S3_SECRET_KEY or None,
    },
}
