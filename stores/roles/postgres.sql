-- Who may do what. These roles cannot log in: make a user for each program and grant it its role,
--
--     CREATE ROLE worker_1 LOGIN PASSWORD '…' IN ROLE sortie_internal;
--
-- External workers have no role: they have no database. May be run again at any time; run it again
-- after each migration. Needs the owner of the schemas, with the right to create roles.

DO $$
DECLARE
    wanted name;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['sortie_manager', 'sortie_internal', 'sortie_bare_metal']::name[] LOOP
        -- Roles belong to the whole server, so another database may have made them, even now.
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA task_manager, recon FROM PUBLIC;
GRANT USAGE ON SCHEMA task_manager TO sortie_manager, sortie_internal, sortie_bare_metal;
GRANT USAGE ON SCHEMA recon TO sortie_internal, sortie_bare_metal;
-- Which version the schema has, so that a program finds out before it does harm.
GRANT SELECT ON task_manager.migrations TO sortie_manager, sortie_internal, sortie_bare_metal;

-- The manager moves collections on. It removes nothing but what it has sent and what it need not
-- remember, writes task data on behalf of External workers, and has no part in recon data.
GRANT SELECT, INSERT, UPDATE
    ON task_manager.collections, task_manager.containers, task_manager.tasks TO sortie_manager;
GRANT SELECT, INSERT, DELETE ON task_manager.inbox, task_manager.outbox TO sortie_manager;
-- A prune skips the rows that another one has locked, and to lock a row takes this.
GRANT UPDATE (received_at) ON task_manager.inbox TO sortie_manager;
-- Of a batch only part of which was sent, the rest stays.
GRANT UPDATE (members, tasks, attempts) ON task_manager.outbox TO sortie_manager;
-- What it reads of task data is for those who wait for results in its process.
GRANT SELECT, INSERT, UPDATE ON task_manager.task_data TO sortie_manager;
GRANT SELECT ON task_manager.task_collection_data TO sortie_manager;

-- Workers inside of the network read and write data. Of tasks and containers they see where data
-- sets are, not what others were given to do, and change nothing: a row is theirs to write only
-- while `holds` says that their task runs, which the store asks first.
GRANT SELECT (id, collection, container, name)
    ON task_manager.tasks TO sortie_internal, sortie_bare_metal;
GRANT SELECT (id, collection, name, generator)
    ON task_manager.containers TO sortie_internal, sortie_bare_metal;
GRANT EXECUTE ON FUNCTION task_manager.holds(uuid, bigint, uuid, uuid)
    TO sortie_internal, sortie_bare_metal;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON task_manager.task_data TO sortie_internal, sortie_bare_metal;
GRANT SELECT, INSERT, UPDATE
    ON task_manager.task_collection_data TO sortie_internal, sortie_bare_metal;

-- What was found is kept: no worker removes any of it.
GRANT SELECT, INSERT, UPDATE ON
    recon.target, recon.domain, recon.endpoint, recon.certificate, recon.web_document, recon.model
    TO sortie_internal, sortie_bare_metal;
GRANT SELECT, INSERT, DELETE ON recon.reference TO sortie_internal, sortie_bare_metal;
GRANT SELECT ON
    recon.targets, recon.domains, recon.endpoints, recon.certificates, recon.web_documents
    TO sortie_internal, sortie_bare_metal;
