"""Stands for systemd's journal: journal.py COMMAND ... runs it with stderr connected to the socket of a
journal, and prints what it writes there."""
import os
import socket
import subprocess
import sys

PATH = "/run/systemd/journal/stdout"
os.makedirs(os.path.dirname(PATH))
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(PATH)
listener.listen()
stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
stream.connect(PATH)
journal, _ = listener.accept()
child = subprocess.Popen(sys.argv[1:], stderr=stream)
stream.close()
while text := journal.recv(65536):
    sys.stdout.write(text.decode())
sys.exit(child.wait())
