"""
Building images: from a Dockerfile and the files around it to an image.

The passes run one way. `engine.dockerfile` turns text into instructions. `stages` cuts them into
stages and says which a target needs; `scope` knows the variables of a stage; `plan` joins both with
the config of a stage's base and gives `steps`: frozen values that say all that a step depends on.
`cache` knows what a step gave before, by the identity of everything it depends on. `executor` does
what is left to do.

A step that fails leaves nothing but the results of the steps before it, which are cache.
"""
