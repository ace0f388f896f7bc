"""
The only door to the kernel, to other programs and to SQLite.

Nothing here knows what an image or a container is. Every other package of the engine asks this one
when it wants a program run, a mount made, a lock held or a row written.
"""
