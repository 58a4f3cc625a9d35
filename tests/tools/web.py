#!/usr/bin/env python3
"""A web server for import: web.py FOLDER prints its port, then serves the files of FOLDER, and

  /once/FILE      breaks off halfway the first time
  /to/URL         redirects there
  /huge           says that it is a petabyte
  /stall          stops after a few bytes
"""
import http.server, os, sys, time

folder = sys.argv[1]
seen = set()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        sys.stderr.write("%s %s\n" % (self.command, self.path))
        sys.stderr.flush()

    def head(self, status, headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith("/to/"):
            return self.head(302, {"Location": path[4:], "Content-Length": "0"})
        if path == "/huge":
            self.head(200, {"Content-Length": str(1 << 50)})
            return self.wfile.write(b"x" * 65536)
        if path == "/stall":
            self.head(200, {"Content-Length": "1000"})
            self.wfile.write(b"x")
            return time.sleep(60)
        once = path.startswith("/once/")
        name = os.path.join(folder, os.path.basename(path))
        if not os.path.isfile(name):
            return self.head(404, {"Content-Length": "0"})
        with open(name, "rb") as f:
            body = f.read()
        self.head(200, {"Content-Length": str(len(body))})
        if once and path not in seen:
            seen.add(path)
            body = body[: len(body) // 2]
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
