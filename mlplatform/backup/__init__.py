"""An installation in one file, and an installation made of one.

`making.make` and `restoring.restore`; docs/backup.md tells what is in it and what is not.
"""
