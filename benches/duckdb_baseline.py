#!/usr/bin/env python3
"""The plan to beat: identity events as NDJSON, and DuckDB's tuned three-way join over them.

The events are synthetic and the same for the same N: sign-in, token, action, with the faults real
logs have (duplicates, tokens nobody issued, actions that carry only a session or only a user, late
and out-of-order delivery, negative clock skew, shared service principals that hide the actor).

usage: duckdb_baseline.py generate N DIR
       duckdb_baseline.py run NDJSON OUT.csv [--threads 2]
"""
import argparse
import os

import duckdb

SLICE = 5_000_000


def connect(directory, threads=2):
    c = duckdb.connect()
    c.execute(f"SET threads={threads}; SET memory_limit='12GB'; SET temp_directory='{directory}/tmp'")
    return c


def generator(n):
    """SQL that makes the table `ev` of n events."""
    n_auth, n_tok, n_dup = n * 5 // 100, n * 15 // 100, n // 100
    n_act = n - n_auth - n_tok - n_dup
    action = """
 SELECT guid('ek',i) event_id, 'action' kind, 'cloud' source, tenant(tokauth(acttok(i))) tenant_uid, actms(i) ms,
   struct_pack(user_uid := CASE WHEN h('m',i)%100 < 5 THEN guid('u',usr(tokauth(acttok(i)))) ELSE 'svc-portal-' || (h('p',i)%25)::VARCHAR END,
     user_name := NULL, "type" := 'service', org_uid := NULL, sponsor_uid := NULL) actor,
   CASE WHEN h('m',i)%100 < 8 AND h('m',i)%100 >= 5 THEN guid('s',tokauth(acttok(i))) END session_uid,
   CASE WHEN h('m',i)%100 < 8 THEN NULL WHEN h('m',i)%100 < 10 THEN 'orphan' || i::VARCHAR ELSE substr(md5('t' || acttok(i)::VARCHAR),1,22) END token_uid,
   NULL parent_token_uid, NULL client_uid, NULL grant_uid, ip(h('ip',usr(tokauth(acttok(i))))) src_ip,
   'Boto3/1.34 md/Botocore#1.34 ua/2.0 os/linux' user_agent,
   CASE WHEN h('op',i)%50=0 THEN 'iam:AttachRolePolicy' ELSE 's3:GetObject' END operation,
   'arn:aws:s3:::bucket-' || (h('r',i)%5000)::VARCHAR || '/key/' || (h('r2',i)%1000000)::VARCHAR resource_uid,
   CASE WHEN h('o',i)%20=0 THEN 'failure' ELSE 'success' END outcome
"""
    return f"""
CREATE MACRO h(s,i) AS hash(s || i::VARCHAR);
CREATE MACRO guid(s,i) AS (regexp_replace(md5(s || i::VARCHAR), '(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})', '\\1-\\2-\\3-\\4-\\5'));
CREATE MACRO tenant(a) AS 'T' || lpad((h('ten',a) % 40)::VARCHAR, 3, '0');
CREATE MACRO usr(a) AS h('usr',a) % 20000;
CREATE MACRO authms(a) AS (h('at',a) % (30*86400000::UBIGINT))::BIGINT;
CREATE MACRO tokauth(j) AS h('ta',j) % {n_auth};
CREATE MACRO tokms(j) AS authms(tokauth(j)) + (h('tm',j) % 28800000)::BIGINT;
CREATE MACRO acttok(k) AS h('kt',k) % {n_tok};
CREATE MACRO actms(k) AS tokms(acttok(k)) + (h('km',k) % 3600000)::BIGINT - CASE WHEN h('sk',k)%100 < 2 THEN (h('km',k) % 3600000)::BIGINT + 1500 ELSE 0 END;
CREATE MACRO ip(x) AS '10.' || (x%200)::VARCHAR || '.' || ((x//256)%256)::VARCHAR || '.' || ((x//65536)%256)::VARCHAR;
CREATE MACRO lag(x) AS CASE WHEN x%100=0 THEN (x//100)%86400000 ELSE (x//100)%900000 END;
CREATE VIEW ev AS
 SELECT guid('ea',i) event_id, 'auth' kind, 'idp' source, tenant(i) tenant_uid, authms(i) ms,
   struct_pack(user_uid := guid('u',usr(i)), user_name := 'user' || usr(i)::VARCHAR || '@org' || (usr(i)%500)::VARCHAR || '.example',
     "type" := CASE WHEN usr(i)%5=0 THEN 'service' ELSE 'human' END, org_uid := 'ORG' || (usr(i)%500)::VARCHAR, sponsor_uid := guid('u',(usr(i)*7)%20000)) actor,
   guid('s',i) session_uid, NULL token_uid, NULL parent_token_uid, 'app' || (h('app',i)%300)::VARCHAR client_uid,
   guid('g', usr(i)) grant_uid, ip(h('ip',usr(i))) src_ip, 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)' user_agent, 'user.session.start' operation, NULL resource_uid, 'success' outcome
 FROM range({n_auth}) t(i)
 UNION ALL
 SELECT guid('et',i), 'token', 'sts', tenant(tokauth(i)), tokms(i),
   struct_pack(user_uid := guid('u',usr(tokauth(i))), user_name := NULL, "type" := NULL, org_uid := NULL, sponsor_uid := NULL),
   guid('s',tokauth(i)), substr(md5('t' || i::VARCHAR),1,22), NULL, 'app' || (h('app',i)%300)::VARCHAR, guid('g', usr(tokauth(i))),
   ip(h('ip',usr(tokauth(i)))), 'aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5', 'token.issue', NULL, 'success'
 FROM range({n_tok}) t(i)
 UNION ALL {action} FROM range({n_act}) t(i)
 UNION ALL {action} FROM range({n_dup}) t(i)
"""


