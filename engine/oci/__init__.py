"""
The OCI specifications as frozen values: no file, socket or program is touched here.

Text and bytes from outside become values through `parse_*` functions that raise a leaf of
`InvalidInput`; values become bytes through `render_*`. The dashboard may import this package.
"""
