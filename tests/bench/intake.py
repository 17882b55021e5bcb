"""Intake: signed 12 KB deliveries with distinct ids against three programs, in turns, under the same load.

wrk is kept on one core (where there are two); the servers may use all, as in life. Every round starts its server anew, so
that none works on what an earlier round left behind.

Probot 13 is the newest that runs on Debian 12's Node 18. With Node 20 there is Probot 14, with another HTTP layer: a third
of the processor time per delivery.
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import random
import socket
import sqlite3
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROUTE = "/hooks/github"
SECRET = "a secret of the benchmark"
SIZE = 12 * 1024
ROUNDS, WARM_UP, SECONDS, CONNECTIONS = 5, 1, 2, 64


class Trouble(Exception):
    """What makes a measurement worthless, as a sentence."""


def delivery(examples):
    """GitHub's own example of the event; the issue's body is lengthened with words until all is 12 KB."""
    events = json.loads(examples.read_text())
    event = next(e for kind in events if kind["name"] == "issues" for e in kind["examples"] if e["action"] == "labeled")
    words = random.Random(1)
    text = event["issue"]["body"]

    def packed():
        return json.dumps(event, separators=(",", ":")).encode()

    while len(packed()) < SIZE:
        text += " " + "".join(words.choices("etaoinshrdlu", k=words.randint(2, 9)))
        event["issue"]["body"] = text
    event["issue"]["body"] = text[: len(text) - (len(packed()) - SIZE)]
    body = packed()
    assert len(body) == SIZE
    return body


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(port, body, signature):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", ROUTE, body, {
        "Content-Type": "application/json", "X-GitHub-Event": "issues", "X-GitHub-Hook-ID": "1",
        "X-GitHub-Delivery": "00000000-0000-0000-0000-000000000000", "X-Hub-Signature-256": signature})
    status = connection.getresponse().status
    connection.close()
    return status


@contextlib.contextmanager
def running(argv, port, log, **more):
    """A server from its first answer until it is no longer wanted."""
    with open(log, "wb") as out:
        server = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, **more)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > until:
                    raise Trouble(f"{argv[0]} did not come up: {pathlib.Path(log).read_text()[-2000:]}") from None
                time.sleep(0.05)
        yield server
    finally:
        end(server, 15)


def end(child, patience):
    """Asks a child to end, and waits for it."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(patience)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Load:
    def __init__(self, work, body, core):
        self.file = work / "delivery.json"
        self.file.write_bytes(body)
        self.signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        self.body = body
        self.pin = ["taskset", "-c", str(core)] if core is not None else []

    def run(self, port, seconds, prefix):
        """Answers with 2xx: (per second, all)."""
        said = subprocess.run(
            [*self.pin, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "intake.lua",
             f"http://127.0.0.1:{port}{ROUTE}", "--", self.file, self.signature, prefix],
            capture_output=True, text=True, timeout=seconds + 30, check=True).stdout
        figures = dict(line.split() for line in said.splitlines() if line.split()[:1] and line.split()[0] in
                       ("stored", "accepted", "p99", "refused"))
        if figures["refused"] != "0":
            raise Trouble(f"{figures['refused']} deliveries were refused or broke off")
        return float(figures["stored"]), int(figures["accepted"])


def shopfloor(program, work, load):
    """On disk before the 202. What it counts, what its ledger holds and what was answered must agree."""
    port, folder = free_port(), work / f"shopfloor-{time.monotonic_ns()}"
    folder.mkdir()
    for name, text in (("secret", SECRET), ("token", "no-real-token")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    (folder / "shopfloor.yaml").write_text(f"""listen: 127.0.0.1:{port}
state_dir: {folder}/state
log_level: error
forges:
  - name: github
    api_url: http://127.0.0.1:{free_port()}
    webhook_secrets: [{{file: secret}}]
    token: {{file: token}}
    repositories: ["*"]
profiles:
  - name: nobody
    command: ["true"]
sandbox:
  allow_weak_limits: true
  roots: {{"*": /}}
""")
    with running([program, "serve", "--config", folder / "shopfloor.yaml"], port, folder / "log"):
        if post(port, load.body, "sha256=" + 64 * "0") != 401:
            raise Trouble("shopfloor took a delivery with a bad signature")
        _, warm = load.run(port, WARM_UP, "00000001")
        rate, accepted = load.run(port, SECONDS, "00000002")
        until = time.monotonic() + 5
        while True:
            counted, stored = count_accepted(port), count_stored(folder / "state/ledger.sqlite")
            if counted == stored or time.monotonic() > until:
                break
            time.sleep(0.1)
        # wrk goes without waiting for the answers of its last requests, one a connection.
        if counted != stored or not warm + accepted <= stored <= warm + accepted + 2 * CONNECTIONS:
            raise Trouble(f"{warm + accepted} deliveries answered, {counted} counted, {stored} in the ledger")
    return rate


def count_accepted(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return next(int(line.split()[-1]) for line in text.splitlines()
                if line.startswith("shopfloor_deliveries_total") and 'outcome="accepted"' in line)


def count_stored(ledger):
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as book:
        return book.execute("SELECT count(*) FROM deliveries").fetchone()[0]


def probot(packages, work, load):
    port = free_port()
    with running(["node", HERE / "probot.mjs", str(port), SECRET], port, work / "probot.log", cwd=packages,
                 env={**os.environ, "NODE_ENV": "production"}):
        if (post(port, load.body, "sha256=" + 64 * "0"), post(port, load.body, load.signature)) != (400, 200):
            raise Trouble("Probot does not check the signature as it should")
        load.run(port, WARM_UP, "00000001")
        return load.run(port, SECONDS, "00000002")[0]


def webhook(work, load):
    port, rules = free_port(), work / "webhook.json"

    def rule(value):
        return {"and": [
            {"match": {"type": "payload-hmac-sha256", "secret": SECRET,
                       "parameter": {"source": "header", "name": "X-Hub-Signature-256"}}},
            {"match": {"type": "value", "value": value, "parameter": {"source": "payload", "name": "action"}}}]}

    rules.write_text(json.dumps([
        {"id": "github", "execute-command": "/bin/true", "trigger-rule": rule("never"),
         "trigger-rule-mismatch-http-response-code": 202}]))
    with running(["webhook", "-hooks", rules, "-ip", "127.0.0.1", "-port", str(port), "-urlprefix", "hooks"], port,
                 work / "webhook.log"):
        if post(port, load.body, load.signature) != 202:
            raise Trouble("webhook does not judge its rule as it should")
        load.run(port, WARM_UP, "00000001")
        return load.run(port, SECONDS, "00000002")[0]


def measure(build, packages, work, say):
    """Deliveries a second, a list for each program."""
    body = delivery(packages / "node_modules/@octokit/webhooks-examples/api.github.com/index.json")
    cores = sorted(os.sched_getaffinity(0))
    load = Load(work, body, cores[0] if len(cores) > 1 else None)
    servers = {"shopfloor": lambda: shopfloor(build / "shopfloor", work, load),
               "probot": lambda: probot(packages, work, load),
               "webhook": lambda: webhook(work, load)}
    rates = {name: [] for name in servers}
    for turn in range(ROUNDS):
        for name in list(servers)[:: 1 if turn % 2 == 0 else -1]:
            rates[name].append(servers[name]())
            say(f"intake: {name} {rates[name][-1]:,.0f} deliveries a second")
    return rates
