from unittest.mock import patch

import pytest
from django.db import OperationalError, connection


@pytest.mark.django_db
def test_it_names_the_release(client, settings):
    settings.RELEASE = "42"
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "release": "42"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_it_fails_without_a_database(client, caplog):
    with patch.object(connection, "cursor", side_effect=OperationalError("gone")):
        response = client.get("/healthz")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    assert "the database does not answer" in caplog.text


def test_it_only_reads(client):
    assert client.post("/healthz").status_code == 405
