"""The mistakes of the first day: each is told as what it is, with what to do, and nothing of it is quoted."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from tests.conftest import signing_key

import rightkey
from rightkey.jose import base64url
from rightkey.jose.mistakes import MAX_HINTED, hint_of
from rightkey.localissuer import mint
from rightkey.localissuer.keys.signing import Form, SigningKey

FORM = Form(certificates=False)
KEY = SigningKey.generate("ES256", FORM, kid="k")
TOKEN = mint(KEY, {"sub": "alice"})
HEADER, PAYLOAD, SIGNATURE = TOKEN.split(".")
RSA = signing_key("RS256")


def refused(raw: str | bytes, key: SigningKey = KEY) -> rightkey.TokenRejected:
    keys = rightkey.KeySet.parse({"keys": [key.public_jwk()]})
    with pytest.raises(rightkey.TokenRejected) as caught:
        rightkey.verify_jws(raw, keys, algorithms=["ES256", "RS256"])
    told = f"{caught.value} {caught.value.hint}"
    assert PAYLOAD not in told
    assert "hunter2" not in told
    return caught.value


def segment(header: Any) -> str:
    return base64url.encode(json.dumps(header).encode())


SENT = {
    f"Bearer {TOKEN}": "begins with `Bearer `",
    f"Bearer: {TOKEN}": "begins with `Bearer `",
    f"bearer%20{TOKEN}": "begins with `Bearer `",
    f"Bearer{TOKEN}": "begins with `Bearer `",
    f"Authorization: Bearer {TOKEN}": "name of the header",
    f"authorization=Bearer {TOKEN}": "name of the header",
    f"JWT {TOKEN}": "name of a scheme",
    f"token={TOKEN}": "name of a scheme",
    "Basic YWxpY2U6aHVudGVyMg==": "user name and a password",
    str(TOKEN.encode()): "bytes object",
    f"'{TOKEN}'": "in quotes",
    f'"{TOKEN}"': "in quotes",
    f"\u201c{TOKEN}\u201d": "in quotes",
    f"<{TOKEN}>": "in quotes",
    json.dumps({"access_token": TOKEN}): "JSON",
    str({"access_token": TOKEN}): "JSON",
    json.dumps([TOKEN]): "JSON",
    json.dumps({"payload": PAYLOAD, "protected": HEADER, "signature": SIGNATURE}): "compact form",
    "undefined": "empty value",
    "None": "empty value",
    "[object Object]": "empty value",
    "$TOKEN": "placeholder",
    "${ACCESS_TOKEN}": "placeholder",
    "{{access_token}}": "placeholder",
    "%TOKEN%": "placeholder",
    "<your token>": "placeholder",
    "YOUR_TOKEN": "placeholder",
    "<!DOCTYPE html><p>hunter2": "web page",
    "-----BEGIN PUBLIC KEY-----\nMIIB": "PEM",
    f"https://app.example/cb#access_token={TOKEN}": "URL or a form",
    f"grant=x&id_token={TOKEN}": "URL or a form",
    "https://issuer.example/": "is a URL",
    TOKEN.replace(".", "%2E"): "URL-encoded",
    f"{TOKEN}%0A": "URL-encoded",
    quote(f" {TOKEN}"): "URL-encoded",
    TOKEN[:20] + "...": "shortened",
    f"{HEADER}.***.***": "shortened",
    "v4.public.hunter2": "PASETO",
    f"{TOKEN}~{segment(['salt', 'a', 'b'])}~": "SD-JWT",
    f"{TOKEN},{TOKEN}": "several tokens",
    f"{TOKEN}\n{TOKEN}": "several tokens",
    f"{TOKEN};": "semicolon",
    TOKEN[:20] + "\n " + TOKEN[20:]: "folded",
    f"\ufeff{TOKEN}": "invisible",
    f"{TOKEN}\u200b": "invisible",
    f"{TOKEN}\0": "invisible",
    f"{TOKEN}\r\n": "around it",
    f" {TOKEN}": "around it",
    f"\u00a0{TOKEN}": "around it",
    f"{TOKEN}==": "padded",
    HEADER + "." + PAYLOAD + "." + "+/" + SIGNATURE: "standard base64",
    f"{TOKEN}.": "dot",
    HEADER: "cut off",
    f"{HEADER}.{PAYLOAD}": "cut off",
    TOKEN[:-1]: "cut off",
    TOKEN[1:]: "lack its beginning",
    TOKEN[4:]: "lack its beginning",
    f"curl -H 'Authorization: Bearer {TOKEN}' https://a.example": "command line",
    f"-H 'Authorization: Bearer {TOKEN}'": "command line",
    f"authorization Bearer {TOKEN}": "name of the header",
    "Negotiate YIIhunter2": "another scheme",
    "ApiKey hunter2": "another scheme",
    "AWS4-HMAC-SHA256 Credential=hunter2": "another scheme",
    "$(cat token)": "placeholder",
    json.dumps({"error": "invalid_grant"}): "error of the issuer",
    f'\\"{TOKEN}\\"': "in quotes",
    f"&quot;{TOKEN}&quot;": "in quotes",
    f"SecretStr('{TOKEN}')": "text of an object",
    str((TOKEN,)): "text of an object",
    f"X-Access-Token: {TOKEN}": "begins with a name",
    f"session={TOKEN}; Path=/": "begins with a name",
    f"export ACCESS={TOKEN}": "begins with a name",
    base64url.encode(TOKEN.encode()): "base64 of a token",
    f"{TOKEN})": "character that no token has",
    f'{TOKEN}"': "character that no token has",
    f"{TOKEN}\\n": "character that no token has",
    TOKEN[:20] + "\u2013" + TOKEN[21:]: "character that no token has",
    f"{TOKEN}.x": "something else",
    f"{TOKEN}{TOKEN}": "something else",
    "ya29.a0AfH6SM": "opaque",
    "8c0e9f9a-6f65-4d4c-8e2c-2b9f3f0c7a11": "opaque",
    "dGhpc2lzb3BhcXVl=": "opaque",
}


@pytest.mark.parametrize("raw", SENT, ids=range(len(SENT)))
def test_what_is_sent_in_place_of_a_token_is_told(raw: str) -> None:
    """As text and as octets, by the hint; the verdict is the same for all."""
    for one in (raw, raw.encode()):
        error = refused(one)
        assert (error.code, SENT[raw] in str(error.hint)) == ("token_malformed", True), error.hint


def test_an_encrypted_token_is_told_with_the_way_out() -> None:
    """Auth0 gives one where no audience was named; five parts of anything else are not one."""
    jwe = refused(segment({"alg": "dir", "enc": "A256GCM"}) + "..a.b.c")
    assert "(JWE)" in str(jwe)
    assert "naming an audience" in str(jwe.hint)
    for other in ("a.b.c.d.e", segment({"alg": "dir"}) + ".b.c.d.e", f"{TOKEN}{TOKEN}"):
        assert "5 parts" in str(refused(other))


@pytest.mark.parametrize(
    ("alg", "named", "hint"),
    [
        ("HS256", True, "RS256 or ES256"),
        ("none", True, "have the issuer sign it"),
        ("PS256", True, "algorithms=['PS256']"),
        ("es256", False, "allowed: ES256, RS256; names are compared letter by letter"),
        ("hunter2", False, "allowed: ES256, RS256"),
    ],
)
def test_an_algorithm_that_is_not_allowed_says_what_is(alg: str, named: bool, hint: str) -> None:
    """Known names are told, and a stranger's are not."""
    error = refused(f"{segment({'alg': alg})}.e30.AA")
    assert error.code == "algorithm_not_allowed"
    assert (f"algorithm {alg} is" in str(error)) is named
    assert hint in str(error.hint)


