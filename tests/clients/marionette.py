"""The Marionette protocol, by which Mozilla's programs are driven: JSON over TCP, each packet with its length before it.

    with Marionette(port) as program:
        program.script("return Services.appinfo.version;")
        program.wait_for("…the body of an async function whose value is returned…")
"""

import base64
import json
import socket
import time

PATIENCE = 120  # seconds, for what takes one or two


class Refused(Exception):
    """The program answered a command with an error."""


class Marionette:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE + 30)
        self.buffer, self.count = b"", 0
        hello = self.packet()
        if hello.get("marionetteProtocol") != 3:
            raise AssertionError(f"not Marionette 3: {hello}")
        self.ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": True}}})
        self.ask("Marionette:SetContext", {"value": "chrome"})
        self.ask("WebDriver:SetTimeouts", {"script": PATIENCE * 1000})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def packet(self):
        while b":" not in self.buffer:
            self.more()
        size, self.buffer = self.buffer.split(b":", 1)
        while len(self.buffer) < int(size):
            self.more()
        text, self.buffer = self.buffer[: int(size)], self.buffer[int(size):]
        return json.loads(text)

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise AssertionError("the program is gone")
        self.buffer += piece

    def ask(self, command, parameters=None):
        self.count += 1
        packet = json.dumps([0, self.count, command, parameters or {}]).encode()
        self.socket.sendall(str(len(packet)).encode() + b":" + packet)
        while True:
            answer = self.packet()
            if answer[1] == self.count:
                break
        if answer[2]:
            raise Refused(f"{command}: {answer[2].get('error')}: {answer[2].get('message')}")
        return answer[3]

    def script(self, body, *arguments):
        """The value of an async function's body, run in the program's own window; `arguments` are its arguments."""
        text = ("const done = arguments[arguments.length - 1]; const given = Array.from(arguments).slice(0, -1);"
                "(async (...args) => {" + body + "})(...given).then(value => done({ value }), "
                "why => done({ error: `${why} ${why?.stack}` }));")
        answer = self.ask("WebDriver:ExecuteAsyncScript", {"script": text, "args": list(arguments), "newSandbox": True})["value"]
        if "error" in answer:
            raise Refused(answer["error"])
        return answer.get("value")

    def wait_for(self, body, *arguments):
        """Asks again until the value is true."""
        deadline = time.monotonic() + PATIENCE
        while not (value := self.script(body, *arguments)):
            if time.monotonic() > deadline:
                raise AssertionError(f"never became true: {body}")
            time.sleep(0.1)
        return value

    def screenshot(self, file):
        file.write_bytes(base64.b64decode(self.ask("WebDriver:TakeScreenshot", {"full": False})["value"]))

    def quit(self):
        self.ask("Marionette:Quit", {"flags": ["eForceQuit"]})
