"""What can go wrong with a backup."""


class BackupFailed(Exception):
    """No backup was made, or nothing was restored; the text says why."""
