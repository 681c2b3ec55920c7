"""A small SMTP honeypot: it takes AUTH LOGIN and tells the node who tried."""
import base64
import json
import os
import socketserver
import socket

NODE = ("127.0.0.1", int(os.environ["HONEYBEE_EVENT_PORT"]))


def tell(**event):
    event.update(
        honeybee_honeypot_id=os.environ["HONEYBEE_POT_ID"],
        honeybee_honeypot_type=os.environ["HONEYBEE_HONEYPOT_TYPE"],
    )
    with socket.create_connection(NODE) as node:
        node.sendall(json.dumps(event).encode() + b"\n")


class Mail(socketserver.StreamRequestHandler):
    def ask(self, answer):
        self.wfile.write(answer + b"\r\n")
        return self.rfile.readline(512).strip()

    def handle(self):
        line = self.ask(b"220 " + os.environ.get("HONEYBEE_HOSTNAME", "mail").encode() + b" ESMTP")
        while line and line.upper() != b"QUIT":
            if line.upper() != b"AUTH LOGIN":
                line = self.ask(b"250 OK")
                continue
            user = base64.b64decode(self.ask(b"334 VXNlcm5hbWU6")).decode("utf-8", "replace")
            word = base64.b64decode(self.ask(b"334 UGFzc3dvcmQ6")).decode("utf-8", "replace")
            print("login", user, flush=True)
            tell(eventid="pymail.login.failed", src_ip=self.client_address[0], src_port=self.client_address[1],
                 username=user, password=word)
            line = self.ask(b"535 no")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("0.0.0.0", int(os.environ["HONEYBEE_SMTP_PORT"])), Mail) as server:
    print("listening", flush=True)
    server.serve_forever()
