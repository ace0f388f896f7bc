"""Commands of `./shipshape manage`."""
