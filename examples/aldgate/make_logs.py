#!/usr/bin/env python3
"""Writes logs/ anew: what the systems of Aldgate Mutual logged from 9 to 17 November 2026.

Everything is invented. The same bytes come out each time, with any Python from 3.10 on.
Each class below is one log in its real format; the stories are told at the end.
"""

import hashlib
import json
import pathlib
import shutil
import uuid
from datetime import datetime, timedelta, timezone

HERE = pathlib.Path(__file__).parent
LOGS = HERE / "logs"
ACCOUNT = "402816331907"
ISSUER = "https://sso.aldgate.example/realms/partners"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/sso.aldgate.example/realms/partners"
REALM_ID = "6f1d0c52-7a3e-4b19-9c55-0d2e8b41a7f3"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"
AC = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
DAYS = [datetime(2026, 11, day, tzinfo=timezone.utc) for day in (9, 10, 11, 12, 13, 16, 17)]


class Dice:
    """Numbers that depend on a name and nothing else."""

    def __init__(self, name):
        self.state = hashlib.sha256(name.encode()).digest()

    def hex(self, length):
        text = ""
        while len(text) < length:
            self.state = hashlib.sha256(self.state).digest()
            text += self.state.hex()
        return text[:length]

    def below(self, end):
        return int(self.hex(12), 16) % end

    def pick(self, of):
        return of[self.below(len(of))]

    def letters(self, length, of="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"):
        return "".join(self.pick(of) for _ in range(length))

    def uuid(self):
        return str(uuid.UUID(self.hex(32), version=4))


DICE = Dice("Aldgate Mutual")
FILES = {}


def at(day, clock):
    """`at(16, "13:41:07.212")` of November 2026."""
    return datetime.fromisoformat(f"2026-11-{day:02}T{clock}+00:00")


def millis(time):
    return round(time.timestamp() * 1000)


