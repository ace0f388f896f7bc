"""The team dashboard: a projection of every host's engine, and the jobs people ask of it."""
