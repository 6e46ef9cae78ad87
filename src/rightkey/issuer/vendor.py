"""A vendor: what one provider's tokens look like beyond the standards, and what that makes of one issuer's.

In the forms, `{url}`, `{host}` and the named groups of `path` stand for what the issuer's URL has there.
Two holes stay open: `{tenantid}` is filled by a token's `tid`, and `{guid}` by any GUID until the issuer's
metadata state which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rightkey.errors import Failure
from rightkey.grants import GRANTS, ClaimPath, ClaimPaths
from rightkey.issuer.spelling import lower_host

TENANT, ANY_GUID = "{tenantid}", "{guid}"
GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_GUID_LENGTH = 36
_SPIFFE_ID = r"(spiffe://[a-z0-9._-]+)(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+)+"
"""A workload's (SPIFFE-ID, sections 2.1 and 2.2): no segment is empty, goes upwards, or is encoded."""


class RequiredClaim(NamedTuple):
    """A claim that tokens must have, by the first of its `names` that is there, under these profiles.

    Letter case does not count.
    """

    names: tuple[str, ...]
    value: str
    profiles: tuple[str, ...] = ("access", "at+jwt", "id")

    def failure(self, claims: Mapping[str, Any]) -> Failure | None:
        """What is wrong with the claim."""
        name = next((name for name in self.names if name in claims), None)
        if name is None:
            return Failure(self.names[0], "missing", self.value)
        got = claims[name]
        if isinstance(got, str) and got.lower() == self.value.lower():
            return None
        return Failure(name, "mismatch", self.value, got)