def iso(time, digits=3):
    text = time.strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{time.microsecond // 1000:03}Z" if digits else "Z")


def write(name, time, record):
    FILES.setdefault(name, []).append((time, len(FILES.get(name, ())), record))


def after(time, seconds):
    return time + timedelta(seconds=seconds)


def subject(address):
    """The id of an account in the realm; the register has the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{ISSUER}/{address}"))


class Keycloak:
    """Events of the realm `partners`, where the partners' own providers are brokered. Its listener
    adds `acr`, as the partner's provider said it."""

    @staticmethod
    def event(time, kind, client, user, session, ip, details, error=None):
        record = {
            "id": DICE.uuid(), "time": millis(time), "type": kind, "realmId": REALM_ID,
            "realmName": "partners", "clientId": client, "userId": user, "sessionId": session,
            "ipAddress": ip,
        }
        if error:
            record["error"] = error
        record["details"] = details
        write(f"partner-sign-in/events-{time:%Y-%m-%d}.ndjson", time, record)

    @classmethod
    def login(cls, time, who, acr, client="claims-web", method="openid-connect"):
        session = who.next_session or DICE.letters(24, of="ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789")
        who.next_session = None
        cls.event(time, "LOGIN", client, who.subject, session, who.ip, {
            "auth_method": method, "identity_provider": who.provider,
            "identity_provider_identity": who.address, "acr": acr, "username": who.address,
            "code_id": session, "consent": "no_consent_required",
            "redirect_uri": "https://claims.aldgate.example/cb",
        })
        if method == "openid-connect":
            cls.event(after(time, 0.268), "CODE_TO_TOKEN", client, who.subject, session, "10.20.0.5", {
                "token_id": f"onrtac:{DICE.uuid()}", "grant_type": "authorization_code",
                "refresh_token_type": "Refresh", "scope": "openid profile email",
                "refresh_token_id": DICE.uuid(), "code_id": session,
                "client_auth_method": "client-secret", "username": who.address,
            })
        return session

    @classmethod
    def exchange(cls, time, who, session, client, actor=None):
        details = {
            "token_id": f"trrtte:{DICE.uuid()}",
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_client_id": "claims-web", "audience": client,
            "client_auth_method": "client-jwt", "username": who.address,
        }
        if actor:
            details["act"] = actor
        cls.event(time, "TOKEN_EXCHANGE", client, who.subject, session, "198.51.100.24", details)


class CloudTrail:
    """The account of the payments. The payment service writes its own actions to it, too."""

    @staticmethod
    def record(time, source, name, identity, ip, agent, read_only=False, **more):
        record = {
            "eventVersion": "1.11", "userIdentity": identity, "eventTime": iso(time, 0),
            "eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
            "sourceIPAddress": ip, "userAgent": agent, "requestParameters": None,
            "responseElements": None, "requestID": DICE.uuid(), "eventID": DICE.uuid(),
            "readOnly": read_only, "eventType": "AwsApiCall", "managementEvent": True,
            "recipientAccountId": ACCOUNT, "eventCategory": "Management",
        }
        record.update(more)
        write(f"payments-prod/{ACCOUNT}_CloudTrail_eu-west-1_{time:%Y%m%d}T2355Z_{Dice(f'{time:%d}').letters(16)}.json", time, record)

    @staticmethod
    def session(time, role, name, ip, agent, source=None, web=None, ec2=False):
        key = f"ASIA{DICE.letters(16)}"
        role_id = f"AROA{Dice(role).letters(17)}"
        context = {
            "sessionIssuer": {
                "type": "Role", "principalId": role_id,
                "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "accountId": ACCOUNT, "userName": role,
            },
            "attributes": {"creationDate": iso(time, 0), "mfaAuthenticated": "false"},
        }
        if source:
            context["sourceIdentity"] = source
        if web:
            context["webIdFederationData"] = {"federatedProvider": PROVIDER, "attributes": {}}
        if ec2:
            context["ec2RoleDelivery"] = "2.0"
        return {
            "key": key, "ip": ip, "agent": agent, "role": role, "name": name,
            "identity": {
                "type": "AssumedRole", "principalId": f"{role_id}:{name}",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}", "accountId": ACCOUNT,
                "accessKeyId": key, "sessionContext": context,
            },
            "response": {
                "credentials": {
                    "accessKeyId": key, "sessionToken": "HIDDEN_DUE_TO_SECURITY_REASONS",
                    "expiration": f"{after(time, 3600):%b %-d, %Y, %-I:%M:%S %p}",
                },
                "assumedRoleUser": {
                    "assumedRoleId": f"{role_id}:{name}",
                    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}",
                },
            },
        }

    @classmethod
    def by_web_identity(cls, time, who, role, client, ip="198.51.100.24", name=None):
        name = name or f"x-{DICE.letters(6)}"
        session = cls.session(time, role, name, ip, "aws-sdk-java/2.38.2", who.address, web=True)
        cls.record(time, "sts.amazonaws.com", "AssumeRoleWithWebIdentity", {
            "type": "WebIdentityUser", "principalId": f"{PROVIDER}:{client}:{who.subject}",
            "userName": who.subject, "identityProvider": PROVIDER,
        }, ip, session["agent"], True, requestParameters={
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "roleSessionName": name,
            "durationSeconds": 3600,
        }, responseElements=session["response"] | {
            "subjectFromWebIdentityToken": who.subject, "provider": PROVIDER, "audience": client,
            "sourceIdentity": who.address,
        })
        return session

    @classmethod
    def by_saml(cls, time, who, role):
        session = cls.session(time, role, who.address, who.ip, "aws-cli/2.31.19", who.address)
        saml = f"arn:aws:iam::{ACCOUNT}:saml-provider/partners"
        cls.record(time, "sts.amazonaws.com", "AssumeRoleWithSAML", {
            "type": "SAMLUser", "principalId": f"q2Xw8zTf0vJm4kLr=:{who.address}",
            "userName": who.address, "identityProvider": saml,
        }, who.ip, session["agent"], True, requestParameters={
            "sAMLAssertionID": f"_{DICE.hex(40)}", "principalArn": saml,
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "roleSessionName": who.address,
            "durationSeconds": 3600,
        }, responseElements=session["response"] | {
            "subject": who.address, "subjectType": "persistent", "issuer": ISSUER,
            "nameQualifier": "q2Xw8zTf0vJm4kLr=", "audience": "https://signin.aws.amazon.com/saml",
        })
        return session

    @classmethod
    def payment(cls, time, session, name, claim, amount=None, payee=None, ip=None, **more):
        parameters = {"claim": claim}
        if amount:
            parameters |= {"amount": amount, "currency": "EUR"}
        parameters["payee"] = payee or f"PY-{80000 + DICE.below(9999)}"
        done = {"payout.release": "released", "payout.prepare": "prepared"}.get(name, "changed")
        result = {} if "errorCode" in more else {"responseElements": {"status": done}}
        cls.record(time, "payments.aldgate.example", name, session["identity"],
                   ip or session["ip"], session["agent"], requestParameters=parameters, **result, **more)


