"""How uploaded files reach the disk: streamed below VAR_DIR, and cut off at the size limit."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler


class ArtifactUploadHandler(TemporaryFileUploadHandler):
    """Streams a file to STAGING_DIR. A file over MAX_ARTIFACT_BYTES, or over `request.upload_limit_bytes` where a view
    has set that, is not kept: the rest of it is read and dropped, the form sees no file, and
    `request.artifact_too_large` says why."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        limit = getattr(self.request, "upload_limit_bytes", settings.MAX_ARTIFACT_BYTES)
        if start + len(raw_data) > limit:
            self.request.artifact_too_large = True  # type: ignore[union-attr]
            self.file.close()
            raise SkipFile
        with self._removed_on_failure():
            return super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> Any:
        if getattr(self.request, "artifact_too_large", False):
            return None
        with self._removed_on_failure():
            return super().file_complete(file_size)

    @contextlib.contextmanager
    def _removed_on_failure(self) -> Iterator[None]:
        """What a full disk cut short goes at once: left to the garbage collector, it would go on filling the disk."""
        try:
            yield
        except OSError:
            with contextlib.suppress(OSError):  # what it still holds can't be written either
                self.file.close()
            raise
