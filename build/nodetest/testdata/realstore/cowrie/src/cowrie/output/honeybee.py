"""Stands in for the Potstore's output plugin: one lasting connection."""
import json
import socket


class Output:
    def __init__(self, config):
        host, port = config["address"].split(":")
        self.pot = config["honeypot_id"]
        self.node = socket.create_connection((host, int(port)), float(config["timeout"]))

    def write(self, event):
        event.update(honeybee_honeypot_id=self.pot, honeybee_honeypot_type="cowrie", honeybee_category="authentication")
        self.node.sendall(json.dumps(event).encode() + b"\n")
