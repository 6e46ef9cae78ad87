"""Django Ninja: `gunicorn ninja_app:app`. The settings stand here, so that it is one file."""

from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["ninja", "rightkey.integrations.django"],
    RIGHTKEY_ISSUER="tenant.eu.auth0.com",
    RIGHTKEY_AUDIENCE="https://api.example.com",
)
django.setup()

from ninja import NinjaAPI  # noqa: E402 - it reads the settings

from rightkey.integrations.ninja import RightKey, public, require  # noqa: E402

api = NinjaAPI(auth=RightKey())


@api.get("/me")
def me(request: HttpRequest) -> dict[str, Any]:
    return {"subject": request.auth.subject}


@api.get("/appointments")
@require("read:appointments")
def read(request: HttpRequest) -> dict[str, Any]:
    return {"subject": request.auth.subject}


@api.get("/health")
@public
def health(request: HttpRequest) -> None: ...


urlpatterns = [path("", api.urls)]
app = get_wsgi_application()
