#!/usr/bin/env python3
"""Decisions per second over HTTP against Cerbos, in one run on one machine.

    python3 benches/decisions_vs_cerbos.py [GRANTS]

The server runs on core 0, the client (wrk) on core 1. Both are asked the same AuthZEN requests under
the same rules: the organization matches, the assurance suffices, a grant covers the action, and it has
not ended. Cerbos is handed the grant in the request's properties; ours finds it among GRANTS (ten
million). First both answer 10,000 mixed requests, at least three in ten of them denied, and every
answer must be the same. Then they are timed in turns, three times each.

"in memory" is ours with its journal on a file system in memory: what the decision costs without a disk.
The product has no way to leave the record out, so there is no figure for that.

Cerbos comes from npm (`@cerbos/cerbos-linux-x64`), wrk from the system's packages.
"""

import http.client, json, os, re, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = os.path.join(HERE, "..", "target", "release", "decide_server")
GRANTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
CERBOS = "0.55.0"
MIXED = 10_000
ROUNDS, SECONDS, CONNECTIONS = 3, 6, 16
ORGANIZATIONS, GRANTS_PER_IDENTITY = 200, 10

POLICY = """
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: order
  rules:
    - actions: ["*"]
      effect: EFFECT_ALLOW
      roles: ["*"]
      condition:
        match:
          all:
            of:
              - expr: R.attr.grant.organization == P.attr.organization
              - expr: P.attr.aal >= R.attr.grant.required_aal
              - expr: R.attr.action == R.attr.grant.action
              - expr: timestamp(R.attr.grant.until) > now()
"""


def mixed(number):
    """The same question for both: ours by name, Cerbos with what ours looks up."""
    number = (number * 2_654_435_761) % (1 << 32)
    identities = GRANTS // GRANTS_PER_IDENTITY
    stranger = number % 11 == 0
    identity = (number >> 8) % identities
    action = number % 10
    strong = number % 7 != 0
    name = f"user-{identity + (identities if stranger else 0)}"
    organization = f"org-{identity % ORGANIZATIONS}"
    until = "2026-01-02T00:00:00Z" if action < 2 else "2030-01-01T00:00:00Z"
    resource = {"type": "order", "id": str(number % 97)}
    ours = {
        "subject": {"type": "user", "id": name, "properties": {"acr": "phr" if strong else "pwd"}},
        "action": {"name": f"act-{action}"},
        "resource": resource,
    }
    grant = {"organization": organization, "required_aal": 2, "action": f"act-{action}", "until": until}
    theirs = {
        "subject": {"type": "user", "id": name, "properties": {
            "organization": "none" if stranger else organization, "aal": 2 if strong else 0}},
        "action": ours["action"],
        "resource": {**resource, "properties": {"action": f"act-{action}", "grant": grant}},
    }
    return ours, theirs


class Ours:
    def __init__(self, folder, grants=None):
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        command = ["taskset", "-c", "0", SERVER, str(grants or GRANTS), folder]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port, token = self.process.stdout.readline().split()
        self.port = int(port)
        self.headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Cerbos:
    headers = {"content-type": "application/json"}
    port = 13592

    def __init__(self, folder):
        policies = os.path.join(folder, "policies")
        os.makedirs(policies)
        with open(os.path.join(policies, "order.yaml"), "w") as file:
            file.write(POLICY)
        config = os.path.join(folder, "config.yaml")
        with open(config, "w") as file:
            file.write(f"""
server: {{httpListenAddr: "127.0.0.1:{self.port}", grpcListenAddr: "127.0.0.1:13593"}}
telemetry: {{disabled: true}}
audit: {{enabled: false}}
storage: {{driver: disk, disk: {{directory: {policies}, watchForChanges: false}}}}
""")
        package = f"@cerbos/cerbos-linux-x64@{CERBOS}"
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        archive = next(name for name in os.listdir(folder) if name.endswith(".tgz"))
        subprocess.run(["tar", "xzf", archive], cwd=folder, check=True)
        binary = os.path.join(folder, "package", "cerbos-linux-x64")
        command = ["taskset", "-c", "0", binary, "server", f"--config={config}"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                http.client.HTTPConnection("127.0.0.1", self.port).connect()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit("Cerbos did not start")

    def end(self):
        self.process.terminate()
        self.process.wait()


def answers(server, bodies):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    found = []
    for body in bodies:
        connection.request("POST", "/access/v1/evaluation", json.dumps(body), server.headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"{answer.status}: {text[:300]}")
        found.append(json.loads(text)["decision"])
    return found


def script(server, bodies, path):
    with open(path, "w") as file:
        file.write('wrk.method = "POST"\n')
        for name, value in server.headers.items():
            file.write(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n")
        file.write("local bodies = {\n")
        for body in bodies:
            file.write(f"[==[{json.dumps(body)}]==],\n")
        file.write("}\nlocal at = 0\nfunction request()\n  at = at % #bodies + 1\n"
                   "  return wrk.format(nil, nil, nil, bodies[at])\nend\n")


def load(server, path, connections=CONNECTIONS):
    url = f"http://127.0.0.1:{server.port}/access/v1/evaluation"
    command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", path, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text:
        sys.exit(text)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    at = {share: millis(text, share) for share in ("50%", "99%")}
    return rate, at


def among(many, pairs, folder):
    """The latency of one client alone, among GRANTS and among ten thousand."""
    few = Ours("/dev/shm/decisions-few", 10_000)
    try:
        medians = []
        for server in (few, many):
            path = os.path.join(folder, "load.lua")
            script(server, [pair[0] for pair in pairs], path)
            medians.append(min(load(server, path, connections=1)[1]["50%"] for _ in range(2)))
        print(f"latency among {GRANTS} grants to that among 10000: {medians[1] / medians[0]:.2f}")
    finally:
        few.end()


def millis(text, share):
    number, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def main():
    folder = tempfile.mkdtemp(prefix="decisions-")
    pairs = [mixed(number) for number in range(MIXED)]
    servers = {
        "cerbos": Cerbos(folder),
        "ours, on disk": Ours(os.path.join(folder, "journal")),
        "ours, in memory": Ours("/dev/shm/decisions-journal"),
    }
    try:
        told = {name: answers(server, [pair[name == "cerbos"] for pair in pairs])
                for name, server in servers.items()}
        for name, found in told.items():
            different = [at for at, pair in enumerate(zip(found, told["cerbos"])) if pair[0] != pair[1]]
            if different:
                sys.exit(f"{name} and cerbos differ in {len(different)}, such as {pairs[different[0]]}")
        denied = told["cerbos"].count(False) / MIXED
        if denied < 0.3:
            sys.exit(f"only {denied:.0%} are denied")
        print(f"{MIXED} mixed requests among {GRANTS} grants: the same answers, {denied:.0%} denied")
        best, tails = {}, {}
        for _ in range(ROUNDS):
            for name, server in servers.items():
                path = os.path.join(folder, "load.lua")
                script(server, [pair[name == "cerbos"] for pair in pairs], path)
                rate, at = load(server, path)
                if rate > best.get(name, 0):
                    best[name], tails[name] = rate, at
        among(servers["ours, in memory"], pairs, folder)
        for name in servers:
            print(f"{name:16} {best[name] / best['cerbos']:6.2f} of Cerbos; "
                  f"p99/p50 at full load {tails[name]['99%'] / tails[name]['50%']:.2f}")
    finally:
        for server in servers.values():
            server.end()
        shutil.rmtree(folder, ignore_errors=True)


main()
