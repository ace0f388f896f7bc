"""
The container engine: a synchronous library over a directory.

It knows nothing of Django, Celery, Redis or Channels. `engine.engine.Engine` is its one public
entrance; every process on a host may open the same root at the same time and may be killed at any
instant: the next call finds a state that is valid, or repairs it.
"""
