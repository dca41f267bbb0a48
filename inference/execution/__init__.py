"""Running a loaded model for one request: who may run now, together with whom, and for how long.

`run` is the door. `lanes` bounds how many calls of a model run and wait, `joining` makes one call of several requests
where that pays, `deadlines` ends what takes too long.
"""

from inference.execution.run import run

__all__ = ["run"]
