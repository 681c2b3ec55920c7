"""Stands in for Twisted and Cowrie: what both read and open, and no more."""
import configparser
import os
import selectors
import socket
import sys

from cowrie.output import honeybee  # from src, by PYTHONPATH

if sys.argv[1:] != ["--log-format=text", "cowrie"]:
    sys.exit("twist takes no %r" % sys.argv[1:])
if not os.path.realpath(sys.prefix).startswith(os.getcwd()):
    sys.exit("not in the pot's own environment: " + sys.prefix)
config = configparser.ConfigParser(interpolation=configparser.ExtendedInterpolation())
config.read(["etc/cowrie.cfg.dist", "etc/cowrie.cfg"])
for key in "log_path", "state_path", "download_path", "ttylog_path":
    with open(os.path.join(config["honeypot"][key], "proof"), "w"):
        pass
output = honeybee.Output(config["output_honeybee"]) if config.getboolean("output_honeybee", "enabled") else None
banners = {"ssh": config["ssh"]["version"], "telnet": config["honeypot"]["hostname"] + " login:"}
doors = selectors.DefaultSelector()
for protocol in banners:
    if config.getboolean(protocol, "enabled"):
        kind, port, interface = config[protocol]["listen_endpoints"].split(":")
        assert kind == "tcp"
        doors.register(socket.create_server((interface.removeprefix("interface="), int(port))), selectors.EVENT_READ, protocol)
print("Ready to accept", flush=True)
while True:
    for door, _ in doors.select():
        caller, (host, port) = door.fileobj.accept()
        with caller:
            caller.sendall(banners[door.data].encode() + b"\r\n")
        output.write({"eventid": "cowrie.session.connect", "src_ip": host, "src_port": port, "protocol": door.data})
