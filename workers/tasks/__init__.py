"""
The tasks, one for each job name, and a few of the team's own.

A body is given its `Work`, makes the engine do one thing, projects what that changed, so that pages
show it at once, and returns the outcome in words. All the rest is in `workers.outcome`.
"""
