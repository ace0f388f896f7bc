"""Signing in, in the words of the product's other forms."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm


class SignInForm(LoginForm):  # type: ignore[misc]
    """The library's form, whose fields say what this product calls them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Name or e-mail"
        for name in ("login", "password"):
            self.fields[name].widget.attrs.pop("placeholder", None)