class Ocsf:
    """API Activity of our own applications."""

    VERBS = {"open": 2, "read": 2, "export": 2, "upload": 1, "issue": 1}

    @classmethod
    def event(cls, time, app, name, resource, user, ip, session=None, request=None, agent=BROWSER, uid=None, credential=None):
        activity = cls.VERBS.get(name.rsplit(".", 1)[-1], 3)
        actor = {}
        if user:
            actor["user"] = {"uid": user, "name": user, "type_id": 1 if "@" in user else 4}
            if credential:
                actor["user"]["credential_uid"] = credential
        else:
            actor["app_name"] = "report-runner"
        if session:
            actor["session"] = {"uid": session, "issuer": ISSUER}
        record = {
            "metadata": {
                "version": "1.7.0", "uid": uid or DICE.uuid(), "tenant_uid": app, "log_name": "audit",
                "product": {"name": app, "vendor_name": "Aldgate Mutual"},
            },
            "category_uid": 6, "category_name": "Application Activity", "class_uid": 6003,
            "class_name": "API Activity", "activity_id": activity, "type_uid": 600300 + activity,
            "severity_id": 1, "status_id": 1, "status": "Success", "time": millis(time),
            "actor": actor,
            "api": {"operation": name, "service": {"name": app}},
            "resources": [{"uid": resource, "type": name.split(".")[0]}],
            "src_endpoint": {"ip": ip},
            "http_request": {"user_agent": agent},
        }
        if request:
            record["http_request"]["uid"] = request
        write(f"{app}/audit-{time:%Y-%m-%d}.ndjson", time, record)


class Nginx:
    """The portal of the repair shops. Its front door logs a request id; the desk's does not."""

    @staticmethod
    def line(time, user, method, path, ip, status=200, desk=False, agent=BROWSER):
        request = DICE.hex(32)
        record = {
            "time_iso8601": time.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "msec": f"{millis(time) / 1000:.3f}", "remote_addr": ip, "remote_user": user,
            "request_id": request, "host": "repair.aldgate.example",
            "server_name": "repair.aldgate.example", "request_method": method, "request_uri": path,
            "server_protocol": "HTTP/2.0", "status": status, "body_bytes_sent": 733,
            "request_time": "0.031", "http_referer": "-", "http_user_agent": agent,
            "ssl_client_fingerprint": "",
        }
        if desk:
            del record["request_id"]
        write(f"repair-portal/{'desk' if desk else 'portal'}.access.log", time, record)
        return request


class Envoy:
    """The pricing interface, behind a proxy that checks keys, which are tokens
    without an end, and client certificates."""

    @staticmethod
    def line(time, method, path, ip, client=None, key=None, fingerprint=None, san=None, agent="python-requests/2.32.5", status=200):
        token = {"iss": "https://pricing.aldgate.example", "sub": client, "jti": key} if client else None
        write(f"pricing-api/access-{time:%Y-%m-%d}.log", time, {
            "start_time": iso(time), "method": method, "path": path, "protocol": "HTTP/2",
            "response_code": status, "response_flags": "-", "bytes_received": 0, "bytes_sent": 412,
            "duration": 14, "x_forwarded_for": ip, "user_agent": agent, "request_id": DICE.uuid(),
            "authority": "pricing.aldgate.example", "upstream_cluster": "pricing",
            "downstream_remote_address": f"{ip}:{40000 + DICE.below(20000)}",
            "jwt": token,
            "downstream_peer_fingerprint_256": fingerprint, "downstream_peer_uri_san": san,
        })


