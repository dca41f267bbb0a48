"""Everything that changes the registry. Edges (admin, API, commands, jobs) call these and nothing else."""

from registry.services.deploying import Commit, activate, rollback, rollback_target, state
from registry.services.describing import change_model, describe_version
from registry.services.importing import import_version
from registry.services.life import archive_model, archive_version, deprecate, restore_model, restore_version
from registry.services.quarantine import quarantine
from registry.services.rights import check_can_serve, check_may_activate, may_change
from registry.services.sealing import renew_seals
from registry.services.uploading import known_version, upload_version
from registry.services.validating import (
    claim_for_validation,
    mark_failed,
    mark_ready,
    release_validation,
    report_progress,
    trust,
)

__all__ = [
    "Commit",
    "activate",
    "archive_model",
    "archive_version",
    "change_model",
    "check_can_serve",
    "check_may_activate",
    "claim_for_validation",
    "deprecate",
    "describe_version",
    "import_version",
    "known_version",
    "mark_failed",
    "mark_ready",
    "may_change",
    "quarantine",
    "release_validation",
    "renew_seals",
    "report_progress",
    "restore_model",
    "restore_version",
    "rollback",
    "rollback_target",
    "state",
    "trust",
    "upload_version",
]