@pytest.mark.parametrize(
    ("key", "signature", "hint"),
    [
        (KEY, b"", "no signature, and this key's have 64 bytes"),
        (KEY, b"\x01" * 63, "63 bytes, and this key's have 64"),
        (KEY, b"\x30" + b"\x01" * 69, "in DER"),
        (RSA, b"\x01" * 255, "255 bytes, and this key's have 256"),
        (RSA, b"\x01" * 256, None),
        (KEY, b"\x01" * 64, None),
    ],
)
def test_a_signature_of_another_length_was_cut_off(
    key: SigningKey, signature: bytes, hint: str | None
) -> None:
    """Or it is as OpenSSL writes it. One that is merely wrong has no hint: it may be a forgery."""
    alg = str(key.public_jwk()["alg"])
    raw = f"{segment({'alg': alg, 'kid': 'k'})}.{PAYLOAD}.{base64url.encode(signature)}"
    error = refused(raw, key)
    assert error.code == "signature_invalid"
    assert error.hint is None if hint is None else hint in str(error.hint)


def test_a_key_whose_signatures_length_is_not_known_has_no_hint() -> None:
    """It is not looked for in a table that need not have it."""
    key = SigningKey.generate("ML-DSA-44", FORM, kid="k")
    keys = rightkey.KeySet.parse({"keys": [key.public_jwk()]})
    with pytest.raises(rightkey.TokenRejected) as caught:
        rightkey.verify_jws(mint(key, {})[:-4], keys, algorithms=["ML-DSA-44"])
    assert caught.value.hint is None


def test_what_is_like_nothing_has_no_hint() -> None:
    """A guess would mislead."""
    assert refused("alice@issuer.example").hint is None


@pytest.mark.parametrize("letter", [*'a ,;.%~=&*<{["$?#:\\', "ey", "token=", ", e", "\u200b"])
def test_a_hint_ends_for_texts_that_make_patterns_go_back(letter: str) -> None:
    """A stranger chooses the text: a pattern that goes back at every letter would not end within the hour."""
    for text in (letter * 60_000, "ey" + letter * 60_000, letter * 60_000 + "\n", "a" + " " * 60_000 + "b"):
        assert hint_of(text) is None or len(str(hint_of(text))) < 200


@pytest.mark.parametrize(("at", "seen"), [(400, True), (700, False), (1000, True)])
def test_the_ends_of_a_long_text_are_looked_at(at: int, seen: bool) -> None:
    """Half of what is looked at lies at each end; what stands between them costs nothing."""
    text = "ey" + "a" * (MAX_HINTED + 374)
    hint = str(hint_of(text[:at] + "," + text[at + 1 :]))
    assert ("comma" in hint) is seen
