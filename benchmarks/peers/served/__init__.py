"""The programs that the peers run, in environments of their own. They import nothing of the platform."""
