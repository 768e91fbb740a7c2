"""Runs the functions of LocalStack as child processes, for machines without Docker.

LocalStack asks an executor for each environment of a function, and lets plugins bring their own. This
one starts the `bootstrap` of the zip behind the interface that Lambda offers to runtimes
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), hands it one event after the other,
and starts it anew when it has died. Time-outs are kept. Memory limits, VPCs and roles are not: these
are plain processes of this machine.

It needs no installation: `lab/cloud/up` puts this folder into PYTHONPATH, where the `.dist-info` beside
it tells LocalStack of it.
"""

import json
import queue
import subprocess
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

# A function that has not asked for its first event by then does not start. AWS gives it 10 s, but on
# machines of its own.
INIT_SECONDS = 60
# Lines of its log that are kept.
LOG_LINES = 1000


class ProcessExecutor(RuntimeExecutor):
    """One environment: a process, and the server that it asks for events."""

    def start(self, env_vars):
        self.env = {name: str(value) for name, value in env_vars.items()}
        self.timeout = int(self.function_version.config.timeout)
        self.process = None
        api = type("Api", (RuntimeApi,), {"executor": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), api)
        self.server.daemon_threads = True
        serve = {"poll_interval": 0.1}
        threading.Thread(target=self.server.serve_forever, kwargs=serve, daemon=True).start()
        self._spawn()

    def _spawn(self):
        """Starts the process, and waits until it asks for an event."""
        self.events, self.answers = queue.Queue(), queue.Queue()
        self.ready, self.why = threading.Event(), ""
        self.log = deque(maxlen=LOG_LINES)
        code = self.function_version.config.code.get_unzipped_code_location()
        api = f"127.0.0.1:{self.server.server_port}"
        self.process = subprocess.Popen(
            [f"{code}/bootstrap"],
            cwd=code,
            env=self.env | {"AWS_LAMBDA_RUNTIME_API": api, "LAMBDA_TASK_ROOT": str(code)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        reader = (self.process.stdout, self.log)
        threading.Thread(target=lambda out, log: log.extend(out), args=reader, daemon=True).start()
        end = time.monotonic() + INIT_SECONDS
        while not self.ready.wait(0.02):
            if self.process.poll() is not None or time.monotonic() > end:
                self._kill()
                raise RuntimeError(f"the function does not start: {self.why}\n{self.get_logs()}")

    def invoke(self, payload):
        if self.process.poll() is not None:
            self._spawn()
        invocation = payload["invoke-id"]
        end = time.monotonic() + self.timeout
        self.events.put((payload, time.time() + self.timeout))
        while True:
            try:
                answered, failed, body = self.answers.get(timeout=0.02)
            except queue.Empty:
                if self.process.poll() is not None:
                    said = f"Runtime exited with error: exit status {self.process.returncode}"
                    return self._broken(invocation, "Runtime.ExitError", said)
                if time.monotonic() > end:
                    self._kill()
                    said = f"Task timed out after {self.timeout:.2f} seconds"
                    return self._broken(invocation, "Sandbox.Timedout", said)
                continue
            # One that answers late answers to nobody.
            if answered == invocation:
                return InvocationResult(
                    invocation, body, is_error=failed, logs=self.get_logs()
                )

    def _broken(self, invocation, error, said):
        body = {"errorType": error, "errorMessage": f"RequestId: {invocation} Error: {said}"}
        return InvocationResult(
            invocation, json.dumps(body).encode(), is_error=True, logs=self.get_logs()
        )

    def _kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process:
            self._kill()
        self.server.shutdown()
        self.server.server_close()

    def get_logs(self):
        return b"".join(self.log).decode(errors="replace")

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1/_localstack_lambda/{self.id}"

    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass


class RuntimeApi(BaseHTTPRequestHandler):
    """What the process asks for, and what it answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    executor = None

    def log_message(self, *args):
        pass

    def do_GET(self):  # /2018-06-01/runtime/invocation/next
        executor = self.executor
        process, events = executor.process, executor.events
        executor.ready.set()
        while True:
            try:
                payload, deadline = events.get(timeout=1)
                break
            except queue.Empty:
                if process.poll() is not None:
                    return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": payload["invoke-id"],
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
            "Lambda-Runtime-Trace-Id": payload["trace-id"],
        }
        self._answer(200, payload["payload"].encode(), headers)

    def do_POST(self):
        body = self._body()
        self._answer(202, b"{}", {})
        if self.path.endswith("/init/error"):
            self.executor.why = body.decode(errors="replace")
        else:  # /2018-06-01/runtime/invocation/ID/response, or …/error
            *_, invocation, what = self.path.split("/")
            self.executor.answers.put((invocation, what == "error", body))

    def _body(self):
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args, **kwargs):
        return ProcessExecutor
