#!/usr/bin/env python3
"""Runs a real nginx or Envoy on the loopback address and keeps its access log in JSON.

    interop/capture_proxies.py nginx NGINX_BINARY OUT_FILE
    interop/capture_proxies.py envoy ENVOY_BINARY OUT_FILE

Both stand before a small server, once in plain HTTP and once with client certificates. nginx checks
a password, Envoy a token (RS256, its claims in the log under `jwt`). The requests: read, change,
refused, not found, broken upstream, a client that does not wait, a query that holds a secret.

Needs Python 3.9 and openssl. Only the processes that it starts are ended.
"""

import base64
import http.client
import http.server
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

PLAIN, TLS, UPSTREAM, DEAD = 18490, 18491, 18492, 18493

NGINX = """
daemon off;
worker_processes 1;
pid %(dir)s/nginx.pid;
error_log stderr error;
events {}
http {
    client_body_temp_path %(dir)s/body; proxy_temp_path %(dir)s/proxy;
    fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
    log_format countersign escape=json '{"time_iso8601":"$time_iso8601","msec":"$msec",'
        '"remote_addr":"$remote_addr","remote_user":"$remote_user","request_id":"$request_id",'
        '"http_x_request_id":"$http_x_request_id","host":"$host","request_method":"$request_method",'
        '"request_uri":"$request_uri","status":$status,"http_user_agent":"$http_user_agent",'
        '"ssl_client_verify":"$ssl_client_verify","ssl_client_fingerprint":"$ssl_client_fingerprint",'
        '"ssl_client_s_dn":"$ssl_client_s_dn","ssl_client_i_dn":"$ssl_client_i_dn"}';
    access_log %(dir)s/access.log countersign;
    proxy_set_header X-Request-ID $request_id;
    server {
        listen 127.0.0.1:%(plain)d;
        server_name claims.example;
        location / { auth_basic partners; auth_basic_user_file %(dir)s/users; proxy_pass http://127.0.0.1:%(upstream)d; }
        location /dead/ { auth_basic partners; auth_basic_user_file %(dir)s/users; proxy_pass http://127.0.0.1:%(dead)d; }
    }
    server {
        listen 127.0.0.1:%(tls)d ssl;
        server_name api.example;
        ssl_certificate %(dir)s/server.pem; ssl_certificate_key %(dir)s/server.key;
        ssl_client_certificate %(dir)s/ca.pem; ssl_verify_client optional;
        location / { proxy_pass http://127.0.0.1:%(upstream)d; }
    }
}
"""

FORMAT = {
    "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%", "response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%",
    "duration": "%DURATION%", "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%", "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%", "authority": "%REQ(:AUTHORITY)%", "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER%", "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "downstream_peer_uri_san": "%DOWNSTREAM_PEER_URI_SAN%", "downstream_peer_subject": "%DOWNSTREAM_PEER_SUBJECT%",
    "downstream_peer_fingerprint_256": "%DOWNSTREAM_PEER_FINGERPRINT_256%",
    "jwt": "%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:payload)%",
}


def envoy_config(folder, keys):
    def cluster(name, port):
        endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
        return {"name": name, "type": "STATIC", "connect_timeout": "1s",
                "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}}

    def listener(name, port, filters, transport=None):
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name, "use_remote_address": True,
            "access_log": [{"name": "file", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": f"{folder}/access.log", "log_format": {"json_format": FORMAT}}}],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": "/dead/"}, "route": {"cluster": "dead"}},
                {"match": {"prefix": "/"}, "route": {"cluster": "claims"}}]}]},
            "http_filters": filters + [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        }
        chain = {"filters": [{"name": "hcm", "typed_config": manager}]}
        if transport:
            chain["transport_socket"] = transport
        return {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}, "filter_chains": [chain]}

    jwt = {"name": "jwt", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"partner": {"issuer": "https://idp.partner.example", "payload_in_metadata": "payload",
                                  "local_jwks": {"inline_string": json.dumps(keys)}}},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "partner"}}]}}
    tls = {"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "require_client_certificate": True,
        "common_tls_context": {
            "tls_certificates": [{"certificate_chain": {"filename": f"{folder}/server.pem"}, "private_key": {"filename": f"{folder}/server.key"}}],
            "validation_context": {"trusted_ca": {"filename": f"{folder}/ca.pem"}}}}}
    return {"static_resources": {
        "listeners": [listener("plain", PLAIN, [jwt]), listener("mutual", TLS, [], tls)],
        "clusters": [cluster("claims", UPSTREAM), cluster("dead", DEAD)]}}


def run(*words, **given):
    return subprocess.run(words, check=True, capture_output=True, **given).stdout


