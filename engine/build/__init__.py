"""
Building images: from a Dockerfile and the files around it to an image.

`dockerfile` turns text into typed instructions and expands words; it touches no file and knows no
image. What is made of the instructions stands above it, one pass on the next.
"""
