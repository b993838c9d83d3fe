#!/usr/bin/env python3
"""Runs a real Keycloak on the loopback address and keeps what it logs.

    interop/capture_keycloak.py KEYCLOAK_HOME OUT_DIR [--java JAVA_HOME]

A realm with a person, a portal, an API and a batch job is made; the person signs in, the portal
exchanges and renews tokens, the job asks for its own, an administrator changes and impersonates.
The names of machine and process are replaced. OUT_DIR gets:

    keycloak.console.ndjson   the console log as JSON (--log-console-output=json), events only
    keycloak.server.log       the file log in the default format, events and all else
    keycloak.store.ndjson     the same events from the event store, user and admin events

Needs Python 3.9 and Keycloak's distribution. Only the process that it starts is ended.
"""

import argparse
import html
import http.cookiejar
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PORT = 18480
BASE = f"http://127.0.0.1:{PORT}"
REALM = "partners"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def call(method, path, body=None, token=None, form=None, opener=None, expect=(200, 201, 204, 302)):
    data, headers = None, {}
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    url = path if path.startswith("http") else BASE + path
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    opener = opener or urllib.request.build_opener(NoRedirect)
    try:
        answer = opener.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    text = answer.read().decode()
    if answer.status not in expect:
        raise SystemExit(f"{method} {path}: {answer.status} {text[:300]}")
    return answer, (json.loads(text) if text.startswith(("{", "[")) else text)


def token(realm, **form):
    return call("POST", f"/realms/{realm}/protocol/openid-connect/token", form=form)[1]


def wait_until_up(process):
    for _ in range(180):
        if process.poll() is not None:
            raise SystemExit("Keycloak ended before it was ready")
        try:
            return call("GET", "/realms/master")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(1)
    raise SystemExit("Keycloak did not come up in three minutes")


def admin_token():
    return token("master", grant_type="password", client_id="admin-cli", username="root-admin", password="admin-once")["access_token"]


def make_realm():
    admin = admin_token()
    call("POST", "/admin/realms", token=admin, body={
        "realm": REALM, "enabled": True,
        "eventsEnabled": True, "adminEventsEnabled": True, "eventsListeners": ["jboss-logging"],
        "enabledEventTypes": ["LOGIN", "LOGIN_ERROR", "CODE_TO_TOKEN", "CODE_TO_TOKEN_ERROR", "REFRESH_TOKEN", "LOGOUT", "CLIENT_LOGIN", "CLIENT_LOGIN_ERROR", "TOKEN_EXCHANGE", "INTROSPECT_TOKEN", "USER_INFO_REQUEST", "IMPERSONATE", "UPDATE_PASSWORD"],
    })
    admin = admin_token()
    call("POST", f"/admin/realms/{REALM}/users", token=admin, body={
        "username": "ada", "email": "ada@partner.example", "emailVerified": True, "firstName": "Ada", "lastName": "Partner",
        "enabled": True, "credentials": [{"type": "password", "value": "ada-once", "temporary": False}],
    })
    for client, extra in (
        ("claims-portal", {"redirectUris": [BASE + "/back"], "standardFlowEnabled": True,
                           "attributes": {"standard.token.exchange.enabled": "true"}}),
        ("claims-api", {"standardFlowEnabled": False}),
        ("nightly-batch", {"standardFlowEnabled": False, "serviceAccountsEnabled": True}),
    ):
        call("POST", f"/admin/realms/{REALM}/clients", token=admin, body={
            "clientId": client, "secret": f"{client}-once", "publicClient": False, "enabled": True, **extra})
    # The portal may exchange what it gets for a token of the API.
    call("POST", f"/admin/realms/{REALM}/client-scopes", token=admin, body={
        "name": "api", "protocol": "openid-connect", "protocolMappers": [{
            "name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
            "config": {"included.client.audience": "claims-api", "access.token.claim": "true"}}]})
    scopes = call("GET", f"/admin/realms/{REALM}/client-scopes", token=admin)[1]
    scope = next(entry["id"] for entry in scopes if entry["name"] == "api")
    portal = call("GET", f"/admin/realms/{REALM}/clients?clientId=claims-portal", token=admin)[1][0]["id"]
    call("PUT", f"/admin/realms/{REALM}/clients/{portal}/default-client-scopes/{scope}", token=admin)


def browser():
    jar = http.cookiejar.CookieJar(policy=http.cookiejar.DefaultCookiePolicy(secure_protocols=("https", "http")))
    return urllib.request.build_opener(NoRedirect, urllib.request.HTTPCookieProcessor(jar))


