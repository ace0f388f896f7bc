"""
Layers: from the bytes of a changeset to files on disk, and back to a list of changes.

A layer is applied alone, to an empty directory, in the form that overlayfs reads: a whiteout is a
character device 0/0, an opaque directory carries `trusted.overlay.opaque`. So layers of one image
can be applied in any order and at once. What only the layers below can tell (the mode of a
directory that the tar implies, the target of a hard link that lies further down) is left open and
settled once the layer has its place in the stack (`settle`).

The tar is read by a child process that has the target as its root. Nothing in a tar is trusted.
"""
