# SPDX-License-Identifier: Apache-2.0
"""The stand-in kubelet as a child process: commands in, events out."""

import json
import os
import pathlib
import queue
import subprocess
import threading
import time

BUILD = pathlib.Path(os.environ.get("ROTA_BUILD", "build"))
# Only a guard against hangs: a busy machine under sanitizers is slow.
PATIENCE_SECONDS = 60


class SimKubelet:
    """Answers and events are queues of their own: what a command brings about is told before it is
    answered. wait() goes forward through the events and does not come back to an earlier one."""

    def __init__(self, directory, *options, env=None, prefix=()):
        command = [*prefix, str(BUILD / "sim" / "kubelet"), "--device-plugins", str(directory),
                   *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=env)
        self.queues = {"answer": queue.Queue(), "event": queue.Queue()}
        self.seen = []
        self.asked = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            self.wait("ready")
        except AssertionError:
            self.process.kill()
            self.close()
            raise

    def _read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.queues["answer" if event["event"] == "answer" else "event"].put(event)
        for events in self.queues.values():
            events.put(None)

    def wait(self, kind, /, **fields):
        """The next event of this kind whose fields are as given."""
        events = self.queues["answer" if kind == "answer" else "event"]
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                event = events.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                event = None
            if event is None:
                raise AssertionError(f"no {kind} {fields} came, but {self.seen[-8:]}")
            self.seen.append(event)
            if event["event"] == kind and all(event.get(k) == v for k, v in fields.items()):
                return event

    def send(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def ask(self, command, **fields):
        """The answer to a command, also one that is refused."""
        self.asked += 1
        request = {"command": command, "id": self.asked, **fields}
        self.send(json.dumps(request).encode() + b"\n")
        return self.wait("answer", id=self.asked)

    def do(self, command, **fields):
        answer = self.ask(command, **fields)
        if not answer["ok"]:
            raise AssertionError(f"{command}: {answer['error']}")
        return answer

    def state(self):
        return self.do("state")

    def pod(self, name):
        return next(pod for pod in self.state()["pods"] if pod["name"] == name)

    def create(self, name, command, **fields):
        words = command if isinstance(command, list) else ["sh", "-c", command]
        return self.do("create", pod={"name": name, "command": words, **fields})

    def until(self, condition, what):
        """Ask for the state until it is as wanted; the state that was."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            state = self.state()
            if condition(state):
                return state
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come true: {state}")
            time.sleep(0.02)

    def log(self, name, text):
        """Wait until the log of a pod has the text."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            log = self.do("logs", name=name)["log"]
            if text in log:
                return log
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} is not in {log!r}")
            time.sleep(0.02)

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(PATIENCE_SECONDS)
        self.reader.join(PATIENCE_SECONDS)
        self.process.stdout.close()
        return code
