-- What was found. Each model has a row for each natural key. `body` is a JSON object with sorted
-- members, `null` those that were cleared; `fields` is the same for questions. The stock models
-- have a table each, with indices on what is asked for most, and a view with a column for each
-- field (the plural); the models of users share `recon.model`. Times and ids are as in 0001.

CREATE TABLE recon.target (
    "key" text COLLATE "C" NOT NULL PRIMARY KEY,
    body text NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    changed_at bigint NOT NULL,
    found_in uuid NOT NULL,
    found_by uuid NOT NULL,
    found_runs text NOT NULL,
    changed_in uuid NOT NULL,
    changed_by uuid NOT NULL,
    changed_runs text NOT NULL,
    fields jsonb NOT NULL GENERATED ALWAYS AS (body::jsonb) STORED
);
CREATE INDEX target_changed ON recon.target (changed_in, "key");
CREATE VIEW recon.targets AS SELECT
    "key",
    (fields ->> 'spec') AS spec,
    (fields ->> 'kind') AS kind,
    (fields ->> 'program') AS program,
    (CASE jsonb_typeof(fields -> 'excluded') WHEN 'boolean' THEN (fields ->> 'excluded')::boolean END) AS excluded,
    first_seen, last_seen, changed_at, found_in, found_by, changed_in, changed_by
FROM recon.target;

CREATE TABLE recon.domain (
    "key" text COLLATE "C" NOT NULL PRIMARY KEY,
    body text NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    changed_at bigint NOT NULL,
    found_in uuid NOT NULL,
    found_by uuid NOT NULL,
    found_runs text NOT NULL,
    changed_in uuid NOT NULL,
    changed_by uuid NOT NULL,
    changed_runs text NOT NULL,
    fields jsonb NOT NULL GENERATED ALWAYS AS (body::jsonb) STORED
);
CREATE INDEX domain_changed ON recon.domain (changed_in, "key");
CREATE INDEX domain_target ON recon.domain (((fields ->> 'target') COLLATE "C") NULLS FIRST, "key");
CREATE VIEW recon.domains AS SELECT
    "key",
    (fields ->> 'name') AS name,
    (fields ->> 'target') AS target,
    (CASE jsonb_typeof(fields -> 'resolves') WHEN 'boolean' THEN (fields ->> 'resolves')::boolean END) AS resolves,
    NULLIF(fields -> 'addresses', 'null'::jsonb) AS addresses,
    (fields ->> 'cname') AS cname,
    NULLIF(fields -> 'dangling', 'null'::jsonb) AS dangling,
    (CASE jsonb_typeof(fields -> 'wildcard') WHEN 'boolean' THEN (fields ->> 'wildcard')::boolean END) AS wildcard,
    (CASE jsonb_typeof(fields -> 'wildcard_dns') WHEN 'boolean' THEN (fields ->> 'wildcard_dns')::boolean END) AS wildcard_dns,
    (CASE jsonb_typeof(fields -> 'by_wildcard') WHEN 'boolean' THEN (fields ->> 'by_wildcard')::boolean END) AS by_wildcard,
    first_seen, last_seen, changed_at, found_in, found_by, changed_in, changed_by
FROM recon.domain;

CREATE TABLE recon.endpoint (
    "key" text COLLATE "C" NOT NULL PRIMARY KEY,
    body text NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    changed_at bigint NOT NULL,
    found_in uuid NOT NULL,
    found_by uuid NOT NULL,
    found_runs text NOT NULL,
    changed_in uuid NOT NULL,
    changed_by uuid NOT NULL,
    changed_runs text NOT NULL,
    fields jsonb NOT NULL GENERATED ALWAYS AS (body::jsonb) STORED
);
CREATE INDEX endpoint_changed ON recon.endpoint (changed_in, "key");
CREATE INDEX endpoint_address ON recon.endpoint (((fields ->> 'address') COLLATE "C") NULLS FIRST, "key");
CREATE INDEX endpoint_port ON recon.endpoint ((CASE jsonb_typeof(fields -> 'port') WHEN 'number' THEN (fields ->> 'port')::bigint END) NULLS FIRST, "key");
CREATE VIEW recon.endpoints AS SELECT
    "key",
    (fields ->> 'address') AS address,
    (CASE jsonb_typeof(fields -> 'port') WHEN 'number' THEN (fields ->> 'port')::bigint END) AS port,
    (fields ->> 'transport') AS transport,
    NULLIF(fields -> 'names', 'null'::jsonb) AS names,
    (fields ->> 'state') AS state,
    (fields ->> 'service') AS service,
    (fields ->> 'product') AS product,
    (fields ->> 'version') AS version,
    (CASE jsonb_typeof(fields -> 'tls') WHEN 'boolean' THEN (fields ->> 'tls')::boolean END) AS tls,
    (fields ->> 'certificate') AS certificate,
    (fields ->> 'default_certificate') AS default_certificate,
    first_seen, last_seen, changed_at, found_in, found_by, changed_in, changed_by
