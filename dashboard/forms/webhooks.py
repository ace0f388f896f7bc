"""Where the team's notices go besides the product itself."""

from __future__ import annotations

from urllib.parse import urlsplit

from django import forms

from dashboard.forms.texts import code_input

SHORTEST_SECRET = 16


class WebhookForm(forms.Form):
    """An address and the secret that signs what is posted there; it is never shown again."""

    use_required_attribute = False

    name = forms.CharField(
        max_length=64,
        widget=forms.TextInput({"placeholder": "Chat", "autocomplete": "off"}),
        error_messages={"required": "Give it a name."},
        help_text="Saving another one of this name takes its place.",
    )
    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=code_input("https://chat.example.org/hooks/…"),
        error_messages={"required": "Write its address."},
    )
    secret = forms.CharField(
        max_length=1024,
        min_length=SHORTEST_SECRET,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        error_messages={
            "required": "Write the secret.",
            "min_length": f"Write at least {SHORTEST_SECRET} characters.",
        },
        help_text="What is posted is signed with it. Kept encrypted; shown to nobody again.",
    )

    def clean_url(self) -> str:
        """Return the address, which is http or https and holds no password."""
        text: str = self.cleaned_data["url"].strip()
        if not _is_sound(text):
            raise forms.ValidationError("Write an address that begins with http:// or https://.")
        if "@" in urlsplit(text).netloc:
            message = "Leave user name and password out; the signature says who posts."
            raise forms.ValidationError(message)
        return text


def _is_sound(text: str) -> bool:
    if not text.isascii() or any(each <= " " for each in text):
        return False
    try:
        parts = urlsplit(text)
        # Reading it is what finds a port that is none.
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
