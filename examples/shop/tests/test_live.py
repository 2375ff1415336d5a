"""Over a real socket: what the test client does not go through."""

import json
from urllib.request import urlopen

import pytest


@pytest.mark.django_db(transaction=True)
def test_the_site_and_its_styles_are_served(live_server):
    with urlopen(f"{live_server.url}/") as page:
        assert '<link rel="stylesheet" href="/static/shop/shop.css">' in page.read().decode()
    with urlopen(f"{live_server.url}/static/shop/shop.css") as styles:
        assert styles.headers["Content-Type"].startswith("text/css")


@pytest.mark.django_db(transaction=True)
def test_the_health_check_answers(live_server):
    with urlopen(f"{live_server.url}/healthz") as answer:
        assert json.load(answer) == {"status": "ok", "release": "development"}
