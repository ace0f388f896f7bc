"""
Images: records of what is here, under which names, and how that came about.

`images` is what the engine offers: pull, tag, remove, history, the starter image. Records and tags
are kept by `store`; content and layers by the layers below. An image is never changed: a tag moves,
a record is added or goes, and each of these is written down in the transaction that does it.
"""
