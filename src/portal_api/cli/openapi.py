"""`portal-api openapi`: the API description, which needs neither a database nor settings."""

import sys
from argparse import Namespace

from portal_api.core.config import Settings
from portal_api.main import create_app
from portal_api.web.openapi import openapi_document, render


def run(_arguments: Namespace) -> int:
    app = create_app(Settings.model_construct())
    sys.stdout.write(render(openapi_document(app)))
    return 0
