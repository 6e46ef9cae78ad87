"""Django, in one file: `gunicorn --workers 2 django_app:wsgi`, or `uvicorn django_app:asgi`."""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from rightkey.integrations.django import public, require

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["rightkey.integrations.django.RightKeyMiddleware"],
    RIGHTKEY_ISSUER="tenant.eu.auth0.com",
    RIGHTKEY_AUDIENCE="https://api.example.com",
)


async def me(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"subject": request.token.subject})


@method_decorator(require("read:appointments"), name="dispatch")
class Appointments(View):
    def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"subject": request.token.subject})


@public
def health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


urlpatterns = [path("me", me), path("appointments", Appointments.as_view()), path("health", health)]
wsgi, asgi = get_wsgi_application(), get_asgi_application()
