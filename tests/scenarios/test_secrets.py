"""No message, `repr`, event or status tells a secret that was put in the place of another setting."""

from __future__ import annotations

import gc
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rightkey
from rightkey.exchange import Request, Response
from rightkey.gateway.configuration import configuration_of
from rightkey.gateway.decision import Question
from rightkey.gateway.dialect import OriginalRequest
from rightkey.integrations.awsevents import HTTPEvent
from rightkey.integrations.bearer import Bearer, ProtectedResource, header
from rightkey.integrations.certificates import Connection, from_header
from rightkey.integrations.credential import Credential, Sent
from rightkey.integrations.handshake import Answer as Handshake
from rightkey.localissuer import LocalIssuer
from rightkey.policy.presented import Presented
from rightkey.policy.profiles import Evidence
from rightkey.transport import DefaultTransport
from rightkey.verdict.attempt import Demands

HIDDEN = "hunter2"
SECRETS = [
    f"-----BEGIN PRIVATE KEY-----\n{HIDDEN}\n-----END PRIVATE KEY-----",
    f"https://user:{HIDDEN}@host.example/path",
    f'{{"kty":"oct","k":"{HIDDEN}"}}',
    f"https://host.example/jwks?code={HIDDEN}",
]
TOKEN = f"eyJhbGciOiJFUzI1NiJ9.{HIDDEN}.c2ln"
SPELLED = [
    *(
        form.format(TOKEN)
        for form in ("{}", "Bearer {}", " {}", '"{}"', "token={}", "a {} b", "https://a.example/{}")
    ),
    f"https://host.example/#access_token={HIDDEN}",
    f"host.example/jwks?code={HIDDEN}",
    f"https://user:{HIDDEN}\uff20host.example",
    f"https://user%3A{HIDDEN}%40host.example",
    f"https:\\\\user:{HIDDEN}@host.example",
]
"""As people really paste them: with what stood around them, or mistyped."""
NAMED = [
    f"Bearer {HIDDEN}",
    f"Authorization: Basic {HIDDEN}",
    f"tenant;key={HIDDEN}",
    f"host=db password={HIDDEN}",
    f'"client_secret": {HIDDEN}',
    f"ghp_{HIDDEN}0aZ",
    f"sk-proj-{HIDDEN}-a",
    f"{HIDDEN}aB3dE5fG7hJ9kL1mN3",
    f"{HIDDEN}8Q~aBc-dEf",
    f"{HIDDEN}0123456789abcdef0123456789abcdef",
]
"""What tells itself to be a secret: by a scheme or a name before it, by how services begin those that they
make, or by its letters."""
SETTINGS = ("issuer", "algorithms", "leeway", "profile", "require", "certificates", "provider", "sender")
SETTINGS += ("remember", "metadata_url", "keys", "transport", "freshness")
VARIABLES = (
    "KEYS",
    "ISSUER",
    "METADATA_URL",
    "PROVIDER",
    "SENDER",
    "ALGORITHMS",
    "LEEWAY",
    "PROFILE",
    "REQUIRE",
    "CERTIFICATES",
    "REMEMBER",
    "MAX_LIFE",
    "WAIT",
    "TRUSTSTORE",
)
NEEDED = {"issuer": "https://issuer.example", "audience": "a"}
GATEWAY = {"proxy": "nginx", "issuer": [NEEDED], "route": [{}]}
ENVIRON = {"RIGHTKEY_ISSUER": "https://issuer.example", "RIGHTKEY_AUDIENCE": "a"}


def told(act: Callable[[], Any]) -> str:
    """All that can be read of what came of it: of each error in the chain, hints included."""
    try:
        return repr(act())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
        words, one = [], error
        while one is not None:
            words += [repr(one), *traceback.format_exception_only(one), str(getattr(one, "hint", ""))]
            one = one.__cause__ or one.__context__
        return "\n".join(words)


@pytest.mark.parametrize("secret", [*SECRETS, *SPELLED, *NAMED])
def test_a_secret_in_the_place_of_a_setting_is_not_told(secret: str) -> None:
    """Two variables are swapped, or a key is handed over where a name should be."""
    doors: dict[str, Callable[[], Any]] = {
        "algorithm": lambda: rightkey.Verifier(**NEEDED, algorithms=[secret]),
        "first of": lambda: rightkey.FirstOf(secret),
        "keys first of": lambda: rightkey.Verifier(**NEEDED, keys=rightkey.FirstOf(secret)),
        "roots": lambda: rightkey.Certificates(roots=secret),
        "pins": lambda: rightkey.Certificates(pins=[secret]),
        "challenge": lambda: Bearer(resource_metadata=f"{secret}#"),
        "header": lambda: Bearer(header(secret)),
        "resource": lambda: ProtectedResource(f"{secret}#"),
        "claim": lambda: rightkey.claim(f"/~{secret}", 1),
        "trust": lambda: rightkey.Trust(secret, "a"),
        "locate": lambda: rightkey.locate(secret),
        "key set": lambda: rightkey.KeySet.parse(secret),
        "pem": lambda: rightkey.KeySet.from_pem(secret),
        "path": lambda: rightkey.AsyncVerifier(**NEEDED, keys=Path(secret)),
        "ca file": lambda: DefaultTransport(ca_file=secret),
        "proxies": lambda: from_header("X", form="nginx", proxies=[secret]),
        "peers": lambda: configuration_of(GATEWAY | {"peers": [secret]}, Path()),
        "store secret": lambda: rightkey.Verifier.from_env(ENVIRON | {"RIGHTKEY_STORE_SECRET_FILE": secret}),
        "secret file": lambda: rightkey.Verifier(
            **NEEDED, introspection=rightkey.Introspection("us", Path(secret))
        ),
        "dpop": lambda: rightkey.DPoP(algorithms=[secret]),
        "on_loss": lambda: rightkey.Denylist(on_loss=secret),  # type: ignore[arg-type]
        "implies": lambda: rightkey.Verifier(**NEEDED, implies={"a": [f"{secret} "]}),
        "requirement": lambda: rightkey.any_of(f"{secret} ", "a"),
    }
    for name in SETTINGS:
        doors[name] = lambda name=name: rightkey.AsyncVerifier(**{**NEEDED, name: secret})
    for name in VARIABLES:
        doors[name] = lambda name=name: rightkey.Verifier.from_env(ENVIRON | {f"RIGHTKEY_{name}": secret})
    assert [name for name, door in doors.items() if HIDDEN in told(door)] == []


