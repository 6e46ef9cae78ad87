"""A DPoP proof judged, check by check (RFC 9449, section 4.3).

    1       one proof                                  proof_missing, proof_repeated
    2       a JWT, and no other token in it            proof_malformed
    3       all claims that are required               proof_claims, token_mismatch, nonce_needed
    4       typ                                        proof_type
    5       an asymmetric algorithm that is allowed    proof_algorithm
    6       signed by the key in it                    proof_signature
    7       that key is public, and as good as any     proof_key
    8, 9    the request's method and URL               method_mismatch, url_mismatch
    10, 11  the service's nonce, or made lately        nonce_needed, proof_expired, proof_early
    12      for this token, by the key of its `cnf`    token_mismatch, key_mismatch

What is cheap comes first, the signature last. Whether the proof was used before (section 11.1) is asked
outside, of what remembers it, and last of all: what is refused uses up nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import itemgetter
from typing import Any

from rightkey.errors import Failure, TokenRejected
from rightkey.jose import strictjson
from rightkey.jose.jws import holds_a_token, opened, passes, read_header
from rightkey.jose.key import judge
from rightkey.jose.skipped import UnusableKey
from rightkey.policy.confirmation import rejected
from rightkey.policy.presented import Presented
from rightkey.proof.keys import Keys, Known
from rightkey.proof.nonces import NONCE_LIFE, good_until, nonce_at
from rightkey.proof.origin import is_for, urls
from rightkey.proof.replays import Used, used
from rightkey.proof.settings import DPoP

MAX_PROOF = 16 * 1024
"""Bytes of one DPoP proof; one by ML-DSA-87, the largest, has 11 KiB."""
MAX_JTI = 256
"""Characters of a DPoP proof's `jti`."""


class Proofs:
    """DPoP proofs as one API asks for them.

    Args:
        origins: URLs by which clients know the API (`rightkey.proof.origin`); where there is none, the URL
            that is presented counts.
        rules: what proofs must be.
    """

    def __init__(self, origins: tuple[str, ...], rules: DPoP) -> None:
        self.origins, self.rules = origins, rules
        self._keys = Keys()

    def judge(self, ath: str, jkt: str, presented: Presented, now: float) -> Used:
        """Judge the proof that came with a token.

        Args:
            ath: the hash of the token (`rightkey.policy.confirmation.token_hash`).
            jkt: the thumbprint of the key that the token is bound to.
            presented: the request.
            now: Unix time in seconds.

        Returns:
            What must be seen for the first time, or the proof is a replay.

        Raises:
            TokenRejected: `proof_rejected`, with a reason of `rightkey.policy.confirmation`.
        """
        signed, segment, payload, signature = _read(presented.proofs)
        known = last = self._keys.get(jkt)  # as it was read with its last good proof
        if known is None or known.segment != segment:
            known = _known(segment, self.rules.algorithms)
        claims = _claims(payload, presented, self.origins)
        if claims.get("ath") != ath:
            raise _for_another_token(claims, ath)
        until = self._until(claims, now)
        if known.key.thumbprint != jkt:
            raise rejected("key_mismatch")
        if not passes(known.check, signature, signed):
            raise rejected("proof_signature")
        if known is not last:
            self._keys.put(jkt, known)
        if self.rules.nonce_secret is not None:
            _renew(self.rules.nonce_secret, until, presented, now)
        return used(jkt, claims["jti"], until)

    def sender(self, presented: Presented, now: float) -> str:
        """The thumbprint of the key that proves a request for a token, which is then bound to it (section 5).

        Raises:
            TokenRejected: as `judge`.
        """
        signed, segment, payload, signature = _read(presented.proofs)
        known = _known(segment, self.rules.algorithms)
        claims = _claims(payload, presented, self.origins)
        self._until(claims, now)
        if not passes(known.check, signature, signed):
            raise rejected("proof_signature")
        return known.key.thumbprint

    def _until(self, claims: Mapping[str, Any], now: float) -> float:
        """Until when the proof could pass: by the service's nonce, or by the time at which it was made."""
        rules = self.rules
        if rules.nonce_secret is not None:
            until = good_until(rules.nonce_secret, claims.get("nonce", ""), now)
            if until is None:
                raise _nonce_needed(rules.nonce_secret, now)
            return until
        made: float = claims["iat"]
        if made > now + rules.ahead:
            raise rejected("proof_early", Failure("iat", "not_yet_valid", f"at most {now:.0f}", made))
        if made < now - rules.max_age:
            expected = f"at least {now - rules.max_age:.0f}"
            raise rejected("proof_expired", Failure("iat", "expired", expected, made))
        return made + rules.max_age


def _read(proofs: Collection[str]) -> tuple[bytes, bytes, bytes, bytes]:
    """The parts of the one proof there is, as of `opened`."""
    try:
        (raw,) = proofs
    except ValueError:
        raise _not_one(proofs) from None
    try:
        return opened(raw, MAX_PROOF)
    except TokenRejected as error:
        if "," in raw:  # several headers of one name may come joined (RFC 9110, section 5.3)
            raise rejected("proof_repeated") from None
        raise _unreadable(error) from None


