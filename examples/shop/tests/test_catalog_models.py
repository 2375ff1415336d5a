from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import ProtectedError

from catalog.models import Category, Product


def test_only_active_products_in_stock_are_for_sale(make_product):
    tea = make_product("Tea")
    sold_out = make_product("Coffee", stock=0)
    retired = make_product("Cocoa", is_active=False)
    assert list(Product.objects.for_sale()) == [tea]
    assert [p.is_for_sale for p in (tea, sold_out, retired)] == [True, False, False]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", ["Cup", "Green tea"]),
        ("TEA", ["Cup", "Green tea"]),
        ("tea leaves", ["Green tea"]),
        ("milk", []),
    ],
)
def test_search_wants_every_word_somewhere(make_product, words, found):
    make_product("Green tea", slug="green-tea", description="Whole leaves")
    make_product("Cup", description="For tea")
    assert [product.name for product in Product.objects.search(words)] == found


def test_products_come_by_name(make_product):
    make_product("Tea")
    make_product("Coffee")
    assert [str(product) for product in Product.objects.all()] == ["Coffee", "Tea"]


def test_the_address_is_made_of_the_slug(tea):
    assert tea.get_absolute_url() == "/products/tea/"


def test_a_category_with_products_stays(tea):
    with pytest.raises(ProtectedError):
        tea.category.delete()


@pytest.mark.django_db
def test_a_category_is_named_once():
    Category.objects.create(name="Drinks")
    with pytest.raises(IntegrityError):
        Category.objects.create(name="Drinks")


def test_a_slug_is_used_once(tea, make_product):
    with pytest.raises(IntegrityError):
        make_product("Other tea", slug=tea.slug)


def test_the_database_refuses_a_negative_price(tea):
    with pytest.raises(IntegrityError, match="product_price_not_negative"):
        Product.objects.filter(pk=tea.pk).update(price=Decimal("-0.01"))


def test_the_form_validation_refuses_a_negative_price(tea):
    tea.price = Decimal("-1")
    with pytest.raises(ValidationError) as caught:
        tea.full_clean()
    assert "price" in caught.value.message_dict


def test_the_database_refuses_a_negative_stock(tea):
    with pytest.raises(IntegrityError):
        Product.objects.filter(pk=tea.pk).update(stock=-1)
