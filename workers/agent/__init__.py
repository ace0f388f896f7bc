"""
The agent: what a host reports on its own.

One process beside the worker. It follows the engine's events into the projection, settles
containers that ended, samples what containers use, says that the host is alive, streams logs to
browsers, and looks for jobs that got lost. It owns nothing: killed at any line and started again it
reconciles the engine, projects everything, and goes on.

Each part is begun again, after a pause that grows, when it fails; none takes another down.
"""
