"""A door in front of a tracking server that asks who one is: `gate.py URI AUTHORIZATION [FILE]`, for as long as standard input is open.

Prints its own URI. Whoever sends another `Authorization` than the one named is answered 401. The file gets a line for each
call that is let through: its method and its path.
"""

import http.client
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

behind, authorization = urlsplit(sys.argv[1]).netloc, sys.argv[2]
calls = open(sys.argv[3], "a", buffering=1, encoding="utf-8") if len(sys.argv) > 3 else None  # noqa: SIM115
HOP = {"connection", "transfer-encoding", "content-length", "host", "authorization", "keep-alive"}


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, status, headers, content):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def forward(self):
        content = self.body()
        if self.headers.get("Authorization") != authorization:
            return self.answer(401, [], b"You are not authenticated.")
        if calls is not None:
            calls.write(f"{self.command} {self.path}\n")
        server = http.client.HTTPConnection(behind, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            server.request(self.command, self.path, content, headers)
            reply = server.getresponse()
            self.answer(reply.status, reply.getheaders(), reply.read())
        except (OSError, http.client.HTTPException):
            # As if nobody stood at the door: what is behind it is gone.
            self.close_connection = True
            self.connection.close()
        finally:
            server.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = forward

    def log_message(self, *_):
        pass


class Hall(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that went away is no news."""


door = Hall(("127.0.0.1", 0), Door)
threading.Thread(target=door.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{door.server_address[1]}", flush=True)
sys.stdin.read()
os._exit(0)
