"""Between wire and use-case: who asks, parsing, problems, pages, sockets. Knows no room: `app.py` hands them in."""
