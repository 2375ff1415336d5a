import pytest
from django.urls import reverse

LIST = "/"


def test_the_list_shows_what_is_for_sale(client, make_product):
    make_product("Tea")
    make_product("Coffee", stock=0)
    page = client.get(LIST).content.decode()
    assert "Tea" in page
    assert "Coffee" not in page


@pytest.mark.django_db
def test_an_empty_shop_says_so(client):
    assert "Nothing found." in client.get(LIST).content.decode()


def test_the_list_can_be_searched(client, make_product):
    make_product("Tea")
    make_product("Coffee")
    products = client.get(LIST, {"q": "cof"}).context["product_list"]
    assert [product.name for product in products] == ["Coffee"]


def test_the_list_can_be_limited_to_a_category(client, make_product):
    make_product("Tea")
    make_product("Cup", category="Dishes")
    products = client.get(LIST, {"category": "Dishes"}).context["product_list"]
    assert [product.name for product in products] == ["Cup"]


def test_the_pages_keep_the_search(client, make_product):
    for number in range(13):
        make_product(f"Tea {number}", slug=f"tea-{number}")
    first = client.get(LIST, {"q": "tea"})
    assert len(first.context["product_list"]) == 12
    assert "?q=tea&amp;page=2" in first.content.decode()
    assert len(client.get(LIST, {"q": "tea", "page": 2}).context["product_list"]) == 1


def test_the_list_costs_the_same_for_many_products(
    client, make_product, django_assert_max_num_queries
):
    for number in range(12):
        make_product(f"Tea {number}", slug=f"tea-{number}")
    with django_assert_max_num_queries(3):
        client.get(LIST)


def test_what_people_search_is_escaped(client, db):
    page = client.get(LIST, {"q": "<script>"}).content.decode()
    assert "<script>" not in page


def test_the_detail_page_offers_the_cart(client, tea):
    page = client.get(tea.get_absolute_url()).content.decode()
    assert reverse("orders:add", args=[tea.slug]) in page
    assert "€ 4.50" in page


def test_a_sold_out_product_can_be_seen_and_not_bought(client, make_product):
    page = client.get(make_product("Tea", stock=0).get_absolute_url()).content.decode()
    assert "Sold out." in page
    assert "Add to cart" not in page


def test_a_retired_product_is_gone(client, make_product):
    assert client.get(make_product("Tea", is_active=False).get_absolute_url()).status_code == 404
