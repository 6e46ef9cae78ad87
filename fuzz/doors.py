"""The other doors: several issuers, bound tokens, typed claims, certificates, settings, and back again."""

from __future__ import annotations

import base64
import datetime
import json
from functools import cache
from random import Random
from typing import Any, NotRequired, TypedDict

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fuzz import mutation
from fuzz.again import back_again
from fuzz.mutation import encode
from fuzz.targets import (
    CLAIMS,
    ISSUER,
    NOW,
    OTHER,
    PRIVATE,
    RICH,
    Target,
    jwk,
    require,
    signed,
    text,
    told_well,
)
from rightkey import (
    KeySet,
    Misconfigured,
    RightkeyError,
    TokenRejected,
    Trust,
    Verifier,
)
from rightkey.integrations.bearer import Bearer
from rightkey.jose.certificate import Certificates, Unreadable, read_x5c

ANOTHER = "https://another.example"
HEADER = {"alg": "EdDSA", "kid": "k"}


def by(private: Any, claims: Any) -> bytes:
    """A token by one of the two keys, which share a key id."""
    head = b".".join(encode(json.dumps(one).encode()) for one in (HEADER, claims))
    return head + b"." + encode(private.sign(head))


def is_by(private: Any, raw: bytes) -> bool:
    """Whether a key signed this very token, told by `cryptography` alone."""
    head, _, signature = raw.rpartition(b".")
    return encode(private.sign(head)) == signature


def claims_of(raw: bytes) -> Any:
    """What the payload says, the last of equal names."""
    return json.loads(base64.urlsafe_b64decode(raw.split(b".")[1] + b"=="))


THEIRS = CLAIMS | {"iss": ANOTHER, "aud": "theirs"}
OF_BOTH = [by(PRIVATE, CLAIMS), by(OTHER, THEIRS), by(PRIVATE, THEIRS), by(OTHER, CLAIMS), by(OTHER, RICH)]
SEVERAL = Verifier.of(
    Trust(ISSUER, audience="api", keys=KeySet.parse({"keys": [jwk(PRIVATE, "k")]})),
    Trust(ANOTHER, audience="theirs", keys=KeySet.parse({"keys": [jwk(OTHER, "k")]})),
    clock=lambda: NOW,
)


def issuers(rng: Random, number: int) -> bool:
    """Whatever the token, one of several issuers' is accepted only by that issuer's own key, and for the
    audience that goes with it."""
    raw, sign = rng.choice(OF_BOTH), rng.choice((PRIVATE, OTHER)).sign
    for _ in range(rng.choice((0, 1, 1, 2))):
        raw = mutation.token(rng, raw, OF_BOTH, sign)
    try:
        verified = SEVERAL.verify(raw)
    except TokenRejected as error:
        told_well(error)
        return False
    owner, audience = {ISSUER: (PRIVATE, "api"), ANOTHER: (OTHER, "theirs")}[verified.issuer]
    require(is_by(owner, raw), "accepted by another issuer's key")
    require(
        audience in (verified.claims["aud"], *verified.claims["aud"]),
        "accepted for another issuer's audience",
    )
    return True


BOUND: list[bytes] = [
    signed(HEADER, CLAIMS),
    *(
        signed(HEADER, CLAIMS | {"cnf": cnf})
        for cnf in ({"jkt": "x"}, {"x5t#S256": "x"}, {}, None, "x", [{}])
    ),
]
BY_SENDER = {
    sender: Verifier(
        ISSUER, audience="api", keys=KeySet.parse(jwk(PRIVATE, "k")), clock=lambda: NOW, sender=sender
    )
    for sender in ("checked", "bound", "bearer")
}


def bound(rng: Random, number: int) -> bool:
    """Whatever a token's `cnf` is, possession alone is enough only where it has none or `bearer` is said."""
    raw = mutation.token(rng, rng.choice(BOUND), BOUND, PRIVATE.sign)
    accepted = set()
    for sender, verifier in BY_SENDER.items():
        try:
            verifier.verify(raw)
        except TokenRejected as error:
            told_well(error)
        else:
            accepted.add(sender)
    require("bound" not in accepted, "accepted by possession alone")
    require("bearer" in accepted or not accepted, "refused where possession is enough")
    if accepted:
        require(("checked" in accepted) == ("cnf" not in claims_of(raw)), "a cnf was not seen, or imagined")
    return bool(accepted)


class Wanted(TypedDict):
    """Claims as a service would have them."""

    sub: str
    exp: int
    aud: str | list[str]
    roles: NotRequired[list[str]]
    address: NotRequired[dict[str, str]]


TYPED = [signed(HEADER, RICH), signed(HEADER, RICH | {"address": {"country": "NL"}, "roles": []})]


def typed(rng: Random, number: int) -> bool:
    """Whatever the claims, they have the types that were asked for, or the token is refused."""
    raw = mutation.token(rng, rng.choice(TYPED), TYPED, PRIVATE.sign)
    try:
        claims = BY_SENDER["checked"].verify(raw, claims_type=Wanted).claims
        wanted = BY_SENDER["checked"].verify(raw).into(Wanted)
    except TokenRejected as error:
        told_well(error)
        return False
    require(type(wanted["sub"]) is str and type(wanted["exp"]) is int, "another type")
    for name, kind in (("roles", list), ("address", dict)):
        require(isinstance(wanted.get(name, kind()), kind), "another type")
        inner: Any = wanted.get(name, kind())
        require(all(type(one) is str for one in (inner.values() if kind is dict else inner)), "another type")
    require(claims["sub"] == wanted["sub"], "two readings of one token")
    return True