def sign_in(opener, password, expect):
    query = urllib.parse.urlencode({"client_id": "claims-portal", "response_type": "code", "scope": "openid", "redirect_uri": BASE + "/back", "state": "s"})
    _, page = call("GET", f"/realms/{REALM}/protocol/openid-connect/auth?{query}", opener=opener)
    action = html.unescape(re.search(r'action="([^"]+)"', page).group(1))
    return call("POST", action, form={"username": "ada", "password": password}, opener=opener, expect=expect)[0]


def use_it():
    portal = {"client_id": "claims-portal", "client_secret": "claims-portal-once"}
    api = {"client_id": "claims-api", "client_secret": "claims-api-once"}
    protocol = f"/realms/{REALM}/protocol/openid-connect"
    sign_in(browser(), "wrong", (200,))
    answer = sign_in(browser(), "ada-once", (302,))
    code = urllib.parse.parse_qs(urllib.parse.urlparse(answer.headers["Location"]).query)["code"][0]
    first = token(REALM, grant_type="authorization_code", code=code, redirect_uri=BASE + "/back", **portal)
    call("GET", f"{protocol}/userinfo", token=first["access_token"])
    second = token(REALM, grant_type="refresh_token", refresh_token=first["refresh_token"], **portal)
    exchanged = token(REALM, grant_type="urn:ietf:params:oauth:grant-type:token-exchange", subject_token=second["access_token"],
                      subject_token_type="urn:ietf:params:oauth:token-type:access_token", audience="claims-api", **portal)
    call("POST", f"{protocol}/token/introspect", form={"token": exchanged["access_token"], **api})
    token(REALM, grant_type="client_credentials", client_id="nightly-batch", client_secret="nightly-batch-once")
    call("POST", f"{protocol}/token", form={"grant_type": "client_credentials", "client_id": "nightly-batch", "client_secret": "wrong"}, expect=(401,))
    call("POST", f"{protocol}/logout", form={"refresh_token": second["refresh_token"], **portal})


def administer():
    admin = admin_token()
    user = call("GET", f"/admin/realms/{REALM}/users?username=ada", token=admin)[1][0]["id"]
    call("PUT", f"/admin/realms/{REALM}/users/{user}", token=admin, body={"firstName": "Ada", "lastName": "Countess"})
    call("PUT", f"/admin/realms/{REALM}/users/{user}/reset-password", token=admin, body={"type": "password", "value": "ada-twice", "temporary": False})
    call("POST", f"/admin/realms/{REALM}/users/{user}/impersonation", token=admin)
    batch = call("GET", f"/admin/realms/{REALM}/clients?clientId=nightly-batch", token=admin)[1][0]["id"]
    call("POST", f"/admin/realms/{REALM}/clients/{batch}/client-secret", token=admin)
    call("DELETE", f"/admin/realms/{REALM}/users/{user}", token=admin)


def keep(out, console):
    admin = admin_token()
    events = call("GET", f"/admin/realms/{REALM}/events?max=1000", token=admin)[1]
    changes = call("GET", f"/admin/realms/{REALM}/admin-events?max=1000", token=admin)[1]
    whole = sorted(events + changes, key=lambda event: event["time"])
    (out / "keycloak.store.ndjson").write_text("".join(json.dumps(event, separators=(",", ":")) + "\n" for event in whole))
    # What names the machine is left out.
    lines = [re.sub(r'"(hostName|processName)":"[^"]*"', r'"\1":"keycloak"', line) for line in console.read_text().splitlines() if line.startswith("{") and "org.keycloak.events" in line]
    (out / "keycloak.console.ndjson").write_text("".join(line + "\n" for line in lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--java", help="a JDK of the version that Keycloak asks for")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    console, server = given.out / "console.raw", given.out / "keycloak.server.log"
    server.unlink(missing_ok=True)
    environment = {**os.environ, "KC_BOOTSTRAP_ADMIN_USERNAME": "root-admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin-once"}
    if given.java:
        environment["JAVA_HOME"] = given.java
    with console.open("w") as out:
        process = subprocess.Popen([
            given.home / "bin/kc.sh", "start-dev", "--http-host=127.0.0.1", f"--http-port={PORT}", "--cache=local",
            "--log=console,file", "--log-console-output=json", f"--log-file={server.resolve()}",
            "--log-level=INFO,org.keycloak.events:debug",
        ], stdout=out, stderr=subprocess.STDOUT, env=environment, start_new_session=True)
    try:
        wait_until_up(process)
        make_realm()
        use_it()
        administer()
        keep(given.out, console)
    finally:
        # The process group that was begun above, and nothing else.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)
    console.unlink()


if __name__ == "__main__":
    sys.exit(main())
