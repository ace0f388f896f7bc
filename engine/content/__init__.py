"""
Verified bytes, by digest.

`store.Store` is the port and says what every content store promises; `local.LocalStore` keeps the
promises in a directory. A blob under its digest has exactly those bytes; what is half-done is an
*ingest*, which nobody sees and the next download of the same digest goes on from.
"""
