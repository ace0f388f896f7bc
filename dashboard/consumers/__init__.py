"""
Websockets: live updates and streams.

Every connection comes with a session and from one of our own pages (`origin`); who it belongs to
and what they may do is checked again while it is open (`identity`). A stream is opened by a one-use
ticket (`tickets`), sent as the first message and never in a URL.
"""
