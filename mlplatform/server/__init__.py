"""The web server behind `manage.py serve`.

`master` holds the listening sockets and keeps the workers alive. A `worker` has one thread that reads requests off all
its connections (`connection`, on uvloop and httptools) and answers the quick predictions itself; everything else is
answered by a few other threads (`exchange`: one request as WSGI sees it).
"""
