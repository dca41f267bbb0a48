"""Files of any size, scored by one model. Knows no Django: the same modules run in a job's process and on a cluster.

`planning` cuts a file into parts, `reading` gives a part's bytes, `scoring` makes its results out of them, `folder`
keeps those, and `running` does it with many parts at once. What a row means and how it is refused is the handlers'.
"""