COLUMNS = """event_id, kind, source, tenant_uid,
 strftime(make_timestamp(1767225600000000 + ms*1000), '%Y-%m-%dT%H:%M:%S.%gZ') AS "time",
 strftime(make_timestamp(1767225600000000 + arrived*1000), '%Y-%m-%dT%H:%M:%S.%gZ') AS ingest_time,
 actor, session_uid, token_uid, parent_token_uid, client_uid, grant_uid, src_ip, user_agent, operation, resource_uid, outcome"""


def generate(n, directory):
    """Writes `events_N.ndjson`, by arrival, and returns its path."""
    path = f"{directory}/events_{n}.ndjson"
    if os.path.exists(path):
        return path
    os.makedirs(directory, exist_ok=True)
    c = connect(directory)
    c.execute("SET preserve_insertion_order=true")
    c.execute(generator(n))
    arrived = "ms + lag(h('lag',event_id))::BIGINT"
    # More than fits in memory is made day after day; within 31 days everything has arrived.
    pieces = max(1, -(-n // SLICE))
    day = 33 * 86_400_000 // pieces + 1
    with open(path + ".part", "wb") as out:
        for piece in range(pieces):
            part = f"{directory}/piece.ndjson"
            inside = f"arrived >= {piece * day - (10**9 if piece == 0 else 0)} AND arrived < {(piece + 1) * day}"
            c.execute(f"COPY (SELECT {COLUMNS} FROM (SELECT *, {arrived} arrived FROM ev) WHERE {inside} "
                      f"ORDER BY arrived, event_id) TO '{part}' (FORMAT json)")
            with open(part, "rb") as text:
                while block := text.read(1 << 24):
                    out.write(block)
            os.remove(part)
    os.rename(path + ".part", path)
    return path


SCHEMA = """{event_id:'VARCHAR',kind:'VARCHAR',source:'VARCHAR',tenant_uid:'VARCHAR',time:'TIMESTAMP',ingest_time:'TIMESTAMP',
 actor:'STRUCT(user_uid VARCHAR, user_name VARCHAR, "type" VARCHAR, org_uid VARCHAR, sponsor_uid VARCHAR)',session_uid:'VARCHAR',token_uid:'VARCHAR',
 parent_token_uid:'VARCHAR',client_uid:'VARCHAR',grant_uid:'VARCHAR',src_ip:'VARCHAR',user_agent:'VARCHAR',operation:'VARCHAR',resource_uid:'VARCHAR',outcome:'VARCHAR'}"""

# Only what is needed is read, once, and kept; everything else is a hash join.
JOIN = """
WITH e AS MATERIALIZED (SELECT event_id, kind, tenant_uid, time, actor.user_uid AS uu, actor.user_name AS un, actor."type" AS ut,
  actor.org_uid AS uo, actor.sponsor_uid AS us, session_uid, token_uid, client_uid, grant_uid, operation, resource_uid, outcome FROM {source}),
au AS (SELECT tenant_uid, session_uid, uu u, un n, ut ty, uo org, us sp, grant_uid FROM e WHERE kind='auth' AND outcome='success'),
tk AS (SELECT tenant_uid, token_uid, session_uid, client_uid FROM e WHERE kind='token'),
ac AS (SELECT DISTINCT ON (event_id) event_id, tenant_uid, token_uid, session_uid, uu svc, time, operation, resource_uid FROM e WHERE kind='action')
SELECT ac.event_id, ac.time, ac.operation, ac.resource_uid resource, ac.svc, au.u, au.n, au.ty, au.org, au.sp sponsor, au.grant_uid "grant", tk.client_uid client,
  CASE WHEN au.u IS NULL THEN 'unattributed' WHEN tk.token_uid IS NOT NULL THEN 'token' ELSE 'session' END how
FROM ac LEFT JOIN tk ON ac.tenant_uid=tk.tenant_uid AND ac.token_uid=tk.token_uid
        LEFT JOIN au ON ac.tenant_uid=au.tenant_uid AND au.session_uid=coalesce(tk.session_uid, ac.session_uid)
"""


def run(path, out, threads):
    c = connect(os.path.dirname(os.path.abspath(out)), threads)
    c.execute("SET preserve_insertion_order=false")
    form = "parquet" if out.endswith(".parquet") else "csv"
    source = f"read_ndjson('{path}', columns={SCHEMA})"
    c.execute(f"COPY ({JOIN.format(source=source)}) TO '{out}' (FORMAT {form})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("generate")
    make.add_argument("n", type=int)
    make.add_argument("directory")
    join = commands.add_parser("run")
    join.add_argument("ndjson")
    join.add_argument("out")
    join.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.command == "generate":
        print(generate(args.n, args.directory))
    else:
        run(args.ndjson, args.out, args.threads)
