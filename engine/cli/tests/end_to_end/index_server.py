"""A package index with one package, over TLS. Files come from a second port. Arguments: certificate, key, user:password or -.

Prints both ports, then each request's path and whether it had the right login."""

import base64, hashlib, io, ssl, sys, threading, zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

certificate, key, login = sys.argv[1:]
wheel = io.BytesIO()
with zipfile.ZipFile(wheel, "w") as archive:
    archive.writestr("sample_package.py", "ANSWER = 42\n")
    archive.writestr("sample_package-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: sample-package\nVersion: 1.0\n")
    archive.writestr("sample_package-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    archive.writestr("sample_package-1.0.dist-info/RECORD", "")
wheel = wheel.getvalue()
digest = hashlib.sha256(wheel).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        expected = "Basic " + base64.b64encode(login.encode()).decode()
        authorised = login == "-" or self.headers.get("authorization") == expected
        is_file = self.server is files
        print(self.path, "authorised" if authorised else "refused", flush=True)
        if not authorised and not is_file:
            self.send_response(401)
            self.send_header("www-authenticate", 'Basic realm="index"')
            self.end_headers()
        elif is_file:
            self.answer(wheel)
        elif self.path == "/simple/":
            self.answer(b'<a href="sample-package/">sample-package</a>')
        elif self.path == "/simple/sample-package/":
            name = "sample_package-1.0-py3-none-any.whl"
            link = f'<a href="https://localhost:{files.server_port}/{name}#sha256={digest}">{name}</a>'
            self.answer(link.encode())
        else:
            self.send_error(404)

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made


files, index = server(), server()
print(index.server_port, files.server_port, flush=True)
sys.stdin.read()
