from typing import Any

from django.views.generic import DetailView, ListView

from catalog.models import Category, Product, ProductQuerySet


class ProductListView(ListView):
    paginate_by = 12

    def get_queryset(self) -> ProductQuerySet:
        products = Product.objects.for_sale().select_related("category")
        if category := self.request.GET.get("category"):
            products = products.filter(category__name=category)
        return products.search(self.request.GET.get("q", ""))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            categories=Category.objects.all(), words=self.request.GET.get("q", ""), **kwargs
        )


class ProductDetailView(DetailView):
    queryset = Product.objects.filter(is_active=True).select_related("category")
