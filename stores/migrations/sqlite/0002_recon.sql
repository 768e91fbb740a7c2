-- What was found. Each model has a row for each natural key; `body` is a JSON object with sorted
-- members, `null` those that were cleared. The tables of the stock models have a column for each
-- field that can be asked for, worked out from the body, and indices on those that are asked for
-- most. Models of users share `recon_model`. Times and ids are as in 0001.

CREATE TABLE recon_target (
    "key" TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    found_in BLOB NOT NULL,
    found_by BLOB NOT NULL,
    found_runs TEXT NOT NULL,
    changed_in BLOB NOT NULL,
    changed_by BLOB NOT NULL,
    changed_runs TEXT NOT NULL,
    spec TEXT AS (body ->> '$.spec'),
    kind TEXT AS (body ->> '$.kind'),
    program TEXT AS (body ->> '$.program'),
    excluded INTEGER AS (body ->> '$.excluded')
) STRICT, WITHOUT ROWID;

CREATE TABLE recon_domain (
    "key" TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    found_in BLOB NOT NULL,
    found_by BLOB NOT NULL,
    found_runs TEXT NOT NULL,
    changed_in BLOB NOT NULL,
    changed_by BLOB NOT NULL,
    changed_runs TEXT NOT NULL,
    name TEXT AS (body ->> '$.name'),
    target TEXT AS (body ->> '$.target'),
    resolves INTEGER AS (body ->> '$.resolves'),
    addresses TEXT AS (body ->> '$.addresses'),
    cname TEXT AS (body ->> '$.cname'),
    dangling TEXT AS (body ->> '$.dangling'),
    wildcard INTEGER AS (body ->> '$.wildcard'),
    wildcard_dns INTEGER AS (body ->> '$.wildcard_dns'),
    by_wildcard INTEGER AS (body ->> '$.by_wildcard')
) STRICT, WITHOUT ROWID;
CREATE INDEX recon_domain_target ON recon_domain (body ->> '$.target', "key");

CREATE TABLE recon_endpoint (
    "key" TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    found_in BLOB NOT NULL,
    found_by BLOB NOT NULL,
    found_runs TEXT NOT NULL,
    changed_in BLOB NOT NULL,
    changed_by BLOB NOT NULL,
    changed_runs TEXT NOT NULL,
    address TEXT AS (body ->> '$.address'),
    port INTEGER AS (body ->> '$.port'),
    transport TEXT AS (body ->> '$.transport'),
    names TEXT AS (body ->> '$.names'),
    state TEXT AS (body ->> '$.state'),
    service TEXT AS (body ->> '$.service'),
    product TEXT AS (body ->> '$.product'),
    version TEXT AS (body ->> '$.version'),
    tls INTEGER AS (body ->> '$.tls'),
    certificate TEXT AS (body ->> '$.certificate'),
    default_certificate TEXT AS (body ->> '$.default_certificate')
) STRICT, WITHOUT ROWID;
CREATE INDEX recon_endpoint_address ON recon_endpoint (body ->> '$.address', "key");
CREATE INDEX recon_endpoint_port ON recon_endpoint (body ->> '$.port', "key");

CREATE TABLE recon_certificate (
    "key" TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    found_in BLOB NOT NULL,
    found_by BLOB NOT NULL,
    found_runs TEXT NOT NULL,
    changed_in BLOB NOT NULL,
    changed_by BLOB NOT NULL,
    changed_runs TEXT NOT NULL,
    sha256 TEXT AS (body ->> '$.sha256'),
    subject TEXT AS (body ->> '$.subject'),
    issuer TEXT AS (body ->> '$.issuer'),
    serial TEXT AS (body ->> '$.serial'),
    not_before INTEGER AS (body ->> '$.not_before'),
    not_after INTEGER AS (body ->> '$.not_after'),
    names TEXT AS (body ->> '$.names'),
    domains TEXT AS (body ->> '$.domains')
) STRICT, WITHOUT ROWID;
CREATE INDEX recon_certificate_not_after ON recon_certificate (body ->> '$.not_after', "key");

CREATE TABLE recon_web_document (
    "key" TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    found_in BLOB NOT NULL,
    found_by BLOB NOT NULL,
    found_runs TEXT NOT NULL,
    changed_in BLOB NOT NULL,
    changed_by BLOB NOT NULL,
    changed_runs TEXT NOT NULL,
    url TEXT AS (body ->> '$.url'),
    endpoint TEXT AS (body ->> '$.endpoint'),
    domain TEXT AS (body ->> '$.domain'),
    outcome TEXT AS (body ->> '$.outcome'),
    status INTEGER AS (body ->> '$.status'),
    title TEXT AS (body ->> '$.title'),
    content_type TEXT AS (body ->> '$.content_type'),
    length INTEGER AS (body ->> '$.length'),
    sha256 TEXT AS (body ->> '$.sha256'),
    redirect_to TEXT AS (body ->> '$.redirect_to')
) STRICT, WITHOUT ROWID;
CREATE INDEX recon_web_document_status ON recon_web_document (body ->> '$.status', "key");

CREATE TABLE recon_model (
    model TEXT NOT NULL,
    "key" TEXT NOT NULL,
    body TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    found_in BLOB NOT NULL,
    found_by BLOB NOT NULL,
    found_runs TEXT NOT NULL,
    changed_in BLOB NOT NULL,
    changed_by BLOB NOT NULL,
    changed_runs TEXT NOT NULL,
    PRIMARY KEY (model, "key")
) STRICT, WITHOUT ROWID;

-- What a run has found or changed, and what has not been seen for long.
CREATE INDEX recon_target_changed ON recon_target (changed_in, "key");
CREATE INDEX recon_domain_changed ON recon_domain (changed_in, "key");
CREATE INDEX recon_endpoint_changed ON recon_endpoint (changed_in, "key");
CREATE INDEX recon_certificate_changed ON recon_certificate (changed_in, "key");
CREATE INDEX recon_web_document_changed ON recon_web_document (changed_in, "key");
CREATE INDEX recon_model_changed ON recon_model (changed_in, model, "key");

-- Which row's field names which row of another model, whether that one exists or not.
CREATE TABLE recon_reference (
    from_model TEXT NOT NULL,
    from_key TEXT NOT NULL,
    field TEXT NOT NULL,
    to_model TEXT NOT NULL,
    to_key TEXT NOT NULL,
    PRIMARY KEY (from_model, from_key, field, to_model, to_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX recon_reference_to ON recon_reference (to_model, to_key, from_model, field, from_key);
