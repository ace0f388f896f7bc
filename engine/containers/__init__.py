"""
The life of containers: from settings to a record, a bundle, a process and an exit status.

A container is a record in the engine's database, an active snapshot under the container's ID as
key, a directory `<root>/containers/<id>` with its bundle and log, and, while it runs, a monitor
(conmon) with the container's processes below it. The monitor holds stdio, writes the log and leaves
an exit file in `<run>/exits`; nobody of ours has to be there when that happens. Whoever looks next
*settles* the exit: the record becomes `exited`, mount and cgroup go.

`state` says which transitions there are. Each is one transaction plus effects that may be repeated;
`<root>/containers/<id>` is made before anything else and goes last, so whatever a killed process
left behind has a name that `reconcile` finds. Everything that changes one container holds its lock.

Nothing inside an image is trusted: files of its root are opened inside that root, as bounded
regular files.
"""
