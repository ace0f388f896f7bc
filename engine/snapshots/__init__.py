"""
Snapshots: the file systems of images and containers, as layers that stand on one another.

`snapshotter` is the port, with the life of a snapshot in words. `overlay` keeps one directory for
each layer and lets the kernel stack them; `native` copies, where the kernel cannot. Both keep their
records through `store`, so that a record and a directory never disagree for longer than a crash.
"""
