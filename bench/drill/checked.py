"""How each row that a standard demands, and that a service of others failed, was checked by hand; and those
of advice about bound and opaque tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

_ACCEPTED = "`bench.drill.byhand`'s own token of this kind was answered 200 by each"

CHECKED: Mapping[str, str] = {
    "challenge": "the 401 has no `WWW-Authenticate`, in part by the application's own code; the section says "
    "that the server MUST send it",
    "good: unknown header parameter": "a token with one more parameter was answered 401 by each; section 4 "
    "says that what is not understood and not critical MUST be ignored",
    "good: bearer in lower case": "the same token was answered 200 after `Bearer`, 401 after `bearer`; "
    "section 11.1 calls the scheme case-insensitive, and by 2.4 a recipient MUST read it so",
    "garbage: two parts": "the process ended with a TypeError, by a token of two parts",
    "garbage: four parts": f"{_ACCEPTED}: the fourth part is ignored",
    "garbage: a letter beyond ASCII": f"{_ACCEPTED}: the decoder passes over what is not base64url, which "
    "RFC 7515 (5.2) excludes",
    "attack: alg-none-with-signature": f"{_ACCEPTED}: alg is not looked at",
    "attack: crit": _ACCEPTED,
    "attack: b64-false": f"{_ACCEPTED}, though b64 is in crit",
    "attack: stripped-signature": "the process ended with a TypeError, by a token with an empty signature",
    "attack: duplicate-alg": f"{_ACCEPTED}: read by the last name it is `none`, and a parser that takes the "
    "first one is excluded",
    "attack: not-yet-valid": f"{_ACCEPTED}: nbf is not looked at",
    "attack: wrong-audience": f"{_ACCEPTED}: aud is not looked at",
    "attack: wrong-issuer": f"{_ACCEPTED}: iss is not looked at",
    "claims: exp as text": f"{_ACCEPTED}: an exp that is no number does not count",
    "claims: empty aud": _ACCEPTED,
    "claims: part of aud": _ACCEPTED,
    "claims: more than aud": _ACCEPTED,
    "claims: iss in an array": _ACCEPTED,
    "claims: part of iss": _ACCEPTED,
    "claims: more than iss": _ACCEPTED,
    "bound: as a bearer token": f"{_ACCEPTED}: cnf is not looked at",
    "bound: no certificate": f"{_ACCEPTED}: cnf is not looked at",
    "opaque: outage": "before an issuer of the standard library, an opaque token was answered 200; once its "
    "introspection endpoint answered 503, another one was answered 401",
    "key: of another algorithm": f"a key published for RS512 and a token by RS256: {_ACCEPTED}",
}
