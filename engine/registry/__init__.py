"""
The registry protocol (distribution-spec, "pull"), from a reference to verified bytes.

`urls` says where things lie, `auth` holds the conversation about credentials without touching a
socket, `transport` is the only module that knows the HTTP library, and `client` puts the three
together with retries and resumption. What comes from a registry is bounded and verified here; what
it gets from us is no more than the credentials meant for it.
"""
