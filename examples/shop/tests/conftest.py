from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import User
from catalog.models import Category, Product


@pytest.fixture(autouse=True)
def _cheap_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def user(db) -> User:
    return User.objects.create_user("ada", "ada@example.com", "a long passphrase")


@pytest.fixture
def shopper(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


@pytest.fixture
def make_product(db) -> Callable[..., Product]:
    def make(name: str = "Tea", **fields) -> Product:
        category, _ = Category.objects.get_or_create(name=fields.pop("category", "Drinks"))
        fields = {"price": Decimal("4.50"), "stock": 10, "slug": name.lower()} | fields
        return Product.objects.create(name=name, category=category, **fields)

    return make


@pytest.fixture
def tea(make_product) -> Product:
    return make_product("Tea")
