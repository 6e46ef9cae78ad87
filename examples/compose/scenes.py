"""What is done to the app from outside, and what must then be in its log and at /metrics."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rightkey.localissuer import LocalIssuer

APP = "http://api.example.com"
TOKENS = "https://id.example.com/realms/demo/protocol/openid-connect/token"
FORGED = 200
WAIT = 60.0
"""Seconds until something must be seen. Nothing is asserted of speed: a machine may be slow."""


class Unseen(Exception):
    """Something was not seen."""


class Stage:
    """The issuer, and the app as a client outside sees it; its log, and its metrics."""

    def __init__(self, issuer: LocalIssuer, folder: Path) -> None:
        self.issuer = issuer
        self._log = folder / "app.log"
        authority = httpx.create_ssl_context(verify=str(folder / "certs" / "id.pem"), trust_env=False)
        self._client = httpx.Client(verify=authority, trust_env=False, timeout=60)

    def granted(self) -> str:
        """A token as a client gets it: by its credentials, at the issuer's outer name."""
        form = {"grant_type": "client_credentials", "audience": self.issuer.audience}
        answer = self._client.post(TOKENS, data=form, auth=("shop", "not-a-secret"))
        return str(answer.raise_for_status().json()["access_token"])

    def ask(self, token: str | None, path: str = "/me") -> httpx.Response:
        """What the app answers. A connection each, so that all workers are asked."""
        headers = {"connection": "close"} | ({"authorization": f"Bearer {token}"} if token else {})
        return self._client.get(f"{APP}{path}", headers=headers)

    def good(self) -> bool:
        """Whether a new token by the issuer's key is taken."""
        return self.ask(self.issuer.token(sub="alice")).status_code == 200

    def log(self) -> str:
        """What the app wrote so far."""
        return self._log.read_text(encoding="utf-8")

    def lines(self, *words: str) -> list[str]:
        """The log's lines that hold all of these."""
        return [line for line in self.log().splitlines() if all(word in line for word in words)]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples, of those with these labels."""
        families = text_string_to_metric_families(self._client.get(f"{APP}/metrics/").text)
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())

    def until(self, what: str, holds: Callable[[], Any]) -> None:
        """Say that something was seen, once it is; Unseen where it never is. Good tokens go on meanwhile."""
        end = time.monotonic() + WAIT
        while not self._met(holds):
            if time.monotonic() > end:
                raise Unseen(what)
            self._met(self.good)
            time.sleep(0.1)
        print(f"   seen: {what}", flush=True)

    def _met(self, holds: Callable[[], Any]) -> bool:
        """Whether it holds. It does not while the edge or the app does not listen yet."""
        try:
            return bool(holds())
        except httpx.HTTPError:
            return False


def served(stage: Stage) -> None:
    """The app is there, and a token that a client got outside is taken."""
    stage.until("the app at http://api.example.com", lambda: stage.ask(None).status_code == 401)
    stage.until("a token from https://id.example.com taken", lambda: stage.ask(stage.granted()).is_success)
    stage.until("a realm role granted", lambda: stage.ask(stage.granted(), "/reports").is_success)
    stage.until(
        "/metrics counts it", lambda: stage.metric("rightkey_verifications_total", code="verified") >= 2
    )


def refused(stage: Stage) -> None:
    """A token for another service: the log says which claim, and what is expected; so does /metrics."""
    before = stage.metric("rightkey_verifications_total", code="claims_rejected")
    answer = stage.ask(stage.issuer.token(aud="https://other.example.com"))
    stage.until("a token for another service is 401", lambda: answer.status_code == 401)
    words = ("token refused", "claims=aud", "expected_audience=https://api.example.com")
    stage.until("the log says which claim", lambda: stage.lines(*words))
    stage.until(
        "/metrics counts it",
        lambda: stage.metric("rightkey_verifications_total", code="claims_rejected") == before + 1,
    )
    answer = stage.ask(stage.issuer.token(sub="bob"), "/reports")
    stage.until("a token without the role is 403", lambda: answer.status_code == 403)


def rotation(stage: Stage) -> None:
    """The issuer signs with a key that it never announced: no token of it is refused."""
    stage.issuer.rotate(surprise=True)
    stage.until("a token by an unannounced key taken", stage.good)
    stage.until(
        "the log says that keys rotated", lambda: stage.lines("keys rotated", stage.issuer.current.kid)
    )
    stage.until("/metrics counts it", lambda: stage.metric("rightkey_key_rotations_total") >= 1)


def flood(stage: Stage) -> None:
    """Tokens by keys that the issuer does not have: a line a second, and each is counted."""
    forged = [stage.issuer.token(header={"kid": f"forged-{number}"}) for number in range(FORGED)]
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        statuses = {answer.status_code for answer in threads.map(stage.ask, forged)}
    stage.until("forged tokens are 401", lambda: statuses == {401})
    stage.until("a good token taken meanwhile", stage.good)
    lines = stage.lines("token refused", "code=key_not_found")
    bound = 2 * (2 + time.monotonic() - begun)
    stage.until(f"{len(lines)} lines for {FORGED} tokens", lambda: 0 < len(lines) <= bound)
    stage.until(
        "/metrics counts each",
        lambda: stage.metric("rightkey_verifications_total", code="key_not_found") == FORGED,
    )


def outage(stage: Stage) -> None:
    """The issuer is stopped: keys past their life serve, and both the log and /metrics say so."""
    stage.issuer.close()
    stage.until("the log says why", lambda: stage.lines("keys could not be fetched", "reason="))
    stage.until(
        "the log says for how long keys serve",
        lambda: stage.lines("keys past their life serve on", "left="),
    )
    for name in ("rightkey_fetch_failures_total", "rightkey_stale_served_total"):
        stage.until(f"/metrics has {name}", lambda name=name: stage.metric(name))
    taken = [stage.good() for _ in range(20)]
    stage.until("every good token taken", lambda: all(taken))


def recovery(stage: Stage) -> None:
    """The issuer is back, with other keys."""
    stage.issuer.start()
    stage.issuer.rotate(surprise=True)
    stage.until("a token by its new key taken", stage.good)
    stage.until("the log says that keys came", lambda: stage.lines("keys fetched again", "failures="))


def silent(stage: Stage) -> None:
    """Nothing in the log is, or holds, a token or its signature."""
    stage.until("no token in the log", lambda: not re.search(r"eyJ[\w-]+\.[\w-]+\.", stage.log()))
    stage.until("no traceback in the log", lambda: "Traceback" not in stage.log())


SCENES = (served, refused, rotation, flood, outage, recovery, silent)


def seen(stage: Stage, *, inside: bool) -> bool:
    """Play all scenes; False, and what the app wrote, where something was not seen."""
    try:
        for scene in SCENES:
            print(f" {scene.__name__}: {(scene.__doc__ or '').splitlines()[0]}", flush=True)
            scene(stage)
        hosts = {one.headers["host"] for one in stage.issuer.recorded if one.path.endswith("/certs")}
        name = "keycloak:8080" if inside else "id.example.com"
        stage.until(f"keys asked for at {name} alone", lambda: hosts == {name})
    except Unseen as what:
        print(f"   NOT SEEN: {what}\n{stage.log()}", flush=True)
        return False
    return True
