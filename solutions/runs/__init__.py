"""Trainings in the background: asked for by people, run in a process of their own, told of as they go on.

`services` is the door for people, `job` starts the processes, `child` is what runs in them.
"""
