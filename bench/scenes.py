"""What verifiers are sent through by `bench.staying`: each scene by the name of what an operator fears."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import rsa

from bench.players import Memory
from bench.playing import LIFE, Play
from rightkey.localissuer import ATTACKS, Fault, LocalIssuer, SigningKey, fault
from rightkey.localissuer.keys.signing import Form


def cold(play: Play) -> None:
    play.good([play.issuer.token(sub=str(user)) for user in range(100)])


def rotation(play: Play) -> None:
    play.warm()
    play.issuer.rotate()
    play.good([play.issuer.token(sub=str(user)) for user in range(5)])


def surprise(play: Play) -> None:
    play.warm()
    play.issuer.rotate(surprise=True)
    play.good([play.issuer.token(sub=str(user)) for user in range(5)])


def flood(play: Play) -> None:
    """Unknown keys by the hundred, while the issuer takes a second to answer."""
    play.warm()
    known, play.issuer.delay = play.issuer.token(sub="alice"), 1.0
    flooding = threading.Thread(target=play.bad, args=(play.forged(f"kid-{n}" for n in range(100)),))
    flooding.start()
    while flooding.is_alive():
        play.one_by_one(known, 5)


def flood_then_rotation(play: Play) -> None:
    """A library that spent its requests on the flood, or pauses after it, has none for the new key."""
    play.warm()
    for name, token in play.forged(f"kid-{n}" for n in range(200)).items():
        play.bad({name: token})
    play.one_by_one(play.issuer.token(sub="alice"), 1)
    play.issuer.rotate(surprise=True)
    play.at_last(play.issuer.token(sub="bob"))


def crowd(play: Play) -> None:
    """One unknown key, by a hundred at once: a request or two answer them all."""
    play.warm()
    play.issuer.delay = 0.2
    play.bad(play.forged(["unknown"] * 100))


def signatures(play: Play) -> None:
    """By a known key's id: one request at most can tell more, whether that is another key by now."""
    play.warm()
    play.bad(play.forged([play.issuer.current.kid] * 100))


def swap(play: Play) -> None:
    """Other key material under the same kid."""
    play.warm()
    play.issuer.swap()
    play.good([play.issuer.token(sub="alice")])
    play.good([play.issuer.token(sub="bob")])


def revoked(play: Play) -> None:
    """A key is withdrawn; once its life is over and a user has asked, it must count no more."""
    old = play.issuer.current
    play.warm()
    play.issuer.rotate()
    play.issuer.revoke(old.kid)
    play.pass_life()
    play.good([play.issuer.token(sub="alice")])
    play.bad({"revoked": play.issuer.token(key=old, sub="mallory")})


def revoked_in_use(play: Play) -> None:
    """Only the thief sends tokens, for four lives of the key: use must not keep it alive."""
    old = play.issuer.current
    play.warm()
    play.issuer.rotate()
    play.issuer.revoke(old.kid)
    stolen = play.issuer.token(key=old, sub="mallory")
    for _ in range(20):
        play.sent([stolen])
        time.sleep(LIFE / 5)
    play.bad({"revoked in use": stolen})


def outage(what: str, **options: Any) -> Callable[[Play], None]:
    """From the end of the keys' life on."""

    def scene(play: Play) -> None:
        play.warm()
        for endpoint in ("discovery", "jwks"):
            with contextlib.suppress(ValueError):  # some faults are of key sets alone
                play.issuer.misbehave(endpoint, fault(what, **options))
        play.pass_life()
        play.one_by_one(play.issuer.token(sub="alice"), 20)

    return scene


def huge(play: Play) -> None:
    """The good document at its end may be used or not; what counts is the memory that it takes.

    The forged token is for those who would not ask again otherwise.
    """
    memory = Memory(play.player.pid)
    outage("huge")(play)
    play.bad(play.forged(["unknown"]))
    play.tally.memory = memory.grown()