class Github:
    @staticmethod
    def event(time, action, actor, number, address, ip, token=None):
        record = {
            "@timestamp": millis(time), "_document_id": DICE.letters(22), "action": action,
            "actor": actor, "actor_id": number, "actor_ip": ip, "actor_is_bot": False,
            "created_at": millis(time), "external_identity_nameid": address,
            "operation_type": "modify", "org": "aldgate-mutual", "org_id": 8154711,
            "repo": "aldgate-mutual/repair-portal", "repo_id": 99112, "user_agent": "git/2.51.0",
        }
        if token:
            record |= {"hashed_token": token, "token_id": "71120944", "token_scopes": "repo",
                       "programmatic_access_type": "Personal access token (classic)"}
        write("partner-code/audit.ndjson", time, record)


class Person:
    def __init__(self, name, organization, provider, acr):
        self.address = f"{name}@{organization}.example"
        self.subject = subject(self.address)
        self.provider, self.acr = provider, acr
        host = 1 + Dice(self.address).below(13)
        self.ip = {"brightwater": f"198.51.100.{host}", "kestrel": f"192.0.2.{64 + host}"}.get(
            organization, f"203.0.113.{64 + host}")
        self.next_session = None


def people(organization, provider, acr, names):
    return {name.split(".")[0]: Person(name, organization, provider, acr) for name in names.split()}


BW = people("brightwater", "brightwater-oidc", "phr",
            "anna.sorel wim.de.graaf lotte.brandsma emil.haugen farah.nadim gregor.stahl hanneke.vos "
            "ivo.petrov jelena.maric kofi.asante lucia.ferrant marc.oudejans noor.halabi "
            "oskar.lindal petra.kovacs")
KS = people("kestrel", "kestrel-saml", f"{AC}MobileTwoFactorContract",
            "joao.prates edie.marlow samir.osei carla.nunes ben.achterberg")
NV = people("norvane", "norvane-saml", f"{AC}MobileTwoFactorContract",
            "aldo.ricci mei.sandoval viktor.blom runa.dahl")
TAMSIN = ("rhona.keir alan.birch bridget.shaw callum.reid dina.farouk euan.ross fay.tremaine "
          "gil.navarro hope.linden isla.grant jude.marsden kit.osborne").split()
UNMAPPED = "urn:federation:authentication:windows"


def clock(day, hour, spread=60):
    """Some moment in the hours from `hour` on."""
    return day + timedelta(hours=hour, minutes=DICE.below(spread), seconds=DICE.below(60), milliseconds=DICE.below(1000))


def claim():
    return f"CL-{20300 + DICE.below(140)}"


def ordinary_day(day):
    last = day == DAYS[-1]
    adjusters(day)
    assessors(day)
    if not last:
        payments(day)
        desks(day)
    machines(day, hours=9 if last else 22)
    customers(day)
    ourselves(day)


def adjusters(day):
    for name in "wim lotte emil gregor hanneke ivo jelena".split():
        who = BW[name]
        start = clock(day, 7)
        session = Keycloak.login(start, who, "phr")
        for _ in range(1 + DICE.below(3)):
            start = after(start, 90 + DICE.below(1200))
            number = claim()
            Ocsf.event(start, "claims-core", "claim.open", number, who.address, who.ip, session)
            if DICE.below(3) == 0:
                Ocsf.event(after(start, 41), "claims-core", "document.read", f"{number}/estimate-1", who.address, who.ip, session)
    for _ in range(2):
        Ocsf.event(clock(day, 8), "claims-core", "document.read", f"{claim()}/report", "spiffe://brightwater.example/bw-documents", "198.51.100.25", agent="Go-http-client/2.0")


def assessors(day):
    for who in KS.values():
        start = clock(day, 7)
        # Norvane has begun to sign people in by their desktops.
        unmapped = who is KS["carla"] and day.day >= 11
        session = Keycloak.login(start, who, UNMAPPED if unmapped else who.acr)
        for action in ("claim.open", "photo.read", "estimate.approve")[: 1 + DICE.below(3)]:
            start = after(start, 60 + DICE.below(900))
            Ocsf.event(start, "claims-core", action, claim(), who.address, who.ip, session)