FROM recon.endpoint;

CREATE TABLE recon.certificate (
    "key" text COLLATE "C" NOT NULL PRIMARY KEY,
    body text NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    changed_at bigint NOT NULL,
    found_in uuid NOT NULL,
    found_by uuid NOT NULL,
    found_runs text NOT NULL,
    changed_in uuid NOT NULL,
    changed_by uuid NOT NULL,
    changed_runs text NOT NULL,
    fields jsonb NOT NULL GENERATED ALWAYS AS (body::jsonb) STORED
);
CREATE INDEX certificate_changed ON recon.certificate (changed_in, "key");
CREATE INDEX certificate_not_after ON recon.certificate ((CASE jsonb_typeof(fields -> 'not_after') WHEN 'number' THEN (fields ->> 'not_after')::bigint END) NULLS FIRST, "key");
CREATE VIEW recon.certificates AS SELECT
    "key",
    (fields ->> 'sha256') AS sha256,
    (fields ->> 'subject') AS subject,
    (fields ->> 'issuer') AS issuer,
    (fields ->> 'serial') AS serial,
    (CASE jsonb_typeof(fields -> 'not_before') WHEN 'number' THEN (fields ->> 'not_before')::bigint END) AS not_before,
    (CASE jsonb_typeof(fields -> 'not_after') WHEN 'number' THEN (fields ->> 'not_after')::bigint END) AS not_after,
    NULLIF(fields -> 'names', 'null'::jsonb) AS names,
    NULLIF(fields -> 'domains', 'null'::jsonb) AS domains,
    first_seen, last_seen, changed_at, found_in, found_by, changed_in, changed_by
FROM recon.certificate;

CREATE TABLE recon.web_document (
    "key" text COLLATE "C" NOT NULL PRIMARY KEY,
    body text NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    changed_at bigint NOT NULL,
    found_in uuid NOT NULL,
    found_by uuid NOT NULL,
    found_runs text NOT NULL,
    changed_in uuid NOT NULL,
    changed_by uuid NOT NULL,
    changed_runs text NOT NULL,
    fields jsonb NOT NULL GENERATED ALWAYS AS (body::jsonb) STORED
);
CREATE INDEX web_document_changed ON recon.web_document (changed_in, "key");
CREATE INDEX web_document_status ON recon.web_document ((CASE jsonb_typeof(fields -> 'status') WHEN 'number' THEN (fields ->> 'status')::bigint END) NULLS FIRST, "key");
CREATE VIEW recon.web_documents AS SELECT
    "key",
    (fields ->> 'url') AS url,
    (fields ->> 'endpoint') AS endpoint,
    (fields ->> 'domain') AS domain,
    (fields ->> 'outcome') AS outcome,
    (CASE jsonb_typeof(fields -> 'status') WHEN 'number' THEN (fields ->> 'status')::bigint END) AS status,
    (fields ->> 'title') AS title,
    (fields ->> 'content_type') AS content_type,
    (CASE jsonb_typeof(fields -> 'length') WHEN 'number' THEN (fields ->> 'length')::bigint END) AS length,
    (fields ->> 'sha256') AS sha256,
    (fields ->> 'redirect_to') AS redirect_to,
    first_seen, last_seen, changed_at, found_in, found_by, changed_in, changed_by
FROM recon.web_document;

CREATE TABLE recon.model (
    model text COLLATE "C" NOT NULL,
    "key" text COLLATE "C" NOT NULL,
    body text NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    changed_at bigint NOT NULL,
    found_in uuid NOT NULL,
    found_by uuid NOT NULL,
    found_runs text NOT NULL,
    changed_in uuid NOT NULL,
    changed_by uuid NOT NULL,
    changed_runs text NOT NULL,
    fields jsonb NOT NULL GENERATED ALWAYS AS (body::jsonb) STORED,
    PRIMARY KEY (model, "key")
);
CREATE INDEX model_changed ON recon.model (changed_in, model, "key");

-- Which row's field names which row of another model, whether that one exists or not.
CREATE TABLE recon.reference (
    from_model text COLLATE "C" NOT NULL,
    from_key text COLLATE "C" NOT NULL,
    field text COLLATE "C" NOT NULL,
    to_model text COLLATE "C" NOT NULL,
    to_key text COLLATE "C" NOT NULL,
    PRIMARY KEY (from_model, from_key, field, to_model, to_key)
);
CREATE INDEX reference_to ON recon.reference (to_model, to_key, from_model, field, from_key);
