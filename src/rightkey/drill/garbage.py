"""What is no token at all, each by itself: a service refuses it, and breaks on none of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rightkey.drill.exercise import LIBRARY, Exercise, refusing
from rightkey.drill.stage import Stage

Parts = tuple[str, str, str]


def _from(parts: Callable[[str, str, str], str]) -> Callable[[Stage], str]:
    """Made of a good token's parts."""
    return lambda stage: parts(*stage.good().split("."))


_GARBAGE: Mapping[str, tuple[Callable[[str, str, str], str], str]] = {
    "empty": (lambda h, p, s: "", LIBRARY),
    "one dot": (lambda h, p, s: ".", LIBRARY),
    "two dots": (lambda h, p, s: "..", LIBRARY),
    "a word": (lambda h, p, s: "null", LIBRARY),
    "JSON": (lambda h, p, s: '{"alg":"none"}', LIBRARY),
    "two parts": (lambda h, p, s: f"{h}.{p}", f"{LIBRARY}; CVE-2020-28042"),
    "four parts": (lambda h, p, s: f"{h}.{p}.{s}.{s}", LIBRARY),
    "half a signature": (lambda h, p, s: f"{h}.{p}.{s[: len(s) // 2]}", "RFC 8725, 3.3"),
    "another payload": (lambda h, p, s: f"{h}.{p[:-8]}AAAAAAAA.{s}", "RFC 8725, 3.3"),
    "a header of noise": (lambda h, p, s: f"{'_-' * 50}.{p}.{s}", LIBRARY),
    "a nested header": (lambda h, p, s: f"{'W1' * 1000}.{p}.{s}", f"{LIBRARY}; CVE-2025-53864"),
    "six thousand characters": (lambda h, p, s: "A" * 6000, LIBRARY),
    "many dots": (lambda h, p, s: f"{h}.{p}" + "." * 4000, f"{LIBRARY}; CVE-2025-30204"),
    "a letter beyond ASCII": (lambda h, p, s: f"{h}.{p}.{s}\u00e9", "RFC 7515, 5.2; RFC 7519, 7.2"),
}

EXERCISES: Mapping[str, Exercise] = {
    f"garbage: {name}": Exercise(
        refusing(_from(make)),
        "refuse it by a 4xx",
        reference,
        "whatever strangers send must end in a refusal: an error is an alarm at night, or a process less",
        "catch all that the parser raises and answer 401; decode base64url strictly",
    )
    for name, (make, reference) in _GARBAGE.items()
}
"""Every exercise of these by name."""
