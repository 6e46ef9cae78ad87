"""What may be odd about a token: its header, claims, spelling and signature. Each oddity has a name."""

from __future__ import annotations

from fuzz.differential.case import AUDIENCE, FUTURE, ISSUER, PAST, Case
from fuzz.differential.oddity import JSON_TEXT, Oddity, members, text, values
from fuzz.differential.signatures import SIGNATURE
from fuzz.differential.spelling import SPELLINGS, TOKEN, TWICE
from fuzz.mutation import HEADER

CLAIMS = ("iss", "aud", "exp", "nbf", "iat", "sub", "jti", "azp", "nonce", "scope", "events", "act")
LATER = FUTURE + 1


def x5t_alone(case: Case) -> None:
    """A certificate that no key has, and no key id."""
    del case.header["kid"]
    case.header["x5t"] = "dGhlIHRodW1icHJpbnQgb2Yg"


ODD_HEADERS = {
    **values("header", "alg", {"lower case": "rs256", "none": "none", "None": "nOnE", "HS256": "HS256"}),
    **values(
        "header",
        "kid",
        {"unknown": "k2", "NUL": "k1\0", "space": "k1 ", "long": "k" * 600, "upper case": "K1"},
    ),
    **values("header", "typ", {"lower case": "jwt", "at+jwt": "at+jwt", "media type": "application/at+jwt"}),
    **values("header", "typ", {"logout+jwt": "logout+jwt", "dpop+jwt": "dpop+jwt", "JOSE": "JOSE"}),
    **values(
        "header",
        "typ",
        {"secevent+jwt": "secevent+jwt", "not ASCII": "JWТ", "application/jwt": "application/jwt"},
    ),
    **values("header", "cty", {"JWT": "JWT", "json": "json"}),
    **values(
        "header",
        "crit",
        {"exp": ["exp"], "b64": ["b64"], "kid": ["kid"], "alg": ["alg"], "twice": ["exp", "exp"]},
    ),
    **values("header", "x5c", {"not base64": ["%%%"], "numbers": [1], "null inside": [None]}),
    **values("header", "x5t", {"a thumbprint": "dGhlIHRodW1icHJpbnQgb2Yg"}),
    **values("header", "jku", {"URL": "https://evil.example/jwks.json", "file": "file:///etc/passwd"}),
    **values("header", "jwk", {"the key itself, without numbers": {"kty": "RSA"}}),
    "header crit: b64, and b64 true": lambda case: case.header.update(crit=["b64"], b64=True),
    "header crit: b64, and b64 false": lambda case: case.header.update(crit=["b64"], b64=False),
    "header crit: unknown, and there": lambda case: case.header.update(crit=["unknown"], unknown=1),
    "header kid and x5t: kid absent, x5t unknown": x5t_alone,
}


ODD_CLAIMS = {
    **values(
        "claims",
        "exp",
        {"past": PAST, "fraction ahead": FUTURE + 0.5, "text of digits": str(FUTURE), "huge": 10**26},
    ),
    **values(
        "claims", "exp", {"10^300": 10**300, "true in an array": [FUTURE], "text past": str(PAST), "zero": 0}
    ),
    **values("claims", "exp", {"ISO 8601": "2096-10-02T07:06:40Z", "minus zero": -0.0}),
    **values(
        "claims", "nbf", {"past": PAST, "ahead": LATER, "text of digits": str(PAST), "text ahead": str(LATER)}
    ),
    **values("claims", "iat", {"ahead": LATER, "text of digits": str(PAST), "huge": 10**300}),
    **values(
        "claims", "iss", {"another": "https://evil.example", "slash": f"{ISSUER}/", "array with it": [ISSUER]}
    ),
    **values(
        "claims", "iss", {"upper case": ISSUER.upper(), "space": f"{ISSUER} ", "object with it": {ISSUER: 1}}
    ),
    **values("claims", "iss", {"port": f"{ISSUER}:443", "http": ISSUER.replace("https", "http")}),
    **values("claims", "aud", {"another": "other", "with others": ["other", AUDIENCE], "others": ["other"]}),
    **values(
        "claims",
        "aud",
        {"numbers with it": [1, AUDIENCE], "object with it": {AUDIENCE: 1}, "upper case": "API"},
    ),
    **values(
        "claims",
        "aud",
        {"null with it": [None, AUDIENCE], "nested": [[AUDIENCE]], "longer": "api2", "spaces": "x api"},
    ),
    **values("claims", "aud", {"arrays with it": [[], AUDIENCE], "twice": [AUDIENCE, AUDIENCE]}),
    **values("claims", "cnf", {"a thumbprint": {"jkt": "x"}, "null": None, "empty": {}, "text": "x"}),
    **values("claims", "sub", {"long": "x" * 2000, "NUL": "a\0b", "long integer": 2**70}),
    **values("claims", "typ", {"ID": "ID", "Refresh": "Refresh"}),
    **values(
        "claims",
        "events",
        {
            "logout": {"http://schemas.openid.net/event/backchannel-logout": {}},
            "another": {"https://x.example": {}},
        },
    ),
}


TOKENS: dict[str, Oddity] = {
    **members("header", HEADER),
    **members("claims", CLAIMS),
    **ODD_HEADERS,
    **ODD_CLAIMS,
    **text("header", JSON_TEXT),
    **text("payload", JSON_TEXT),
    **text("token", TOKEN),
    **TWICE,
    **SPELLINGS,
    **{f"signature: {what}": change for what, change in SIGNATURE.items()},
}
"""Each by name. An oddity that an input cannot have, such as ECDSA's of RSA, leaves it in order."""
