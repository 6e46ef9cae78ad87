"""The products of others that are drilled: what is installed of each, and by which options it is drilled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Product:
    """What is installed, and how it is drilled.

    Args:
        app: the file that serves it.
        packages: of PyPI where the app is Python, of npm where it is Node's, else of Debian; the first one is
            the product.
        options: of `rightkey drill`.
        path: of the URL that wants a token.
        within: the language of a product that a script starts.
    """

    app: str
    packages: Sequence[str]
    options: Sequence[str] = ()
    path: str = "me"
    within: str = ""

    @property
    def language(self) -> str:
        """In which it is written, or used."""
        return self.within or LANGUAGES[self.kind]

    @property
    def kind(self) -> str:
        """The end of the app's name, which says what runs it."""
        return Path(self.app).suffix


LANGUAGES = {
    ".py": "Python",
    ".mjs": "JavaScript",
    ".rb": "Ruby",
    ".pl": "Perl",
    ".go": "Go",
    ".java": "Java",
}
_FLASK, _FASTAPI = ("flask",), ("fastapi", "uvicorn")
_LIFE = ("--life", "2")
_NEST = (
    "@nestjs/common",
    "@nestjs/platform-express",
    "@nestjs/passport",
    "passport-jwt",
    "passport",
    "jwks-rsa",
    "reflect-metadata",
    "rxjs",
)
_RABBIT = "https://api.example.com"
PRODUCTS = {
    "Flask-JWT-Extended": Product("flask_jwt.py", ("Flask-JWT-Extended", "PyJWT[crypto]"), _LIFE),
    "Authlib, RFC 9068": Product(
        "authlib_resource.py", ("Authlib", "requests", *_FLASK), (*_LIFE, "--typ", "at+jwt")
    ),
    "drf-oidc-auth": Product(
        "drf_oidc_auth.py", ("drf-oidc-auth",), (*_LIFE, "--carrier", "Authorization: JWT {token}")
    ),
    "google-auth": Product("google_auth.py", ("google-auth", "requests", "PyJWT[crypto]", *_FLASK), _LIFE),
    "fastapi-azure-auth": Product("azure_auth.py", ("fastapi-azure-auth", *_FASTAPI), ("--dress", "entra")),
    "cognitojwt": Product("cognito_jwt.py", ("cognitojwt[sync]", *_FLASK), ("--dress", "cognito")),
    "okta-jwt-verifier": Product(
        "okta_verifier.py",
        ("okta-jwt-verifier", "requests", "cryptography", *_FASTAPI),
        (*_LIFE, "--dress", "okta", "--tls"),
    ),
    "fastapi-keycloak-middleware": Product(
        "keycloak_middleware.py", ("fastapi-keycloak-middleware", *_FASTAPI), ("--dress", "keycloak")
    ),
    "Powertools for AWS Lambda": Product(
        "powertools.py",
        ("aws-lambda-powertools", "PyJWT[crypto]", "urllib3", *_FLASK),
        (*_LIFE, "--tls"),
    ),
    "fastapi-cloudauth": Product("cloudauth.py", ("fastapi-cloudauth", *_FASTAPI), ("--tls",)),
    "express-jwt": Product("express_jwt.mjs", ("express-jwt", "jwks-rsa", "express"), _LIFE),
    "koa-jwt": Product("koa_jwt.mjs", ("koa-jwt", "jwks-rsa", "koa"), _LIFE),
    "passport-jwt": Product("passport_jwt.mjs", ("passport-jwt", "passport", "jwks-rsa", "express"), _LIFE),
    "jose": Product("jose.mjs", ("jose",), _LIFE),
    "hono/jwk": Product("hono_jwk.mjs", ("hono", "@hono/node-server"), ("--life", "1")),
    "@fastify/jwt, get-jwks": Product("fastify_jwt.mjs", ("@fastify/jwt", "get-jwks", "fastify"), _LIFE),
    "fastify-jwt-jwks": Product("fastify_jwt_jwks.mjs", ("fastify-jwt-jwks", "fastify"), _LIFE),
    "keycloak-connect": Product(
        "keycloak_connect.mjs", ("keycloak-connect", "express"), (*_LIFE, "--dress", "keycloak")
    ),
    "@okta/jwt-verifier": Product(
        "okta_verifier.mjs", ("@okta/jwt-verifier", "express"), (*_LIFE, "--dress", "okta")
    ),
    "ruby-jwt": Product("ruby_jwt.rb", ("ruby-jwt", "ruby-webrick", "ruby"), _LIFE),
    "Crypt::JWT": Product("crypt_jwt.pl", ("libcrypt-jwt-perl", "libmojolicious-perl"), _LIFE),
    "NestJS": Product("nest.mjs", ("@nestjs/core", *_NEST), _LIFE),
    "Apollo Server": Product(
        "apollo.mjs",
        ("@apollo/server", "graphql", "jose"),
        (*_LIFE, "--header", "Content-Type: application/json", "--data", '{"query": "{me}"}'),
        path="",
    ),
    "@hapi/jwt": Product("hapi_jwt.mjs", ("@hapi/jwt", "@hapi/hapi")),
    "json-jwt": Product("json_jwt.rb", ("ruby-json-jwt", "ruby-webrick", "ruby"), _LIFE),
    "Mojo::JWT": Product("mojo_jwt.pl", ("libmojo-jwt-perl", "libmojolicious-perl"), _LIFE),
    "go-oidc": Product("go_oidc.go", ("golang-github-coreos-go-oidc-dev", "golang-go"), _LIFE),
    "google-oauth-client": Product(
        "google_oauth.java", ("libgoogle-oauth-client-java", "default-jdk-headless")
    ),
    "mod_oauth2": Product("mod_oauth2.sh", ("libapache2-mod-oauth2", "apache2"), _LIFE, within="C"),
    "mod_oauth2 by metadata": Product(
        "mod_oauth2_metadata.sh", ("libapache2-mod-oauth2", "apache2"), _LIFE, within="C"
    ),
    "mod_auth_openidc": Product(
        "mod_auth_openidc.sh", ("libapache2-mod-auth-openidc", "apache2"), ("--tls",), within="C"
    ),
    "RabbitMQ": Product(
        "rabbitmq.sh",
        ("rabbitmq-server",),
        ("--tls", "--wait", "60", "--claim", f"scope={_RABBIT}.tag:management {_RABBIT}.read:*/*"),
        path="api/whoami",
        within="Erlang",
    ),
}
"""Every product by name."""