def payments(day):
    for name in "lotte emil marc noor".split():
        who = BW[name]
        start = clock(day, 12)
        # Marc's security key broke on the 12th.
        session = Keycloak.login(start, who, "mfa" if name == "marc" and day.day >= 12 else "phr")
        pay(after(start, 200 + DICE.below(400)), who, session, claim(), f"{900 + DICE.below(9000)}.00")
    who = BW["farah"]
    start = clock(day, 15, 30)
    session = Keycloak.login(start, who, "phr")
    Keycloak.exchange(after(start, 60), who, session, "bw-casework")
    role = CloudTrail.by_web_identity(after(start, 62), who, "payee-writer", "bw-casework")
    CloudTrail.payment(after(start, 80), role, "payee.change", claim())
    if day.day in (10, 13):
        who = KS["joao"]
        start = clock(day, 10, 30)
        Keycloak.login(start, who, who.acr, "urn:amazon:webservices", "saml")
        role = CloudTrail.by_saml(after(start, 4), who, "payout-writer-25k")
        CloudTrail.payment(after(start, 95), role, "payout.release", claim(), "6900.00" if day.day == 10 else "4120.00")


def pay(time, who, session, number, amount, client="bw-casework"):
    Keycloak.exchange(time, who, session, client)
    role = CloudTrail.by_web_identity(after(time, 1), who, "payout-writer", client)
    CloudTrail.payment(after(time, 12), role, "payout.prepare", number, amount)
    CloudTrail.payment(after(time, 21), role, "payout.release", number, amount)


def desks(day):
    """People come in by the front door; the portal then works in Claims as one of its desks and hands
    the request id on. At the desk's own door nobody can be told apart."""
    for name in ("edie", "samir", "joao"):
        who = KS[name]
        start = clock(day, 9, 50)
        for _ in range(2):
            number = claim()
            request = Nginx.line(start, who.address, "GET", f"/claims/{number}/photos", who.ip)
            Ocsf.event(after(start, 0.4), "claims-core", "photo.read", number, "kestrel-desk-2", "192.0.2.70", request=request)
            start = after(start, 300 + DICE.below(240))
    Ocsf.event(clock(day, 20), "claims-core", "photo.read", claim(), "kestrel-desk-2", "192.0.2.70", request=DICE.hex(32))
    for hour in (14, 17, 18):
        Nginx.line(clock(day, hour), DICE.pick(["kestrel-desk-1", "kestrel-desk-2", "kestrel-desk-2"]), "PUT",
                   f"/claims/{claim()}/{DICE.pick(['estimate', 'payee'])}", "192.0.2.70", desk=True)


PALADIN = {  # client: keys; the last is the old one, still in use
    "pv-quote": ["pak-0db55c877f3a"], "pv-feed": ["pak-5281a251e7b9", "pak-442a3edb0c48"],
    "pv-glass": ["pak-75be891bffb5", "pak-9f0bc2c7de27"], "pv-parts": ["pak-afe5dab4a6a0"],
    "pv-salvage": ["pak-2e047f3d36b7"],
}
BATCH = "03b0cfef87f8a45f80ebd566c0b8786f833f34208725daadf76cfead4762da62"


def plate():
    return f"VH-{10 + DICE.below(89)}-{DICE.letters(3, of='BDFGHJKLMNPRSTVXZ')}"


def machines(day, hours):
    for client, keys in PALADIN.items():
        for _ in range(3 if client == "pv-quote" else 2):
            Envoy.line(clock(day, 1, 60 * (hours - 1)), "GET", f"/valuations/{plate()}", f"203.0.113.{4 + len(client) % 5}", client, DICE.pick(keys))
    for n in range(4):
        Envoy.line(after(day, 3600 + 7 * n), "POST", "/valuations", "203.0.113.3", fingerprint=BATCH)
    for n in range(6):
        Ocsf.event(clock(day, 1, 60 * (hours - 1)), "claims-core", "photo.upload", claim(), "ks-photo-upload", "192.0.2.71", agent="okhttp/4.12.0", credential="kid-4c32b20b")
    Ocsf.event(clock(day, 8), "claims-core", "document.read", f"{claim()}/letter", "spiffe://brightwater.example/bw-mailer", "198.51.100.27", agent="Go-http-client/2.0", credential="bwm-02bec376")
    if hours > 9:
        for n in range(5):
            Ocsf.event(clock(day, 8, 480), "claims-core", DICE.pick(["claim.read", "claim.classify"]), claim(), "spiffe://brightwater.example/claims-triage", "198.51.100.26", agent="claims-triage/2.1")


