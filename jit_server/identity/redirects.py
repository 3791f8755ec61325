"""Where a sign-in may lead to: a path of this server and nothing else (PROOFS K26)."""

import re
from urllib.parse import unquote

HOME = "/"
LONGEST = 2000
_PATH = re.compile(r"/[\w.~!$'()*+,;=:@%/-]*(?:\?[\w.~!$'()*+,;=:@%/?&-]*)?(?:#[\w.~-]*)?", re.ASCII)
_OURS_ALONE = ("/login", "/logout", "/step-up")


def local_path(wanted: str | None) -> str:
    """The path if it is one of this server's pages in plain spelling, else the home page.

    Browsers read `//host`, a backslash, a tab or a line break in between as another site; proxies may decode `%2F`
    once more. So only a path whose every spelling (decoded twice) begins with one slash and has no empty segment is
    taken.
    """
    if not wanted or len(wanted) > LONGEST or not _PATH.fullmatch(wanted):
        return HOME
    spelling = wanted
    for _ in range(3):
        if not _plain(spelling):
            return HOME
        spelling = unquote(spelling)
    path = wanted.partition("?")[0].partition("#")[0]
    return HOME if any(path == own or path.startswith(own + "/") for own in _OURS_ALONE) else wanted


def _plain(spelling: str) -> bool:
    path = spelling.partition("?")[0].partition("#")[0]
    return path.startswith("/") and "//" not in path and "\\" not in spelling and spelling.isprintable()
