"""
Dockerfiles as text: three passes that touch nothing but their arguments.

`parser` cuts the text into instructions, each with its flags, its here-documents and its place in
the file. `instructions` gives each one a type and checks its form. `words` splits and expands the
words of an instruction, which is left to whoever knows the variables at that point. `effects` says
what the instructions that change no file do to an image's config: builds need that, and the
changes that commit and import take.

The reference is the Dockerfile reference of BuildKit. Whatever is wrong with a Dockerfile is a
`DockerfileError` that names line, column and source line.
"""
