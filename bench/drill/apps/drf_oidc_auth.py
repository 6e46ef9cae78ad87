"""drf-oidc-auth on Django REST framework, with Django's own server."""

import sys

import django
from django.conf import settings

port, _jwks_uri, issuer, audience = sys.argv[1:]
settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "oidc_auth"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["oidc_auth.authentication.JSONWebTokenAuthentication"]
    },
    OIDC_AUTH={
        "OIDC_ENDPOINT": issuer.rstrip("/"),
        "OIDC_CLAIMS_OPTIONS": {
            "aud": {"values": [audience], "essential": True},
            "iss": {"values": [issuer], "essential": True},
        },
        "OIDC_JWKS_EXPIRATION_TIME": 2,
        "OIDC_RESOLVE_USER_FUNCTION": f"{__name__}.user",
    },
)
django.setup()

from django.contrib.auth.models import User  # after set-up
from django.core.management import execute_from_command_line
from django.urls import path
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response


def user(_request, token):
    return User(username=token["sub"])


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def me(_request):
    return Response("welcome")


urlpatterns = [path("me", me)]

if __name__ == "__main__":
    execute_from_command_line(["manage.py", "runserver", "--noreload", "--skip-checks", f"127.0.0.1:{port}"])
