"""A service behind nginx and the gateway, for `rightkey drill`: front.py FOLDER LIFE PORT GATEWAY PLAIN

The last three are free ports. The issuer is that of the environment. It ends with the first of its processes,
or by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rightkey.gateway import snippets

CONFIGURATION = """
proxy = "nginx"
listen = "127.0.0.1:{gateway}"
plain = "127.0.0.1:{plain}"
workers = 1
freshness = {{min_life = {life}, max_life = {life}}}

[[issuer]]
issuer = "{issuer}"
audience = "{audience}"

[[route]]
path = "/*"
"""
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr; user root;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/nginx.conf;
}}
"""


class Told(BaseHTTPRequestHandler):
    """A service that verifies nothing: what reaches it has passed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *words: object) -> None:
        pass


def main(folder: Path, life: str, port: int, gateway: int, plain: int) -> None:
    service = ThreadingHTTPServer(("127.0.0.1", 0), Told)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    ports = {"gateway": gateway, "plain": plain}
    environ = {"issuer": os.environ["RIGHTKEY_ISSUER"], "audience": os.environ["RIGHTKEY_AUDIENCE"]}
    (folder / "gateway.toml").write_text(CONFIGURATION.format(life=life, **ports, **environ))
    text = snippets.of("nginx")["nginx.conf"].replace("listen 8080", f"listen 127.0.0.1:{port}")
    text = text.replace(":9090", f":{gateway}").replace(":8000", f":{service.server_port}")
    (folder / "nginx.conf").write_text(text)
    (folder / "nginx.main").write_text(NGINX.format(folder=folder))
    command = [sys.executable, "-m", "rightkey", "gateway", "--config", str(folder / "gateway.toml")]
    started = [subprocess.Popen(command)]
    while not listens(plain):
        time.sleep(0.02)
    started.append(subprocess.Popen(["/usr/sbin/nginx", "-c", str(folder / "nginx.main")]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while all(process.poll() is None for process in started):
            time.sleep(0.05)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)


def listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
