"""Tokens that are bound to their sender: by possession alone, and with proofs of DPoP, good and bad.

A service that takes no DPoP has to refuse a bound token, and no more: what a proof must be is then not
tested. Proofs are for the method and the URL by which the drill asks: the service has to know itself by that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rightkey.drill.exercise import Exercise, Play, refusing
from rightkey.drill.stage import Skipped, Stage
from rightkey.drill.target import Answer
from rightkey.localissuer import Sender
from rightkey.policy.confirmation import thumbprint

_DAY = 86_400
_DPOP, _QUOTED = r"(?i)(^|,)\s*dpop\b", r'"(\\.|[^"\\])*"'
_STOLEN = "a bound token that passes by possession alone is worth stealing again"
_CAPTURED = "a proof that was captured, in a log or by another service, opens this one"
_FORGED = "a thief of the token makes the proof himself"
_CNF = "refuse a token with cnf unless you verify its proof"
_EACH = "check each proof as RFC 9449, 4.3, lists it, by a library that does"


@dataclass(slots=True)
class Client:
    """A client with a key of its own. `nonce` is the last that the service gave."""

    stage: Stage
    sender: Sender
    nonce: str | None = None
    token: str = field(init=False)

    def __post_init__(self) -> None:
        if not self.stage.target.bears:
            raise Skipped("the token is not carried by the scheme Bearer, so that it cannot come by DPoP")
        self.token = self.stage.good(cnf=self.sender.cnf)

    def other(self) -> Sender:
        """Another client."""
        return Sender(clock=self.stage.issuer.clock)

    @property
    def method(self) -> str:
        """How the service is asked."""
        return self.stage.target.method

    @property
    def url(self) -> str:
        """What the service is asked for."""
        return self.stage.target.url.partition("?")[0]

    def proof(self, sender: Sender | None = None, token: str | None = None, **how: object) -> str:
        """A good proof for the next request, but for what is said."""
        told = {"nonce": self.nonce} | how
        return (sender or self.sender).proof(self.method, self.url, token or self.token, **told)  # type: ignore[arg-type]

    def shows(self, proofs: Callable[[], Sequence[str]]) -> Answer:
        """One request with these proofs; another where only the service's nonce was missing in them."""
        answer = self.stage.ask(self.token, proofs=proofs())
        if answer.nonce is not None and answer.nonce != self.nonce:
            self.nonce = answer.nonce
            if answer.status == 401 and "use_dpop_nonce" in answer.headers.get("www-authenticate", ""):
                answer = self.stage.ask(self.token, proofs=proofs())
        return answer


def _client(stage: Stage) -> Client:
    """Before a service that takes good proofs, and looks at them. Skipped before any other."""
    stage.ready()
    client = Client(stage, Sender(clock=stage.issuer.clock))
    answer = client.shows(lambda: [client.proof()])
    if not answer.accepted:
        raise Skipped(f"the service takes no DPoP: a good proof was {answer}")
    if client.shows(list).accepted:
        raise Skipped("the service looks at no proof: `bound: no proof` has failed")
    return client


def _with_proof(stage: Stage) -> str:
    stage.ready()
    client = Client(stage, Sender(clock=stage.issuer.clock))
    answer = client.shows(lambda: [client.proof()])
    if answer.accepted:
        return stage.let_in(answer, "it")
    if not re.search(_DPOP, re.sub(_QUOTED, "", answer.headers.get("www-authenticate", ""))):
        raise Skipped(f"the service takes no DPoP: it was {answer}, without a challenge of DPoP")
    return f"it was {answer}, with a challenge of DPoP"


def _without_proof(stage: Stage) -> str:
    stage.ready()
    client = Client(stage, Sender(clock=stage.issuer.clock))
    return f"it was {stage.judged(client.shows(list), 'it')}"


def _refused(proofs: Callable[[Client], Sequence[str]]) -> Play:
    def play(stage: Stage) -> str:
        client = _client(stage)
        answer = client.shows(lambda: proofs(client))
        return f"it was {stage.judged(answer, 'it')}"

    return play


def _old(client: Client) -> Sequence[str]:
    if client.nonce is not None:
        raise Skipped("the service's nonce, and not iat, says how old a proof is")
    return [client.proof(iat=int(client.stage.issuer.clock()) - _DAY)]


def _replayed(client: Client) -> Sequence[str]:
    proof = client.proof()
    client.stage.let_in(client.stage.ask(client.token, proofs=[proof]), "the proof, when it was new,")
    return [proof]


