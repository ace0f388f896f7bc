"""
The host's own administration: what `./shipshape` does beyond making its environment.

Every module here works before the dashboard's database, Redis or settings exist, so none of them
imports Django. Decisions are pure functions over probed facts; the few functions that act say what
is true afterwards and may be called again at any time.
"""