def redirected(play: Play) -> None:
    """To another issuer's keys: the issuer's tokens stay good, and what those keys signed is bad."""
    with LocalIssuer() as elsewhere:
        outage("redirect", to=elsewhere.urls["jwks"])(play)
        play.bad({"redirected": play.issuer.token(key=elsewhere.current, sub="mallory")})


def odd_set(what: str, **options: Any) -> Callable[[Play], None]:
    """A key set with something odd in it or about it, and the good key."""

    def scene(play: Play) -> None:
        play.issuer.misbehave("jwks", fault(what, **options))
        play.good([play.issuer.token(sub="alice")])

    return scene


def unfit_key(what: str) -> Callable[[Play], None]:
    """The key itself must not be used."""

    def scene(play: Play) -> None:
        play.issuer.misbehave("jwks", what)
        play.bad({what: play.issuer.token(sub="alice")})

    return scene


def weak_key(play: Play) -> None:
    """RSA of 1024 bits, which the local issuer does not make."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    weak = SigningKey("weak", "RS256", Form(), None, private)
    play.issuer.misbehave("jwks", Fault("weak", rewrite=lambda *_: {"keys": [weak.public_jwk()]}))
    play.bad({"rsa-1024": play.issuer.token(key=weak)})


def no_kid(play: Play) -> None:
    """A token need not name its key (RFC 7515, section 4.1.4): one of two that are published."""
    play.good([play.issuer.token(header={"kid": None})])


def no_kid_one_key(play: Play) -> None:
    only = {"keys": [play.issuer.current.public_jwk()]}
    play.issuer.misbehave("jwks", Fault("one key", rewrite=lambda *_: only))
    no_kid(play)


def attacks(play: Play) -> None:
    play.warm()
    play.bad({name: play.issuer.attack(name, sub="mallory") for name in ATTACKS})


class Scene(NamedTuple):
    """`life` is for how long keys are cached, in seconds, where that can be set."""

    play: Callable[[Play], None]
    life: float = 600.0


SCENES = {
    "cold start": Scene(cold),
    "rotation": Scene(rotation),
    "rotation unannounced": Scene(surprise),
    "flood of unknown keys": Scene(flood),
    "flood, then rotation": Scene(flood_then_rotation),
    "crowd with one unknown key": Scene(crowd),
    "forged signatures": Scene(signatures),
    "same kid, other key": Scene(swap),
    "key revoked": Scene(revoked, LIFE),
    "key revoked, in use": Scene(revoked_in_use, LIFE),
    "outage: 503": Scene(outage("status"), LIFE),
    "outage: 429": Scene(outage("status", code=429, retry_after=60), LIFE),
    "outage: hang": Scene(outage("hang"), LIFE),
    "outage: HTML page": Scene(outage("html"), LIFE),
    "outage: no keys": Scene(outage("empty-set"), LIFE),
    "outage: truncated": Scene(outage("truncated"), LIFE),
    "outage: broken JSON": Scene(outage("broken-json"), LIFE),
    "outage: redirect": Scene(redirected, LIFE),
    "outage: 64 MiB": Scene(huge, LIFE),
    "set: broken members": Scene(odd_set("broken-member")),
    "set: kid twice": Scene(odd_set("duplicate-kid")),
    "set: no alg": Scene(odd_set("no-alg")),
    "set: bare keys": Scene(odd_set("bare")),
    "set: broken certificate": Scene(odd_set("broken-certificate")),
    "set: typed as HTML": Scene(odd_set("wrong-type", content_type="text/html")),
    "key: use=enc": Scene(unfit_key("use-enc")),
    "key: key_ops=encrypt": Scene(unfit_key("key-ops-encrypt")),
    "key: other alg": Scene(unfit_key("other-alg")),
    "key: other certificate": Scene(unfit_key("other-certificate")),
    "key: private": Scene(unfit_key("private-members")),
    "key: RSA-1024": Scene(weak_key),
    "token: no kid": Scene(no_kid),
    "token: no kid, one key": Scene(no_kid_one_key),
    "attacks": Scene(attacks),
}