class Vendor(NamedTuple):
    """A row. `hosts` and `path` are regular expressions for the whole host and the whole path, which is taken
    without slashes at its end."""

    name: str
    title: str
    hosts: str = ""
    path: str = ""
    resource: str = ""
    """A regular expression for issuers that are no URL but the name of a cloud's resource."""
    templates: tuple[str, ...] = ()
    """Forms of `iss` where it is not the issuer's URL. Its metadata may state one of them."""
    aliases: tuple[str, ...] = ()
    """Values of `iss` that pass beside the one that the metadata state."""
    keys: str | None = None
    """Where the keys are, of an issuer that has no metadata to ask. `{kid}` stands for the token's key id,
    which must be a GUID, where they are published one by one."""
    keys_in: tuple[tuple[str, str], ...] = ()
    """The same in each other `{partition}` of a cloud, by the name that `resource` finds for it."""
    client: str | None = None
    """The claim that names the audience where `aud` is missing."""
    required_claims: tuple[RequiredClaim, ...] = ()
    tenants: tuple[tuple[str, str], ...] = ()
    """Words for a tenant in the issuer's URL (`consumers`), each with the GUID that it stands for."""
    strangers: tuple[tuple[str, str], ...] = ()
    """Words that stand for every tenant but one (`organizations`), each with the GUID of that one."""
    keys_of_tenants: bool = False
    """Whether a key's `issuer` names the tenant whose tokens alone it signs."""
    grace: float = 0.0
    """Seconds for which a key serves on that an answer lacks, since the provider's front ends disagree."""
    padded: bool = False
    """Whether tokens are spelled with padding."""
    from_header: tuple[tuple[str, str], ...] = ()
    """Claims that are judged by what a member of the header says."""
    of_subject: bool = False
    """Whether the issuer is the SPIFFE trust domain of `sub`, whatever `iss` is."""
    types: frozenset[str] = frozenset()
    """Values of `typ` besides those of an access token."""
    algorithms: frozenset[str] = frozenset()
    """The algorithms that its tokens may have, where there are others that they must not."""
    any_case: bool = False
    """Whether the metadata spell the host in letters of another case."""
    elsewhere: tuple[tuple[str, str], ...] = ()
    """Audiences and members of the header that tell a token for another service, and what to do about it."""
    unaddressed: str | None = None
    """What to do about a token that names no audience."""
    grants: tuple[tuple[str, ClaimPath], ...] = ()
    """Where else its tokens have names of a kind (`scope`, `permission`, `role`, `group`). `{audience}` in a
    path stands for each audience that is expected."""
    hints: tuple[tuple[str, str], ...] = ()
    """Forms of `iss` that often fail to match, and what to do about each."""

    @property
    def by_form(self) -> bool:
        """Whether `iss` is to be judged by `issued`, and not by comparing it with the spellings."""
        return bool(self.templates) or self.any_case

    def hint_for(self, *names: str) -> str | None:
        """What to do about a token for another service, by its audiences or the members of its header."""
        return next((hint for name, hint in self.elsewhere if name in names), None)

    def issued(self, spellings: tuple[str, ...], claims: Mapping[str, Any]) -> bool:
        """Whether a token's `iss` is one of these forms, with the hole filled by the tenant it names."""
        iss, tid = claims.get("iss"), claims.get("tid")
        if not isinstance(iss, str) or any(tid == stranger for _, stranger in self.strangers):
            return False
        named = tid if isinstance(tid, str) and re.fullmatch(GUID, tid) else "no tenant"
        if self.any_case:
            iss, spellings = lower_host(iss), tuple(map(lower_host, spellings))
        return any(_is_form(form.replace(TENANT, named), iss) for form in spellings)

    def hint(self, iss: str) -> str | None:
        """What to do about a token with this `iss`, which is not trusted."""
        return next((hint for form, hint in self.hints if _is_form(form, iss)), None)

    def iss_for(self, issuer: str) -> str | None:
        """The spelling that tokens must have where the metadata state this issuer; None if it is no form
        of this one's."""
        form = re.sub(re.escape(TENANT), TENANT, issuer, flags=re.IGNORECASE)
        for template in self.templates:
            if form == template or _is_form(template.replace(TENANT, ANY_GUID), issuer):
                return form
        return None

    def signs(self, key_issuer: Any, claims: Mapping[str, Any]) -> bool:
        """Whether a key whose JWK names this `issuer` signs for the token's tenant. A key that names no GUID
        signs for every tenant."""
        named = re.search(GUID, key_issuer) if isinstance(key_issuer, str) else None
        return named is None or named[0] in (claims.get("tid"), *re.findall(GUID, str(claims.get("iss"))))

    def counted_claims(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """The claims as they count: some as the header has them, or the issuer as the subject names it."""
        if self.of_subject:
            subject: Any = claims.get("sub")
            spiffe_id = re.fullmatch(_SPIFFE_ID, subject) if isinstance(subject, str) else None
            return {**claims, "iss": spiffe_id and spiffe_id[1]}
        return {**claims, **{claim: header.get(member) for claim, member in self.from_header}}

    def places(self, audiences: Iterable[str]) -> ClaimPaths:
        """Where the tokens of one trust have their scopes, permissions, roles and groups."""
        found = dict(GRANTS)
        for kind, place in self.grants:
            found[kind] += tuple(place.filled(audiences))
        return found

    def failures(self, profile: str, claims: Mapping[str, Any]) -> list[Failure]:
        """Which claims that the provider's tokens have are missing, or other than they must be."""
        found = [one.failure(claims) for one in self.required_claims if profile in one.profiles]
        return [failure for failure in found if failure is not None]

    def filled(self, url: str, groups: Mapping[str, str | None]) -> Vendor:
        """The row for one issuer: all its forms filled by what the URL has."""
        word = (groups.get("tenant") or "").lower()
        values = {"url": url.rstrip("/"), "host": urlsplit(url).netloc.lower(), **groups}
        values["tenantid"] = dict(self.tenants).get(word, word if re.fullmatch(GUID, word) else None)

        def fill(form: str) -> str:
            for name, value in values.items():
                form = form if value is None else form.replace(f"{{{name}}}", value)
            return form

        keys = dict(self.keys_in).get(groups.get("partition") or "", self.keys)
        return self._replace(
            templates=tuple(map(fill, self.templates)),
            aliases=tuple(map(fill, self.aliases)),
            keys=None if keys is None else fill(keys),
            hints=tuple((fill(form), hint) for form, hint in self.hints),
            required_claims=tuple(one._replace(value=fill(one.value)) for one in self.required_claims),
            strangers=tuple(pair for pair in self.strangers if pair[0] == word),
        )


def is_guid(text: str) -> bool:
    """Whether it is a GUID in lower case and nothing else."""
    return re.fullmatch(GUID, text) is not None


def _is_form(form: str, iss: str) -> bool:
    """Whether it is the form, with a GUID in each hole. Not by `re`: a pattern a token would be compiled."""
    first, *others = form.split(ANY_GUID)
    if not iss.startswith(first):
        return False
    at = len(first)
    for part in others:
        end = at + _GUID_LENGTH
        if not is_guid(iss[at:end]) or not iss.startswith(part, end):
            return False
        at = end + len(part)
    return at == len(iss)
