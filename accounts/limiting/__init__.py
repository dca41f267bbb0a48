"""Counting what callers use, exactly, over every thread and process: the mechanics below `accounts.limits`.

`window` says what is counted, `shared_table` keeps the counts of one host, `redis_table` those of all hosts, and
`limiter` joins the two.
"""