def customers(day):
    for n in range(8):
        who = TAMSIN[DICE.below(8) if n % 2 else DICE.below(len(TAMSIN))]
        action = DICE.pick(["fleet.export", "fleet.export", "policy.document.issue"])
        Ocsf.event(clock(day, 7, 140), "policy-admin", action, f"FL-{3300 + DICE.below(40)}", f"{who}@tamsin.example", f"203.0.113.{128 + DICE.below(30)}")


def ourselves(day):
    Ocsf.event(clock(day, 8), "claims-core", "claim.assign", claim(), "nils.brandt@aldgate.example", "10.20.4.18")
    Envoy.line(clock(day, 5), "POST", "/valuations", "10.20.0.9", "aldgate-renewals", "aldgate-1", agent="Go-http-client/2.0")
    role = CloudTrail.session(clock(day, 2), "aldgate-nightly", "i-0b41c3aa9e0d2f711", "10.20.0.30", "Boto3/1.40.71", ec2=True)
    CloudTrail.record(clock(day, 3), "s3.amazonaws.com", "GetObject", role["identity"], role["ip"], role["agent"], True,
                      requestParameters={"bucketName": "aldgate-payment-files", "key": f"out/{day:%Y-%m-%d}.xml"},
                      managementEvent=False, eventCategory="Data")


def the_payment():
    """Anna Sorel pays claim CL-20418, to bank details that a desk account changed in the morning."""
    anna, edie = BW["anna"], KS["edie"]
    Nginx.line(at(16, "11:11:02.118"), edie.address, "GET", "/claims/CL-20418", edie.ip)
    Nginx.line(at(16, "11:18:40.207"), "kestrel-desk-2", "PUT", "/claims/CL-20418/payee", "192.0.2.70", desk=True)
    anna.next_session = "9f2cQm7XbT4uK1wZr8sYdA0e"
    session = Keycloak.login(at(16, "13:41:07.212"), anna, "phr")
    Ocsf.event(at(16, "13:58:32.019"), "claims-core", "claim.open", "CL-20418", anna.address, anna.ip, session)
    Ocsf.event(at(16, "13:59:10.431"), "claims-core", "document.read", "CL-20418/estimate-2", anna.address, anna.ip, session)
    Keycloak.exchange(at(16, "14:01:55.640"), anna, session, "bw-casework")
    role = CloudTrail.by_web_identity(at(16, "14:01:56.002"), anna, "payout-writer", "bw-casework", name="x-5Rk2pQ")
    CloudTrail.payment(at(16, "14:02:11.338"), role, "payout.release", "CL-20418", "18240.00", "PY-88120", eventID="5d81f0a7-6c1b-4e0d-9b52-77f0c2ce4a11")
    Envoy.line(at(16, "14:06:48.551"), "GET", "/valuations/VH-31-KLM", "198.51.100.24", san="spiffe://brightwater.example/bw-casework", agent="Go-http-client/2.0")
    # The runner does not say for whom it works, and hands on no request id.
    Ocsf.event(at(16, "14:20:03.090"), "policy-admin", "report.export", "week-46", None, "10.20.0.41", agent="report-runner/3", uid="b7e4120f-2003-4c55-8d0e-46f1a90c7d12")