def _unsigned(client: Client) -> Sequence[str]:
    return [f"{client.proof(header={'alg': 'none'}).rpartition('.')[0]}."]


def _private(client: Client) -> Sequence[str]:
    jwk = client.sender.jwk | {"d": client.sender.key.private_jwk()["d"]}
    return [client.proof(header={"jwk": jwk})]


def _proof(
    proofs: Callable[[Client], Sequence[str]],
    what: str,
    reference: str,
    why: str = _CAPTURED,
    remedy: str = _EACH,
) -> Exercise:
    expected = f"answer 4xx to a bound token with {what}"
    return _advice(_refused(proofs), expected, f"RFC 9449, {reference}", why, remedy)


def _advice(play: Play, expected: str, reference: str, why: str, remedy: str) -> Exercise:
    return Exercise(play, expected, reference, why, remedy, kind="advice")


EXERCISES: Mapping[str, Exercise] = {
    "bound: as a bearer token": _advice(
        refusing(lambda stage: stage.good(cnf=Sender().cnf)),
        "answer 4xx to a token that is bound to a key (cnf with jkt), sent without a proof",
        "RFC 9449, 7.2",
        _STOLEN,
        _CNF,
    ),
    "bound: no certificate": _advice(
        refusing(lambda stage: stage.good(cnf={"x5t#S256": thumbprint(b"a certificate")})),
        "answer 4xx to a token that is bound to a client certificate, sent without one",
        "RFC 8705, 3",
        _STOLEN,
        "refuse a token with cnf unless you compare it with the certificate of the connection",
    ),
    "bound: with its proof": _advice(
        _with_proof,
        "accept a bound token with a good proof, or refuse it with a challenge of DPoP",
        "RFC 9449, 7.1",
        "clients of your issuer bind their tokens, and cannot use others",
        "verify proofs for the URL by which clients know the service",
    ),
    "bound: no proof": _advice(
        _without_proof,
        "answer 4xx to a bound token under the scheme DPoP, without a proof",
        "RFC 9449, 4.3 and 7.1",
        _STOLEN,
        "take tokens under the scheme Bearer alone, or verify their proofs",
    ),
    "bound: proof for another URL": _proof(
        lambda client: [client.proof(htu=f"{client.url.rstrip('/')}/elsewhere")],
        "a proof for another URL",
        "4.3",
    ),
    "bound: proof for another method": _proof(
        lambda client: [client.proof(htm="GET" if client.method != "GET" else "POST")],
        "a proof for another method",
        "4.3",
    ),
    "bound: proof for another token": _proof(
        lambda client: [client.proof(token=client.stage.good(cnf=client.sender.cnf))],
        "a proof for another token of the same client",
        "4.3",
    ),
    "bound: proof without ath": _proof(
        lambda client: [client.proof(ath=None)],
        "a proof that names no token, as one to the token endpoint",
        "4.3",
    ),
    "bound: proof by another key": _proof(
        lambda client: [client.proof(client.other())],
        "a proof by another key",
        "4.3",
        _FORGED,
    ),
    "bound: proof with another signature": _proof(
        lambda client: [client.proof(client.other(), header={"jwk": client.sender.jwk})],
        "a proof that shows the client's key, and is signed by another",
        "4.3",
        _FORGED,
    ),
    "bound: proof by alg none": _proof(
        _unsigned, "a proof that is not signed, whose alg is none", "4.3", _FORGED
    ),
    "bound: proof of another type": _proof(
        lambda client: [client.proof(header={"typ": "JWT"})],
        "a proof whose typ is JWT",
        "4.3",
        "a token that the client signs for another purpose is used as a proof",
    ),
    "bound: old proof": _proof(_old, "a proof that was made a day ago", "4.3"),
    "bound: two proofs": _proof(
        lambda client: [client.proof(), client.proof()],
        "two headers DPoP, each with a good proof",
        "4.3",
        "another part of the service may look at another one",
    ),
    "bound: proof with a private key": _proof(
        _private,
        "a proof that shows the client's private key",
        "4.3",
        "a key that is shown to servers, logs and proxies proves nothing",
    ),
    "bound: proof used twice": _proof(
        _replayed,
        "a proof that was used before",
        "11.1",
        _CAPTURED,
        "remember jti with the key until the proof has expired, in all processes, and refuse it again",
    ),
}
"""Every exercise of these by name."""
