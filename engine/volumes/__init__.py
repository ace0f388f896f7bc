"""
Volumes: directories that outlive containers, under `<root>/volumes/<name>/_data`.

A record says that a volume is there, or in the trash, where its directory is
`<root>/trash/kept-<ID>`; a directory without one is garbage, renamed away by whoever sweeps. *Uses*
say which containers have a volume, running or not, and are recorded together with the volume where
it is made for a container, so that no clean-up takes it in between. Making, moving and removing one
volume excludes each other by a lock on its name.
"""
