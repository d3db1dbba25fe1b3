"""A proxy between the program and the coordinator, which does something at one of the messages."""

import contextlib
import socket
import threading


class Proxy:
    """Counts messages as the server acts on them: a statement, a part of a COPY and its end are each one."""

    def __init__(self, world):
        self.port, self.count, self.at, self.act = world.servers.ports["coordinator"], 0, None, None
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = world.address(self.listener.getsockname()[1])
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, at=None, act=None):
        """Counts from 0 again. Message number `at` is not passed on: `act` gets both ends of the connection and it."""
        with self.lock:
            self.count, self.at, self.act = 0, at, act

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                client.close()
                continue
            threading.Thread(target=self.back, args=(server, client), daemon=True).start()
            threading.Thread(target=self.forth, args=(client, server), daemon=True).start()

    @staticmethod
    def end(*ends):
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def back(self, server, client):
        with contextlib.suppress(OSError):
            while some := server.recv(1 << 16):
                client.sendall(some)
        self.end(server, client)

    def forth(self, client, server):
        with contextlib.suppress(OSError), client.makefile("rb") as told:
            while unit := self.unit(told):
                with self.lock:
                    self.count += 1
                    act = self.act if self.count == self.at else None
                if act:
                    act(client, server, unit)
                else:
                    server.sendall(unit)
        self.end(client, server)

    @staticmethod
    def unit(told):
        """The next bytes, up to and with a message that makes the server act."""
        unit = b""
        while head := told.read(1):
            # Before the login, messages have no kind: their first byte is the first of their length, a zero.
            size = head + told.read(3) if head == b"\0" else told.read(4)
            unit += (size if head == b"\0" else head + size) + told.read(int.from_bytes(size, "big") - 4)
            if head in b"\0QSdcfXp":
                return unit
        return unit
