"""
Commands in running containers, started without the runtime.

`runc exec` takes about 18 ms: two starts of a large program, and making a filter of system calls
that was made before. Here a small program that is running already, `program`, forks for each
command: a watcher, which holds the command's streams and takes its exit code as conmon does
(`watching`), and a process that enters the container and leaves a child there, which becomes the
command (`becoming`).
`spawner` starts that program and talks to it; an `Entry` says what a command is and where.
"""