def certificates(folder):
    """A CA, a server and a client whose SPIFFE id is in its certificate."""
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/O=Partner/CN=Partner CA",
        "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem")
    for name, subject, san in (("server", "/CN=api.example", "DNS:api.example"),
                               ("client", "/O=Partner/CN=nightly-batch", "URI:spiffe://partner.example/ns/jobs/sa/nightly-batch")):
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
        (folder / "san").write_text(f"subjectAltName={san}\n")
        run("openssl", "x509", "-req", "-days", "2", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key",
            "-CAcreateserial", "-extfile", f"{folder}/san", "-out", f"{folder}/{name}.pem")


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signing_key(folder):
    """A key as a JWKS, and a function that signs claims."""
    run("openssl", "genrsa", "-out", f"{folder}/jwt.key", "2048")
    modulus = run("openssl", "rsa", "-in", f"{folder}/jwt.key", "-noout", "-modulus").decode().strip().split("=")[1]
    keys = {"keys": [{"kty": "RSA", "alg": "RS256", "kid": "k1", "e": "AQAB", "n": encoded(bytes.fromhex(modulus)).decode()}]}

    def sign(claims):
        head = encoded(json.dumps({"alg": "RS256", "kid": "k1", "typ": "JWT"}).encode())
        body = head + b"." + encoded(json.dumps(claims).encode())
        signature = run("openssl", "dgst", "-sha256", "-sign", f"{folder}/jwt.key", input=body)
        return (body + b"." + encoded(signature)).decode()

    return keys, sign


class Claims(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if self.path.startswith("/slow"):
            time.sleep(2)
        try:
            self.send_response(404 if self.path.startswith("/missing") else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
        except OSError:
            pass

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = answer

    def log_message(self, *_):
        pass


def ask(connection, method, path, headers=None, body=None):
    connection.request(method, path, body=body, headers={"User-Agent": "capture/1", **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def use(folder, refused, allowed, agent):
    def plain():
        return http.client.HTTPConnection("127.0.0.1", PLAIN, timeout=10)

    def mutual(with_certificate=True):
        context = ssl.create_default_context(cafile=f"{folder}/ca.pem")
        if with_certificate:
            context.load_cert_chain(f"{folder}/client.pem", f"{folder}/client.key")
        connection = http.client.HTTPSConnection("127.0.0.1", TLS, timeout=10, context=context)
        context.check_hostname = False
        return connection

    host = {"Host": "claims.example"}
    print(ask(plain(), "GET", "/v1/claims", host), "without a password or token")
    print(ask(plain(), "GET", "/v1/claims", {**host, **refused}), "with a wrong one")
    print(ask(plain(), "GET", "/v1/claims?page=2", {**host, **allowed}))
    print(ask(plain(), "POST", "/v1/claims/4711/approve?token=must-not-pass", {**host, **allowed}, b"{}"))
    print(ask(plain(), "DELETE", "/missing/4711", {**host, **agent}))
    print(ask(plain(), "PUT", "/dead/x", {**host, **allowed}, b"{}"))
    impatient = socket.create_connection(("127.0.0.1", PLAIN))
    head = "".join(f"{key}: {value}\r\n" for key, value in {**host, **allowed}.items())
    impatient.sendall(f"GET /slow HTTP/1.1\r\n{head}\r\n".encode())
    time.sleep(0.5)
    impatient.close()
    print(ask(mutual(), "POST", "/v1/batch", {"Host": "api.example"}, b"{}"), "with a certificate")
    try:
        print(ask(mutual(False), "GET", "/v1/batch", {"Host": "api.example"}), "without one")
    except (OSError, http.client.HTTPException):
        print("refused without a certificate")


def wait_for(port, process):
    for _ in range(100):
        if process.poll() is not None:
            raise SystemExit(f"it ended: {process.stderr.read().decode()[:2000]}")
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
    raise SystemExit("it did not come up")


def main():
    which, binary, out = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", UPSTREAM), Claims)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        certificates(folder)
        if which == "nginx":
            hashed = run("openssl", "passwd", "-apr1", "ada-once").decode().strip()
            (folder / "users").write_text(f"ada@partner.example:{hashed}\n")
            given = {"dir": folder, "plain": PLAIN, "tls": TLS, "upstream": UPSTREAM, "dead": DEAD}
            (folder / "nginx.conf").write_text(NGINX % given)
            words = [binary, "-p", name, "-c", f"{folder}/nginx.conf"]
            basic = lambda password: {"Authorization": "Basic " + base64.b64encode(f"ada@partner.example:{password}".encode()).decode()}
            refused, allowed, agent = basic("wrong"), basic("ada-once"), basic("ada-once")
        else:
            keys, sign = signing_key(folder)
            (folder / "envoy.json").write_text(json.dumps(envoy_config(folder, keys)))
            words = [binary, "-c", f"{folder}/envoy.json", "--log-level", "error", "--concurrency", "1"]
            claims = {"iss": "https://idp.partner.example", "sub": "u-1", "email": "ada@partner.example", "sid": "s-9", "jti": "7f2d",
                      "acr": "2", "amr": ["pwd", "otp"], "exp": int(time.time()) + 600}
            bearer = lambda claims: {"Authorization": "Bearer " + sign(claims)}
            allowed, refused = bearer(claims), bearer({**claims, "exp": 1})
            agent = bearer({**claims, "jti": "8f2d", "act": {"sub": "agent-7"}})
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            wait_for(PLAIN, process)
            use(folder, refused, allowed, agent)
            time.sleep(3)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
        out.write_text((folder / "access.log").read_text())
        print(len(out.read_text().splitlines()), "lines")


if __name__ == "__main__":
    sys.exit(main())
