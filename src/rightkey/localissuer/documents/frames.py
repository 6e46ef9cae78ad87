"""The pages that keycloak-js shows in hidden frames, to learn whether its session lasts.

A local issuer has no sessions that could end. So the pages say what keycloak-js hopes for: cookies are
supported, and the session is unchanged. Each speaks to the page that frames it, and to no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rightkey.localissuer.html import page

if TYPE_CHECKING:
    from rightkey.localissuer.answers import Answer

_COOKIES = 'parent.postMessage("supported","*");'
_SESSION = (
    'addEventListener("message",event=>{'
    'if(event.source===parent&&typeof event.data==="string")parent.postMessage("unchanged",event.origin);'
    "});"
)
FRAMES = {"cookies": _COOKIES, "session": _SESSION}
"""The script of each page, by its endpoint."""


def frame(endpoint: str) -> Answer:
    """The page at an endpoint."""
    return page("rightkey local issuer", "", script=FRAMES[endpoint], framed=True)
