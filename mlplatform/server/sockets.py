"""The sockets of a server: one for each worker, all of one address, over which the kernel spreads connections."""

import errno
import socket
import sys


def claim(host: str, port: int) -> socket.socket | None:
    """What keeps another server of this program from the address while none of our workers listens yet.

    Raises OSError when one has it. None where there are no such names (off Linux).
    """
    if not sys.platform.startswith("linux") or port == 0:
        return None
    claimed = socket.socket(socket.AF_UNIX)
    try:
        claimed.bind(f"\0mlplatform {host}:{port}")
    except OSError as error:
        claimed.close()
        raise OSError(errno.EADDRINUSE, f"Address {host}:{port} is in use") from error
    return claimed


def bind(host: str, port: int, count: int) -> list[socket.socket]:
    """The sockets, on which nobody listens yet.

    Raises OSError when the address can't be had, also when another server of this user listens there.
    """
    _open(host, port, is_shared=False).close()
    sockets = [_open(host, port, is_shared=True) for _ in range(count)]
    for each in sockets:
        each.setblocking(False)
    return sockets


def _open(host: str, port: int, *, is_shared: bool) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # The connections inherit it: an answer in two pieces must not wait for the client's delayed acknowledgement.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if is_shared:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened
