"""Bulk scoring in the background: asked for by people and programs, run in a process of its own, told of as it goes on.

`services` is the door for what changes, `selectors` for what is read, `job` starts the processes, `child` is what runs
in them. How a file is scored is `inference.bulk`; `door` gives the same to Python code.
"""
