"""Learning from what users did: asked for by a person or the schedule, done by a job, and proposed.

`requests` has what people do (ask, cancel, accept, decline), `running` the job, `judging` the comparison with what is
live, `schedule` the clock.
"""
