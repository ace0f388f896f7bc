"""
The Docker Engine API over the engine's façade, so that docker's clients work unchanged.

One module of routes for each noun; `shapes_*` turn records into docker's JSON and back, purely;
`streams` and `hijack` carry what does not fit into one answer. Handlers run in the event loop and
call the engine in threads (`pools`): quick questions have threads of their own, so that no pull,
build or follower makes `docker ps` wait. Every refusal is told in docker's words (`refusals`).
"""
