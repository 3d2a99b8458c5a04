"""The WSGI application that gunicorn serves: Django, and in front of it the way for what players fetch most."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

django = get_wsgi_application()

from project.express import Express  # noqa: E402  (it needs the settings and the apps)

application = Express(django)
