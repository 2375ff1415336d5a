from django import forms

MAX_PER_PRODUCT = 99


class AddToCartForm(forms.Form):
    quantity = forms.IntegerField(min_value=1, max_value=MAX_PER_PRODUCT, initial=1)
