"""Checks of how documents are served: caching, limits, types, clock and speed (RFC 9110; RFC 9111)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from rightkey.cli.doctor.findings import Examination, Exchange, Trouble
from rightkey.cli.doctor.metadata import DAY
from rightkey.cli.times import lasting

_MAX_AGE = re.compile(r"(?:^|[\s,])(?:s-maxage|max-age)\s*=\s*\"?(\d+)", re.IGNORECASE)
_JSON = ("application/json", "application/jwk-set+json")
LONGEST = 3600.0
"""Seconds of `max-age` that rightkey obeys at most."""
SLOW = 1.0
"""Seconds: a quarter of what a verifier waits for one answer."""


def caching(seen: Examination) -> Iterator[Trouble]:
    """A key set may be cached for no longer than a next key is published before it signs."""
    keys = _answered(seen, "keys")
    if keys is None or keys.response is None:
        return
    value = keys.response.headers.get("cache-control", "")
    age = max_age(value)
    if "no-store" in value.lower() or "no-cache" in value.lower():
        yield Trouble(
            "note", "the key set forbids caching: obedient verifiers ask for each token", "allow some minutes"
        )
    elif age is None:
        yield Trouble(
            "note", "the key set has no max-age: each verifier picks a life of its own", "send max-age=600"
        )
    elif age > DAY:
        yield Trouble("warning", *_too_long(age))
    elif age > LONGEST:
        yield Trouble("note", *_too_long(age))
    elif age < 60:
        yield Trouble(
            "note",
            f"max-age of {age:.0f} s makes verifiers ask often, or ignore it",
            "300 to 3600 s is usual",
        )


def next_key_in_time(seen: Examination) -> Iterator[Trouble]:
    """Where no next key is published, the life of a cached set is how long a rotation may fail."""
    keys = _answered(seen, "keys")
    if keys is None or keys.response is None or len(seen.usable) != 1:
        return
    age = max_age(keys.response.headers.get("cache-control", ""))
    if age is not None and age > 60:
        yield Trouble(
            "warning",
            f"max-age of {lasting(age)} without a next key: after a rotation, verifiers that honour it "
            f"refuse good tokens for that long",
            "publish the next key first, or lower max-age before a rotation",
        )


def revalidation(seen: Examination) -> Iterator[Trouble]:
    """An `ETag` or `Last-Modified` makes a refresh cheap, if it is honoured."""
    keys, again = _answered(seen, "keys"), _answered(seen, "keys again")
    if keys is None or keys.response is None:
        return
    if not {"etag", "last-modified"} & keys.response.headers.keys():
        yield Trouble(
            "note", "the key set has neither ETag nor Last-Modified", "send one: a refresh is then 304"
        )
    elif again is not None and again.response is not None and again.response.status == 200:
        yield Trouble(
            "note", "If-None-Match with the ETag just sent is answered by 200", "answer it with 304"
        )


def rate_limits(seen: Examination) -> Iterator[Trouble]:
    """A limit on public documents is met by a fleet that restarts."""
    for one in seen.exchanges:
        headers = one.response.headers if one.response else {}
        limits = [
            f"{name}: {value[:60]}"
            for name, value in headers.items()
            if name.startswith(("x-ratelimit-", "ratelimit"))
        ]
        if limits:
            yield Trouble(
                "note",
                f"{one.url} is rate-limited ({', '.join(sorted(limits))})",
                "a fleet that restarts asks at once: share what was fetched",
            )
            return


def content_types(seen: Examination) -> Iterator[Trouble]:
    """JSON should be served as JSON; oauth4webapi and other strict clients refuse the rest."""
    for one in seen.exchanges:
        if one.good and one.response is not None:
            kind = one.response.headers.get("content-type", "none").partition(";")[0].strip().lower()
            if kind not in _JSON:
                yield Trouble(
                    "warning",
                    f"{one.url} is served as {kind[:60]}",
                    f"serve it as {_JSON[one.step[:4] == 'keys']}",
                )


def clock(seen: Examination) -> Iterator[Trouble]:
    """The issuer's clock writes `iat`, `nbf` and `exp`: it must agree with the verifier's."""
    skews = [skew for one in seen.exchanges if (skew := _skew(one)) is not None]
    if not skews:
        return
    skew = min(skews, key=abs)
    if abs(skew) >= 5:
        where = "ahead of" if skew > 0 else "behind"
        effect = "tokens are not valid yet" if skew > 0 else "tokens end early"
        yield Trouble(
            "warning" if abs(skew) < 300 else "error",
            f"its clock is {lasting(abs(skew))} {where} this machine's: {effect}",
            "synchronise both by NTP; leeway= allows for a few seconds",
        )


def speed(seen: Examination) -> Iterator[Trouble]:
    """A slow document is a slow first request, and near a time-out under load."""
    for one in seen.exchanges:
        if one.response is not None and one.seconds > SLOW:
            yield Trouble(
                "warning",
                f"{one.url} took {one.seconds:.1f} s",
                "a verifier gives up after 4 s: cache it at the edge",
            )


def size(seen: Examination) -> Iterator[Trouble]:
    """Some verifiers read at most 50 KB of a key set (Nimbus)."""
    keys = _answered(seen, "keys")
    if keys is not None and keys.response is not None and len(keys.response.body) > 50 * 1024:
        kilobytes = len(keys.response.body) / 1024
        yield Trouble("warning", f"the key set has {kilobytes:.0f} KiB", "Nimbus reads 50 KiB at most")


def max_age(cache_control: str) -> float | None:
    """The seconds that `Cache-Control` allows; None where it does not say."""
    found = _MAX_AGE.search(cache_control)
    return float(found[1][:9]) if found else None


def _too_long(age: float) -> tuple[str, str]:
    return (
        f"max-age of {lasting(age)}: for that long, verifiers that honour it accept a withdrawn key, "
        f"and may refuse a new one",
        "lower it to an hour or less, and publish the next key at least that long before it signs",
    )


def _answered(seen: Examination, step: str) -> Exchange | None:
    found = seen.step(step)
    return found if found is not None and found.response is not None else None


def _skew(one: Exchange) -> float | None:
    """How far the server's clock is ahead of ours, in seconds; 0 within what one exchange can tell."""
    if one.response is None or "date" not in one.response.headers:
        return None
    try:
        there = parsedate_to_datetime(one.response.headers["date"]).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    if one.began - 1 <= there <= one.began + one.seconds + 1:
        return 0.0
    return there - one.began
