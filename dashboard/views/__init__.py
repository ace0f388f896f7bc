"""
The pages, one module per noun.

A view is a door: it reads what was asked, calls one selector or service, and shows what came back.
The same address serves the page and, to htmx, the page's main part (`answers`). What changes
something is a POST that files a job and answers at once.
"""
