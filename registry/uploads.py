"""How uploaded files reach the disk: streamed below VAR_DIR, and cut off at the size limit."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler


class ArtifactUploadHandler(TemporaryFileUploadHandler):
    """Streams a file to STAGING_DIR. A file over MAX_ARTIFACT_BYTES is not kept: the rest of it is read and
    dropped, the form sees no file, and `request.artifact_too_large` says why."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if start + len(raw_data) > settings.MAX_ARTIFACT_BYTES:
            self.request.artifact_too_large = True  # type: ignore[union-attr]
            self.file.close()
            raise SkipFile
        return super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> Any:
        if getattr(self.request, "artifact_too_large", False):
            return None
        return super().file_complete(file_size)
