"""
Checking an engine root: everything on the disk against what the records say, and putting it right.

`checker` goes through the blobs, the layers with every file of theirs, the records of images, the
containers and the volumes, each a module that yields what it finds together with the way to repair
it. Nothing here trusts anything but a digest: a blob is read, a layer's files are compared with the
index that was written when its verified bytes were applied.

It runs beside everything else. What is being pulled is leased and left alone; what goes while it is
looked at is no damage.
"""