@cache
def authority() -> tuple[bytes, bytes]:
    """A root in PEM, and a certificate in DER that it issued for the fuzzer's key."""
    root = ec.derive_private_key(7, ec.SECP256R1())
    name, day = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")]), datetime.datetime(2020, 1, 1)
    built = []
    for key, is_root in ((root.public_key(), True), (PRIVATE.public_key(), False)):
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key)
        builder = builder.serial_number(1 + is_root).not_valid_before(day)
        builder = builder.not_valid_after(day + datetime.timedelta(days=36500))
        builder = builder.add_extension(x509.BasicConstraints(is_root, None), critical=True)
        scheme = hashes.SHA256()
        built.append(builder.sign(root, scheme, ecdsa_deterministic=True))
    return built[0].public_bytes(Encoding.PEM), built[1].public_bytes(Encoding.DER)


def x5c(rng: Random, number: int) -> bool:
    """Whatever stands in `x5c`, it harms no key; a chain is good only with what the root signed, and a
    certificate is for its own key only."""
    root, der = authority()
    for _ in range(rng.choice((0, 1, 1, 2))):
        der = mutation.octets(rng, der, [der, root])
    spelled: Any = base64.b64encode(der).decode()
    if rng.random() < 0.3:
        spelled = text(mutation.octets(rng, spelled.encode(), [root]))
    chain = [spelled] if rng.random() < 0.9 else mutation.tree(rng, [spelled, spelled])
    keys = KeySet.parse({"keys": [jwk(OTHER, "good"), jwk(PRIVATE, "k") | {"x5c": chain}]})
    require([key.kid for key in keys] == ["good", "k"], "a certificate harms a key")
    key = keys.keys[1]
    fit = key.certificate is not None and key.certificate_fault is None
    require(not fit or key.certificate.matches(PRIVATE.public_key()), "for another key")
    policy = Certificates(roots=root)
    if policy.fault(key.certificate, NOW) is None:
        require(key.certificate is not None, "no certificate is a good chain")
        wanted = x509.load_der_x509_certificate(authority()[1]).tbs_certificate_bytes
        found = x509.load_der_x509_certificate(key.certificate.der).tbs_certificate_bytes
        require(found == wanted, "a chain that the root did not sign")
    try:
        require(read_x5c(chain).der == key.certificate.der, "two readings of one certificate")
    except Unreadable:
        require(key.certificate is None, "two readings of one certificate")
    return fit


SECRET = encode(PRIVATE.private_bytes_raw()).decode()
ENVIRONMENT = {
    "RIGHTKEY_ISSUER": ISSUER,
    "RIGHTKEY_AUDIENCE": "api other",
    "RIGHTKEY_KEYS": json.dumps(jwk(PRIVATE, "k") | {"d": SECRET}),
    "RIGHTKEY_ALGORITHMS": "EdDSA ES256",
    "RIGHTKEY_LEEWAY": "30",
    "RIGHTKEY_PROFILE": "access",
    "RIGHTKEY_REQUIRE": "all_of(read:x, any_of(role(admin), scope(b)))",
    "RIGHTKEY_CERTIFICATES": "match",
    "RIGHTKEY_SENDER": "checked",
    "RIGHTKEY_REMEMBER": "16",
    "RIGHTKEY_STALE_IF_ERROR": "600",
    "RIGHTKEY_SERVICE_HOST": "10.0.0.1",
}


def environment(rng: Random, number: int) -> bool:
    """Whatever the variables, they make a verifier or Misconfigured, whose message quotes no private key."""
    environ = dict(ENVIRONMENT)
    for _ in range(rng.choice((0, 1, 1, 2))):
        name = rng.choice(list(environ))
        value = environ.pop(name)
        others = [one.encode() for one in (*ENVIRONMENT.values(), *mutation.TEXTS)]
        changed = text(mutation.octets(rng, (value if rng.random() < 0.8 else name).encode(), others))
        changed = changed.replace("\0", "")  # which no environment can hold
        environ |= {name: changed} if rng.random() < 0.8 else {changed: value}
    elsewhere = any(SECRET in text for name, text in environ.items() if name != "RIGHTKEY_KEYS")
    try:
        verifier = Verifier.from_env(environ)
    except Misconfigured as error:
        told = f"{error} {error.hint or ''}"
        require(told.isprintable() and len(told) < 3000, "a message not fit for a log")
        require(SECRET not in told, "a private key in a message")
        return False
    require(elsewhere or SECRET not in repr(verifier), "a private key is kept")
    return True


BEARER = Bearer()


def authorization(rng: Random, number: int) -> bool:
    """Whatever the headers, one token that they hold comes out, in letters that RFC 6750 allows, or one of
    our errors."""
    names = rng.choices(
        ("authorization", "Authorization", "x-authorization", "cookie"), k=rng.choice((1, 1, 2, 3))
    )
    values = [
        b"Bearer " + signed(HEADER, CLAIMS),
        b"bearer a",
        b"Basic YTpi",
        b"Bearer",
        b"Bearer a b",
        b"DPoP a",
    ]
    headers = [(name, text(mutation.octets(rng, rng.choice(values), values))) for name in names]
    try:
        token = BEARER.token(headers)
    except RightkeyError as error:
        told_well(error)
        return False
    places = [value for name, value in headers if name.lower() == "authorization"]
    require(len(places) == 1 and token in places[0], "a token out of nowhere, or one of several")
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=")
    require(bool(token) and set(token) <= allowed, "not a token")
    return True


DOORS: dict[str, Target] = {
    "issuers": issuers,
    "bound": bound,
    "typed": typed,
    "x5c": x5c,
    "environment": environment,
    "authorization": authorization,
    "back_again": back_again,
}
"""Each takes a source of chance and the input's number, and says whether the input was accepted."""