def _known(segment: bytes, algorithms: Collection[str]) -> Known:
    """The key that stands in a proof's header."""
    try:
        header = read_header(segment)
    except TokenRejected as error:
        raise _unreadable(error) from None
    if header.kind != "dpop+jwt":
        raise rejected("proof_type")
    if holds_a_token(header):
        raise _malformed("it holds another token (cty)")
    if header.alg not in algorithms:
        raise rejected("proof_algorithm", hint=f"sign it by one of {', '.join(algorithms)}")
    jwk = header.members.get("jwk")
    if not isinstance(jwk, dict):
        raise rejected("proof_key", told="the DPoP proof has no jwk in its header")
    try:
        # What a certificate says of it does not count here, and is not looked at.
        key = judge({name: value for name, value in jwk.items() if name[:2] != "x5"}, published=True)
    except UnusableKey as unusable:
        why = "it holds private members" if unusable.reason == "private_key_published" else unusable.detail
        raise rejected("proof_key", told=f"the DPoP proof's jwk cannot be used: {why}") from None
    if header.alg not in key.checks:
        raise rejected("proof_key")
    return Known(segment, key, key.checks[header.alg])


_TYPES: dict[str, tuple[type, ...]] = {
    "jti": (str,),
    "htm": (str,),
    "htu": (str,),
    "iat": (int, float),
}
"""The claims that every proof must have (section 4.2), and what they are; no bool is a number."""
_required = itemgetter(*_TYPES)


def _claims(payload: bytes, presented: Presented, origins: tuple[str, ...]) -> dict[str, Any]:
    """What a proof claims; it is for this request."""
    try:
        claims = strictjson.read_object(payload)
    except strictjson.NotJson as error:
        raise _malformed(f"its payload is refused: {error}") from None
    try:
        jti, htm, htu, iat = _required(claims)
    except KeyError:
        raise _claims_rejected(claims) from None
    sound = (
        type(jti) is type(htm) is type(htu) is str and type(iat) in _TYPES["iat"] and 0 < len(jti) <= MAX_JTI
    )
    if not sound or ("nonce" in claims and type(claims["nonce"]) is not str):
        raise _claims_rejected(claims)  # which looks at each: that takes three times as long
    if htm != presented.method:  # to the letter: methods are case-sensitive (RFC 9110, section 9.1)
        raise rejected("method_mismatch", Failure("htm", "mismatch", presented.method, htm))
    if not is_for(htu, origins, presented.url):
        raise _for_another_url(htu, presented.url, origins)
    return claims


def _claims_rejected(claims: Mapping[str, Any]) -> TokenRejected:
    failures = [
        Failure(
            name,
            "malformed" if name in claims else "missing",
            "/".join(kind.__name__ for kind in kinds),
            claims.get(name),
        )
        for name, kinds in _TYPES.items()
        if type(claims.get(name)) not in kinds
    ]
    if not failures and not 0 < len(claims["jti"]) <= MAX_JTI:
        failures = [Failure("jti", "malformed", f"1 to {MAX_JTI} letters", claims["jti"])]
    if not isinstance(claims.get("nonce", ""), str):
        failures.append(Failure("nonce", "malformed", "str", claims["nonce"]))
    names = ", ".join(failure.claim for failure in failures)
    return rejected("proof_claims", *failures, told=f"in the DPoP proof, missing or malformed: {names}")


def _for_another_url(htu: str, url: str, origins: tuple[str, ...]) -> TokenRejected:
    expected = urls(origins, url)
    if not expected:
        return rejected("origin_unknown" if not origins else "url_mismatch", hint=_ORIGIN)
    hint = f"this API is known by {' or '.join(origins)}" if origins else None
    return rejected("url_mismatch", Failure("htu", "mismatch", expected[0], htu), hint=hint)


def _for_another_token(claims: Mapping[str, Any], expected: str) -> TokenRejected:
    got = claims.get("ath")
    reason = "missing" if got is None else "mismatch"
    return rejected("token_mismatch", Failure("ath", reason, expected, got))


def _not_one(proofs: Collection[str]) -> TokenRejected:
    if proofs:
        return rejected("proof_repeated")
    return rejected("proof_missing", hint="send a proof in the header DPoP (RFC 9449, section 4)")


def _unreadable(error: TokenRejected) -> TokenRejected:
    return _malformed(str(error).partition(": ")[2] or "it is empty")


def _renew(secret: bytes, until: float, presented: Presented, now: float) -> None:
    """Have the next nonce told before that of the proof ends, so that a busy client is never refused."""
    if until - now <= NONCE_LIFE / 2:
        presented.nonce = nonce_at(secret, now)


def _nonce_needed(secret: bytes, now: float) -> TokenRejected:
    needed = rejected("nonce_needed", hint="send another proof, with the nonce of the header DPoP-Nonce")
    needed.nonce = nonce_at(secret, now)
    return needed


def _malformed(why: str) -> TokenRejected:
    return rejected("proof_malformed", told=f"the DPoP proof cannot be read: {why}")


_ORIGIN = "set the verifier's origin= to the URL by which clients know this API"
