import pytest
from django.db import IntegrityError

from accounts.forms import SignUpForm
from accounts.models import Address, User

ANSWERS = {
    "username": "grace",
    "email": "Grace@Example.com",
    "password1": "correct horse battery",
    "password2": "correct horse battery",
}


@pytest.mark.django_db
def test_signing_up_logs_in(client):
    response = client.post("/accounts/signup/", ANSWERS)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(User.objects.get(username="grace").pk)


@pytest.mark.django_db
def test_addresses_are_kept_in_lower_case():
    form = SignUpForm(ANSWERS)
    assert form.is_valid(), form.errors
    assert form.save().email == "grace@example.com"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "not an address"}, "email"),
        ({"password2": "something else"}, "password2"),
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
        ({"username": "ada"}, "username"),
    ],
)
def test_wrong_answers_are_named(user, change, field):
    assert field in SignUpForm(ANSWERS | change).errors


def test_an_address_registers_once_whatever_its_case(user):
    form = SignUpForm(ANSWERS | {"email": "ADA@example.com"})
    assert "Somebody has registered with this address already." in str(form.errors)


def test_the_database_refuses_the_same_address_twice(user):
    with pytest.raises(IntegrityError):
        User.objects.create_user("ada2", "Ada@Example.com")


@pytest.mark.django_db
def test_accounts_without_an_address_may_be_many():
    User.objects.create_user("cron")
    User.objects.create_user("backup")
    assert User.objects.filter(email="").count() == 2


def test_logging_in_and_out(client, user):
    answers = {"username": "ada", "password": "a long passphrase"}
    assert client.post("/accounts/login/", answers)["Location"] == "/orders/"
    assert "Log out" in client.get("/").content.decode()
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert "Log in" in client.get("/").content.decode()


@pytest.mark.parametrize("country", ["de", "DEU", "D1", ""])
def test_the_database_wants_country_codes(user, country):
    with pytest.raises(IntegrityError, match="address_country_is_two_capitals"):
        Address.objects.create(user=user, street="Weg 1", city="Ulm", country=country)


def test_an_address_reads_like_one(user):
    address = Address.objects.create(
        user=user, street="Weg 1", postcode="89073", city="Ulm", country="DE"
    )
    assert str(address) == "Weg 1, 89073 Ulm, DE"
