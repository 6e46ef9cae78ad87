"""What is no token at all, each by itself: a service refuses it, and breaks on none of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rightkey.drill.exercise import LIBRARY, Exercise, refusing
from rightkey.drill.stage import Stage

Parts = tuple[str, str, str]


def _from(parts: Callable[[str, str, str], str]) -> Callable[[Stage], str]:
    """Made of a good token's parts."""
    return lambda stage: parts(*stage.good().split("."))


_GARBAGE: Mapping[str, tuple[Callable[[str, str, str], str], str, str]] = {
    "empty": (lambda h, p, s: "", "an empty token", LIBRARY),
    "one dot": (lambda h, p, s: ".", "a single dot as token", LIBRARY),
    "two dots": (lambda h, p, s: "..", "two dots as token", LIBRARY),
    "a word": (lambda h, p, s: "null", "the word null as token", LIBRARY),
    "JSON": (lambda h, p, s: '{"alg":"none"}', "JSON in place of a token", LIBRARY),
    "two parts": (
        lambda h, p, s: f"{h}.{p}",
        "a good token without its third part",
        f"{LIBRARY}; CVE-2020-28042",
    ),
    "four parts": (lambda h, p, s: f"{h}.{p}.{s}.{s}", "a good token with its third part twice", LIBRARY),
    "half a signature": (
        lambda h, p, s: f"{h}.{p}.{s[: len(s) // 2]}",
        "a good token with half its signature",
        "RFC 8725, 3.3",
    ),
    "another payload": (
        lambda h, p, s: f"{h}.{p[:-8]}AAAAAAAA.{s}",
        "a good token with another payload",
        "RFC 8725, 3.3",
    ),
    "a header of noise": (
        lambda h, p, s: f"{'_-' * 50}.{p}.{s}",
        "a token whose header is base64url of noise",
        LIBRARY,
    ),
    "a nested header": (
        lambda h, p, s: f"{'W1' * 1000}.{p}.{s}",
        "a token whose header is a JSON array, nested deeply",
        f"{LIBRARY}; CVE-2025-53864",
    ),
    "six thousand characters": (lambda h, p, s: "A" * 6000, "6,000 letters as token", LIBRARY),
    "many dots": (
        lambda h, p, s: f"{h}.{p}" + "." * 4000,
        "a good token with 4,000 dots after its payload",
        f"{LIBRARY}; CVE-2025-30204",
    ),
    "a letter beyond ASCII": (
        lambda h, p, s: f"{h}.{p}.{s}\u00e9",
        "a good token with a letter beyond ASCII after its signature",
        "RFC 7515, 5.2; RFC 7519, 7.2",
    ),
}

EXERCISES: Mapping[str, Exercise] = {
    f"garbage: {name}": Exercise(
        refusing(_from(make)),
        f"answer 4xx to {what}",
        reference,
        "strangers can send anything: an error wakes an operator, and an exception may end the process",
        "catch everything that the parser raises, and answer 401; decode base64url strictly",
    )
    for name, (make, what, reference) in _GARBAGE.items()
}
"""Every exercise of these by name."""
