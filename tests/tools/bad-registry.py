#!/usr/bin/env python3
"""A registry that misbehaves: bad-registry.py LAYOUT MODE prints its port, then serves the OCI layout
LAYOUT as "box:latest". MODE:

  good        nothing is wrong
  cut         the first request for each blob breaks off halfway; Range is understood
  cut-norange the same, but Range is ignored
  long        blobs are longer than the manifest says
  short       Content-Length promises more than comes
  other       blobs have another content
  digest      the manifest has another content than its digest
  file        blobs redirect to file:///etc/passwd
  local       blobs redirect to http://127.0.0.1:PORT2/secret, where PORT2 notes who came
  endless     a manifest without an end
  stall       blobs stop after a few bytes and stay silent
  pause       large blobs stop halfway until there is a file "go"
  busy        503 twice, then fine
  realm       401 whose realm is file:///etc/passwd
  html        a page where a manifest should be
  loop        an index that points at itself
"""
import http.server, json, os, re, sys, threading, time

layout, mode = sys.argv[1], sys.argv[2]
seen = {}
lock = threading.Lock()


def blob(digest):
    with open(os.path.join(layout, "blobs", "sha256", digest.split(":")[1]), "rb") as f:
        return f.read()


index = json.load(open(os.path.join(layout, "index.json")))
top = index["manifests"][0]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        sys.stderr.write("%s %s %s\n" % (self.command, self.path, self.headers.get("Range", "-")))
        sys.stderr.flush()

    def answer(self, status, body=b"", headers=None, length=None):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def count(self):
        with lock:
            seen[self.path] = seen.get(self.path, 0) + 1
            return seen[self.path]

    def manifest(self, reference):
        kind = top["mediaType"]
        body = blob(reference if reference.startswith("sha256:") else top["digest"])
        if mode == "endless":
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.close_connection = True
            while True:
                self.wfile.write(b" " * 65536)
        if mode == "html":
            return self.answer(200, b"<html>log in</html>", {"Content-Type": "text/html"})
        if mode == "loop":
            body = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                               "manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json",
                                              "size": 1, "digest": top["digest"]}]}).encode()
            kind = "application/vnd.oci.image.index.v1+json"
        if mode == "digest" and reference.startswith("sha256:"):
            body = body.replace(b"{", b"{ ", 1)
        self.answer(200, body, {"Content-Type": kind})

    def blob(self, digest):
        n, body, start = self.count(), blob(digest), 0
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if mode == "file":
            return self.answer(307, b"", {"Location": "file:///etc/passwd"})
        if mode == "local":
            return self.answer(307, b"", {"Location": "http://127.0.0.1:%d/secret" % second.server_port})
        if mode == "busy" and n <= 2:
            return self.answer(503, b"", {"Retry-After": "1"} if n == 1 else {})
        if mode == "other":
            body = b"x" * len(body)
        if mode == "long":
            body += b"more" * 1000
        if wanted and mode not in ("cut-norange", "other", "long"):
            start = int(wanted.group(1))
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body)))
        else:
            self.send_response(200)
        part = body[start:]
        self.send_header("Content-Length", str(len(part) + (1000 if mode == "short" else 0)))
        self.end_headers()
        if mode.startswith("cut") and n == 1:
            part = part[: len(part) // 2]
        if mode == "stall":
            part = part[:10]
        if mode == "pause" and len(part) > 100000:
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            part = part[len(part) // 2 :]
            for _ in range(600):
                if not os.path.exists("go"):
                    time.sleep(0.1)
        self.wfile.write(part)
        if mode == "stall":
            self.wfile.flush()
            time.sleep(60)
        if mode in ("short", "stall") or (mode.startswith("cut") and n == 1):
            self.close_connection = True

    def do_GET(self):
        if mode == "realm":
            return self.answer(401, b"", {"WWW-Authenticate": 'Bearer realm="file:///etc/passwd"'})
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        m = re.match(r"/v2/box/(manifests|blobs)/([^/]+)$", self.path)
        if m is None:
            return self.answer(404, b'{"errors":[{"message":"no such thing"}]}')
        try:
            (self.manifest if m.group(1) == "manifests" else self.blob)(m.group(2))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET


class Second(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sys.stderr.write("SECOND %s\n" % self.path)
        sys.stderr.flush()
        self.send_response(200)
        self.end_headers()


# A registry "somewhere else" is reached by a name that is not loopback's: it listens everywhere.
server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler)
second = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Second)
threading.Thread(target=second.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
server.serve_forever()
