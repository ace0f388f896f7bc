"""
The registry protocol whole (distribution-spec), from a reference to verified bytes and back.

`urls` says where things lie and what may be spoken to; `auth`, `tokens` and `wallet` hold the
conversation about credentials without touching a socket; `transport` is the only module that knows
the HTTP library; `session` puts these together for one endpoint. `fetching`, `uploading` and
`listing` are what can be done there, and `client` is one person's work with one registry and its
mirrors. `connector` makes clients from what this host knows: `settings`, `certificates`,
`dockerconfig`. `registries` has the verbs that bring nothing here.

What comes from a registry is bounded and verified; what it gets from us is no more than the
credentials meant for it.
"""
