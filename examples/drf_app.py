"""Django REST framework, in one file: `gunicorn --workers 2 drf_app:app`."""

from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    RIGHTKEY_ISSUER="tenant.eu.auth0.com",
    RIGHTKEY_AUDIENCE="https://api.example.com",
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rightkey.integrations.drf.RightKeyAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "EXCEPTION_HANDLER": "rightkey.integrations.drf.exception_handler",
        "UNAUTHENTICATED_USER": None,  # there is no django.contrib.auth here
    },
)

from django.core.wsgi import get_wsgi_application  # noqa: E402 - REST framework reads settings as it is loaded
from django.urls import path  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from rightkey.integrations.drf import Requires  # noqa: E402


class Me(APIView):
    def get(self, request: Request) -> Response:
        return Response({"subject": request.user.pk})


class Appointments(APIView):
    permission_classes = (Requires("read:appointments"),)

    def get(self, request: Request) -> Response:
        return Response({"subject": request.user.pk})


urlpatterns = [path("me", Me.as_view()), path("appointments", Appointments.as_view())]
app = get_wsgi_application()