class Answers:
    """A server that answers so."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = Response(status, {"x-reflected": HIDDEN}, body)

    def get(self, request: Request, /) -> Response:
        return self.answer


@pytest.mark.parametrize("status", [200, 403, 500])
@pytest.mark.parametrize("setting", ["keys", "metadata_url"])
def test_what_stands_in_a_query_is_not_told(setting: str, status: int, settled: Callable[..., None]) -> None:
    """Some servers take an API key there. Nor is what an error of theirs reflects."""
    events: list[object] = []
    body = b'{"issuer": "https://other.example", "jwks_uri": "https://h.example/"}' * (status == 200)
    where = {setting: f"https://host.example/x?code={HIDDEN}"}
    verifier = rightkey.Verifier(
        **NEEDED, **where, transport=Answers(status, body or HIDDEN.encode()), listener=events.append
    )
    assert HIDDEN not in told(verifier.prepare)
    settled(lambda: events != [], "nothing was told")
    assert HIDDEN not in f"{events} {verifier.status()} {verifier!r} {rightkey.Trust(**NEEDED, **where)}"


def test_an_exchange_does_not_show_its_headers() -> None:
    """A transport of one's own may log what it is given, and credentials are among them."""
    request = Request("https://host.example", {"authorization": HIDDEN})
    assert HIDDEN not in repr(request) + repr(Answers(200, HIDDEN.encode()).answer)


OWN = "trustno1"
"""Of the test below alone: it looks at what other tests have left behind, too."""


class Documents:
    """Metadata and keys, at addresses with a secret in their query."""

    def __init__(self, issuer: LocalIssuer) -> None:
        self.keys = {"keys": [issuer.current.public_jwk()]}
        self.metadata = {"issuer": issuer.url, "jwks_uri": f"https://host.example/jwks?code={OWN}"}
        self.asked: list[Request] = []

    def get(self, request: Request, /) -> Response:
        self.asked.append(request)
        return Response(200, {}, json.dumps(self.keys if "/jwks" in request.url else self.metadata).encode())


def test_nothing_that_lives_shows_a_secret() -> None:
    """Not one object of ours, of whatever class, by its `repr`: debuggers, error reporters and transports of
    one's own show them. The secret is in the queries of addresses, and in the claims of the token."""
    issuer = LocalIssuer(algorithm="ES256", url="https://secrets.example/")
    raw, transport = issuer.token(sub=OWN), Documents(issuer)
    how = {"audience": issuer.audience, "transport": transport}
    found: list[Any] = [
        rightkey.locate(issuer.url, metadata_url=f"https://h.example/?c={OWN}", transport=transport)
    ]
    for where in (
        {"keys": f"https://h.example/jwks?c={OWN}"},
        {"metadata_url": f"https://h.example/?c={OWN}"},
    ):
        verifier = rightkey.Verifier(issuer.url, **how, **where)
        explained = verifier.explain(raw)
        assert explained.verified
        found += [
            verifier,
            explained,
            *(step.detail for step in explained.steps),
            verifier.status(),
            verifier.verify(raw),
        ]
        found += [verifier.explain(f"{raw}A"), verifier.explain(raw[:-9])]
    found.append(Evidence("ES256", {"sub": OWN}, None, nonce=OWN, access_token=OWN))
    found.append(Demands(nonce=OWN, access_token=OWN))
    found.append(Presented("DPoP", "GET", f"https://h.example/?c={OWN}", (raw,), OWN.encode()))
    headers = [("authorization", f"DPoP {raw}"), ("sec-websocket-protocol", f"bearer, {raw}")]
    sent = Sent("GET", f"/?access_token={raw}", Connection(None))
    found += [
        sent,
        Credential(raw, Presented("DPoP", proofs=(raw,))),
        HTTPEvent(tuple(headers), raw, sent),
        Handshake("bearer", [raw]),
        OriginalRequest("GET", f"/?access_token={raw}", "h.example"),
        Question("GET", f"/?access_token={raw}", {"authorization": [raw]}),
    ]
    found += transport.asked
    gc.collect()  # verifiers of other tests that were never finished
    gc.unfreeze()  # whatever the collector has laid aside by now
    living = gc.get_objects()
    gc.freeze()
    ours = {kind for kind in set(map(type, living)) if str(kind.__module__).startswith("rightkey.")}
    found += [one for one in living if type(one) in ours]
    assert {type(one).__name__ for one in found if OWN in repr(one) or raw[-20:] in repr(one)} == set()
