"""The internet: what a phone asks for to see whether it is online, and a page that proves it got through.

The same on port 443, without TLS: a gate that only looks after port 80 would be found out there.
"""
import http.server
import itertools
import threading

SUCCESS = b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
count = itertools.count(1)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = SUCCESS if self.path == "/hotspot-detect.html" else b"internet %d\n" % next(count)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


threading.Thread(target=Server(("", 443), Handler).serve_forever).start()
Server(("", 80), Handler).serve_forever()