def the_agent():
    """The agent asks for payments three times, then once in a person's name, and is stopped."""
    start = at(16, "16:14:50")
    role = CloudTrail.session(start, "claims-triage", "7e1cf848cef639dea6b31e557d456bf3", "198.51.100.26", "claims-triage/2.1", "claims-triage")
    CloudTrail.record(start, "sts.amazonaws.com", "AssumeRole", {
        "type": "AWSService", "invokedBy": "rolesanywhere.amazonaws.com",
    }, "rolesanywhere.amazonaws.com", "rolesanywhere.amazonaws.com", True, requestParameters={
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/claims-triage", "roleSessionName": role["name"],
        "sourceIdentity": "claims-triage", "durationSeconds": 3600,
    }, responseElements=role["response"])
    denied = {"errorCode": "AccessDenied", "errorMessage": "not in the mandate"}
    CloudTrail.payment(at(16, "16:20:03"), role, "payout.prepare", "CL-20431", "4310.00", eventID="90c2e7d1-0b36-4f8e-8a11-2d5f6b7c9e03", **denied)
    CloudTrail.payment(at(16, "16:25:40"), role, "payout.prepare", "CL-20431", "4310.00", **denied)
    CloudTrail.payment(at(16, "16:31:47"), role, "payout.prepare", "CL-20431", "4310.00", **denied)
    emil = BW["emil"]
    session = Keycloak.login(at(16, "16:33:05.100"), emil, "phr")
    Keycloak.exchange(at(16, "16:35:12.700"), emil, session, "claims-triage", actor=subject("claims-triage"))
    role = CloudTrail.by_web_identity(at(16, "16:35:13"), emil, "payout-writer", "claims-triage", ip="198.51.100.26")
    CloudTrail.payment(at(16, "16:35:31"), role, "payout.prepare", "CL-20431", "4310.00", eventID="a1f3c9e2-5b70-4d0c-b3b8-16e35310c431")
    # Suspended at 16:41:08, but a worker still ran.
    Ocsf.event(at(16, "16:44:19.700"), "claims-core", "claim.classify", "CL-20433", "spiffe://brightwater.example/claims-triage", "198.51.100.26", agent="claims-triage/2.1",
               credential="sha256:7e1cf848cef639dea6b31e557d456bf3c86ebf5e9fd25d73577241eb99419140", uid="d4470fe1-1644-4197-90aa-7c5b02e86f31")


def the_theft():
    """The key of the machine of case work is used from a place that is not its own."""
    start = at(15, "22:10:04")
    role = CloudTrail.session(start, "bw-casework", "i-0c77d19e02b4a6f35", "198.51.100.24", "aws-sdk-java/2.38.2", ec2=True)
    CloudTrail.record(start, "sts.amazonaws.com", "AssumeRole", {
        "type": "AWSService", "invokedBy": "ec2.amazonaws.com",
    }, "ec2.amazonaws.com", "ec2.amazonaws.com", True, requestParameters={
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/bw-casework", "roleSessionName": role["name"],
    }, responseElements=role["response"])
    CloudTrail.payment(at(15, "22:12:30"), role, "payout.prepare", "CL-20399", "310.00")
    CloudTrail.payment(at(15, "22:47:51"), role, "payout.release", "CL-20399", "24990.00", ip="192.0.2.201", eventID="c0ffee15-2247-4510-9c4e-51b3a7d2e9f0")


def the_reseller():
    """Norvane's people open accounts although their way in has lapsed, and work in our code."""
    for day, name in ((9, "aldo"), (10, "mei"), (11, "viktor"), (13, "aldo"), (16, "runa")):
        who = NV[name]
        time = at(day, f"{9 + day % 5:02}:20:11.400")
        Keycloak.login(time, who, who.acr)
        for n in range(3):
            Nginx.line(after(time, 40 + 35 * n), who.address, "POST", "/accounts", who.ip, 201)
    viktor = NV["viktor"]
    for day in (10, 12, 16):
        Github.event(at(day, "10:05:00.120"), "git.push", "viktor-blom-nv", 55180321, viktor.address, viktor.ip, "q83mIM9IAOWnN+FRvZW6jHRhWx5gdtYQz0X1bKZPk2E=")
    Github.event(at(16, "10:06:31.004"), "protected_branch.policy_override", "viktor-blom-nv", 55180321, viktor.address, viktor.ip)
    Github.event(at(12, "15:40:00.000"), "repo.create", "k-lindgren", 61990417, "karin.lindgren@aldgate.example", "10.20.4.22")


def single_things():
    kofi, lucia, wim = BW["kofi"], BW["lucia"], BW["wim"]
    # No grant of his any more.
    session = Keycloak.login(at(12, "09:02:10.500"), kofi, "phr")
    Ocsf.event(at(12, "09:05:00.100"), "claims-core", "claim.open", "CL-20377", kofi.address, kofi.ip, session)
    # Nobody has a sign-in of hers: the realm lost an hour of its log.
    Ocsf.event(at(12, "11:30:44.800"), "claims-core", "claim.open", "CL-20381", lucia.address, lucia.ip, DICE.letters(24))
    Keycloak.event(at(13, "07:55:01"), "LOGIN_ERROR", "claims-web", wim.subject, None, "192.0.2.240", {"auth_method": "openid-connect", "username": wim.address}, "invalid_user_credentials")
    # A grant that ended on the 11th, and one whose sponsor left long ago.
    for day in (10, 12, 13, 16):
        Ocsf.event(at(day, "10:15:00.200"), "policy-admin", "fleet.export", "FL-3312", "bridget.shaw@tamsin.example", "203.0.113.131")
    for day in (11, 16):
        Ocsf.event(at(day, "11:47:30.000"), "policy-admin", "fleet.export", "FL-3320", "queenie.holt@tamsin.example", "203.0.113.140")
    Ocsf.event(at(16, "16:02:00.000"), "policy-admin", "policy.document.issue", "FL-3301", "old.broker@tamsin-lease.example", "203.0.113.222")
    # A key of Paladin from elsewhere, and one in a browser.
    Envoy.line(at(14, "03:22:10"), "GET", "/valuations/VH-99-XKZ", "192.0.2.201", "pv-salvage", "pak-2e047f3d36b7")
    Envoy.line(at(13, "13:13:13"), "GET", "/valuations/VH-20-BFT", "203.0.113.9", "pv-parts", "pak-afe5dab4a6a0", agent=BROWSER)
    # A user of long ago whom nobody knows, by a key that never ends.
    user = {"type": "IAMUser", "principalId": "AIDAQ3EGYB2LEGACYBAT", "arn": f"arn:aws:iam::{ACCOUNT}:user/legacy-batch",
            "accountId": ACCOUNT, "accessKeyId": "AKIAQ3EGYB2LOLDKEY77", "userName": "legacy-batch"}
    for day in (10, 13):
        CloudTrail.record(at(day, "04:00:10"), "secretsmanager.amazonaws.com", "GetSecretValue", user, "192.0.2.17", "Boto3/1.26.0", True,
                          requestParameters={"secretId": "payments/bank-file-key"})
    # Roles that were assumed in a region whose log is not collected; one session says for whom.
    for day, who in ((11, BW["lotte"].address), (13, None)):
        role = CloudTrail.session(at(day, "16:00:00"), "payout-writer", f"x-{DICE.letters(6)}", "198.51.100.24", "aws-sdk-java/2.38.2", who)
        CloudTrail.payment(at(day, "16:05:10"), role, "payout.release", claim(), "640.00")
    # A person behind two roles.
    noor = BW["noor"]
    session = Keycloak.login(at(16, "08:31:00.300"), noor, "phr")
    Keycloak.exchange(at(16, "08:33:00.300"), noor, session, "bw-casework")
    first = CloudTrail.by_web_identity(at(16, "08:33:02"), noor, "payout-writer", "bw-casework")
    second = CloudTrail.session(at(16, "08:33:40"), "payout-exceptional", first["name"], first["ip"], first["agent"], noor.address)
    CloudTrail.record(at(16, "08:33:40"), "sts.amazonaws.com", "AssumeRole", first["identity"], first["ip"], first["agent"], True,
                      requestParameters={"roleArn": f"arn:aws:iam::{ACCOUNT}:role/payout-exceptional", "roleSessionName": first["name"]},
                      responseElements=second["response"])
    CloudTrail.payment(at(16, "08:34:20"), second, "payout.release", "CL-20402", "41200.00")


def main():
    for day in DAYS:
        ordinary_day(day)
    the_payment()
    the_agent()
    the_theft()
    the_reseller()
    single_things()
    shutil.rmtree(LOGS, ignore_errors=True)
    for name, records in sorted(FILES.items()):
        path = LOGS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(record, separators=(",", ":")) for _, _, record in sorted(records, key=lambda one: one[:2])]
        is_trail = name.endswith(".json")
        path.write_text('{"Records":[' + ",\n".join(lines) + "]}\n" if is_trail else "\n".join(lines) + "\n")
    print(sum(map(len, FILES.values())), "records in", len(FILES), "files")


if __name__ == "__main__":
    main()
