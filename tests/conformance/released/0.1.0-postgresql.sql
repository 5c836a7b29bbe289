CREATE TABLE public.horarium_attempts (
    scheduled_at timestamp with time zone NOT NULL,
    job_key bigint NOT NULL,
    attempt integer NOT NULL,
    outcome text NOT NULL,
    node text,
    started_at timestamp with time zone,
    finished_at timestamp with time zone NOT NULL,
    error text
);


--
-- Name: horarium_decisions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_decisions (
    key bigint NOT NULL,
    job_key bigint NOT NULL,
    kind text NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    exact boolean NOT NULL,
    reason text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    node text
);


--
-- Name: horarium_decisions_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.horarium_decisions_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: horarium_decisions_key_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.horarium_decisions_key_seq OWNED BY public.horarium_decisions.key;


--
-- Name: horarium_facts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_facts (
    name text NOT NULL,
    value text NOT NULL
);


--
-- Name: horarium_item_failures; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_item_failures (
    scheduled_at timestamp with time zone NOT NULL,
    job_key bigint NOT NULL,
    batch text NOT NULL,
    key text NOT NULL,
    attempt integer NOT NULL,
    type text NOT NULL,
    message text NOT NULL,
    failed_at timestamp with time zone NOT NULL
);


--
-- Name: horarium_items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_items (
    scheduled_at timestamp with time zone NOT NULL,
    job_key bigint NOT NULL,
    batch text NOT NULL,
    chunk integer NOT NULL,
    done text NOT NULL,
    skipped text NOT NULL
);


--
-- Name: horarium_job_clock; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_job_clock (
    job_key bigint NOT NULL,
    next_run_time timestamp with time zone,
    version bigint DEFAULT 0 NOT NULL,
    revision integer DEFAULT 1 NOT NULL,
    paused boolean DEFAULT false NOT NULL,
    held boolean DEFAULT false NOT NULL
);


--
-- Name: horarium_jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_jobs (
    key bigint NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    task text NOT NULL,
    trigger text NOT NULL,
    args text NOT NULL,
    kwargs text NOT NULL,
    executor text,
    overlap text NOT NULL,
    max_instances integer NOT NULL,
    misfire_grace_time double precision,
    "coalesce" boolean NOT NULL,
    catch_up integer NOT NULL,
    on_crash text NOT NULL,
    retry text,
    timeout double precision,
    keep_runs integer,
    keep_days double precision,
    timezone text NOT NULL,
    origin text NOT NULL,
    revision integer NOT NULL,
    status text NOT NULL,
    fault text,
    paused_by text,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    removed_at timestamp with time zone
);


--
-- Name: horarium_jobs_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.horarium_jobs_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: horarium_jobs_key_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.horarium_jobs_key_seq OWNED BY public.horarium_jobs.key;


--
-- Name: horarium_nodes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_nodes (
    id text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    process text NOT NULL,
    version text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    heartbeat_at timestamp with time zone NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    stopped_at timestamp with time zone,
    stop_reason text,
    clock_offset double precision DEFAULT 0 NOT NULL,
    tasks text DEFAULT '[]'::text NOT NULL
);


--
-- Name: horarium_run_logs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_run_logs (
    scheduled_at timestamp with time zone NOT NULL,
    job_key bigint NOT NULL,
    attempt integer NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone NOT NULL,
    level text NOT NULL,
    logger text NOT NULL,
    message text NOT NULL
);


--
-- Name: horarium_runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_runs (
    scheduled_at timestamp with time zone NOT NULL,
    job_key bigint NOT NULL,
    state text NOT NULL,
    cause text NOT NULL,
    slot bigint,
    node text,
    attempt integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    crashes smallint DEFAULT 0 NOT NULL,
    crashes_in_all smallint DEFAULT 0 NOT NULL,
    marks_at_crash integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    not_before timestamp with time zone,
    start_deadline timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    stop_reason text,
    timed_out boolean DEFAULT false NOT NULL,
    payload text,
    progress text,
    result text,
    error text
);


--
-- Name: horarium_steps; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_steps (
    scheduled_at timestamp with time zone NOT NULL,
    job_key bigint NOT NULL,
    key text NOT NULL,
    result text NOT NULL,
    attempt integer NOT NULL,
    committed_at timestamp with time zone NOT NULL
);


--
-- Name: horarium_version_core; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.horarium_version_core (
    version_num character varying(32) NOT NULL
);


--
-- Name: horarium_decisions key; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_decisions ALTER COLUMN key SET DEFAULT nextval('public.horarium_decisions_key_seq'::regclass);


--
-- Name: horarium_jobs key; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_jobs ALTER COLUMN key SET DEFAULT nextval('public.horarium_jobs_key_seq'::regclass);


--
-- Data for Name: horarium_attempts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_attempts VALUES ('2025-10-26 00:40:00.000001+00', 1, 1, 'outcome-1', 'node-1', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', '{"type": "ValueError", "message": "no: \u00e9\u4e2d"}');
INSERT INTO public.horarium_attempts VALUES ('2025-10-26 00:50:00.000002+00', 2, 2, 'outcome-2', 'node-2', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', '{"type": "ValueError", "message": "no: \u00e9\u4e2d"}');
INSERT INTO public.horarium_attempts VALUES ('2025-10-26 01:00:00.000003+00', 3, 3, 'outcome-3', NULL, NULL, '2025-10-26 01:00:00.000003+00', NULL);


--
-- Data for Name: horarium_decisions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_decisions VALUES (1, 1, 'kind-1', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', 1, true, 'reason-1', '2025-10-26 00:40:00.000001+00', 'node-1');
INSERT INTO public.horarium_decisions VALUES (2, 2, 'kind-2', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', 2, false, 'reason-2', '2025-10-26 00:50:00.000002+00', 'node-2');
INSERT INTO public.horarium_decisions VALUES (3, 3, 'kind-3', '2025-10-26 01:00:00.000003+00', '2025-10-26 01:00:00.000003+00', 3, false, 'reason-3', '2025-10-26 01:00:00.000003+00', NULL);


--
-- Data for Name: horarium_facts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_facts VALUES ('name-1', 'value-1');
INSERT INTO public.horarium_facts VALUES ('name-2', 'value-2');
INSERT INTO public.horarium_facts VALUES ('name-3', 'value-3');


--
-- Data for Name: horarium_item_failures; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_item_failures VALUES ('2025-10-26 00:40:00.000001+00', 1, 'batch-1', 'key-1', 1, 'type-1', 'message-1', '2025-10-26 00:40:00.000001+00');
INSERT INTO public.horarium_item_failures VALUES ('2025-10-26 00:50:00.000002+00', 2, 'batch-2', 'key-2', 2, 'type-2', 'message-2', '2025-10-26 00:50:00.000002+00');
INSERT INTO public.horarium_item_failures VALUES ('2025-10-26 01:00:00.000003+00', 3, 'batch-3', 'key-3', 3, 'type-3', 'message-3', '2025-10-26 01:00:00.000003+00');


--
-- Data for Name: horarium_items; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_items VALUES ('2025-10-26 00:40:00.000001+00', 1, 'batch-1', 1, '["a", "b"]', '[]');
INSERT INTO public.horarium_items VALUES ('2025-10-26 00:50:00.000002+00', 2, 'batch-2', 2, '["a", "b"]', '[]');
INSERT INTO public.horarium_items VALUES ('2025-10-26 01:00:00.000003+00', 3, 'batch-3', 3, '["a", "b"]', '[]');


--
-- Data for Name: horarium_job_clock; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_job_clock VALUES (1, '2025-10-26 00:40:00.000001+00', 1, 1, true, true);
INSERT INTO public.horarium_job_clock VALUES (2, '2025-10-26 00:50:00.000002+00', 2, 2, false, false);
INSERT INTO public.horarium_job_clock VALUES (3, NULL, 3, 3, false, false);


--
-- Data for Name: horarium_jobs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_jobs VALUES (1, 'id-1', 'name-1', 'package.module:function', '{"seconds":3600,"type":"interval"}', '["one", 2]', '{"three": [3]}', 'executor-1', 'skip', 1, 1.5, true, 1, 'resume', 'retry-1', 1.5, 1, 1.5, 'Europe/Berlin', 'origin-1', 1, 'scheduled', 'fault-1', 'paused_by-1', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00');
INSERT INTO public.horarium_jobs VALUES (2, 'id-2', 'name-2', 'package.module:function', '{"seconds":3600,"type":"interval"}', '["one", 2]', '{"three": [3]}', 'executor-2', 'skip', 2, 2.5, false, 2, 'resume', 'retry-2', 2.5, 2, 2.5, 'Europe/Berlin', 'origin-2', 2, 'scheduled', 'fault-2', 'paused_by-2', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00');
INSERT INTO public.horarium_jobs VALUES (3, 'id-3', 'name-3', 'package.module:function', '{"seconds":3600,"type":"interval"}', '["one", 2]', '{"three": [3]}', NULL, 'skip', 3, NULL, false, 3, 'resume', NULL, NULL, NULL, NULL, 'Europe/Berlin', 'origin-3', 3, 'scheduled', NULL, NULL, '2025-10-26 01:00:00.000003+00', '2025-10-26 01:00:00.000003+00', NULL);


--
-- Data for Name: horarium_nodes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_nodes VALUES ('id-1', 'host-1', 1, 'process-1', 'version-1', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', 'stop_reason-1', 1.5, '[]');
INSERT INTO public.horarium_nodes VALUES ('id-2', 'host-2', 2, 'process-2', 'version-2', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', 'stop_reason-2', 2.5, '[]');
INSERT INTO public.horarium_nodes VALUES ('id-3', 'host-3', 3, 'process-3', 'version-3', '2025-10-26 01:00:00.000003+00', '2025-10-26 01:00:00.000003+00', '2025-10-26 01:00:00.000003+00', NULL, NULL, 3.5, '[]');


--
-- Data for Name: horarium_run_logs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_run_logs VALUES ('2025-10-26 00:40:00.000001+00', 1, 1, 1, '2025-10-26 00:40:00.000001+00', 'level-1', 'logger-1', 'message-1');
INSERT INTO public.horarium_run_logs VALUES ('2025-10-26 00:50:00.000002+00', 2, 2, 2, '2025-10-26 00:50:00.000002+00', 'level-2', 'logger-2', 'message-2');
INSERT INTO public.horarium_run_logs VALUES ('2025-10-26 01:00:00.000003+00', 3, 3, 3, '2025-10-26 01:00:00.000003+00', 'level-3', 'logger-3', 'message-3');


--
-- Data for Name: horarium_runs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_runs VALUES ('2025-10-26 00:40:00.000001+00', 1, 'succeeded', 'cause-1', 1, 'node-1', 1, 1, 1, 1, 1, '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', '2025-10-26 00:40:00.000001+00', 'stop_reason-1', true, 'payload-1', '{"done": 1, "total": 2, "message": "half"}', '{"answer": 42}', '{"type": "ValueError", "message": "no: \u00e9\u4e2d"}');
INSERT INTO public.horarium_runs VALUES ('2025-10-26 00:50:00.000002+00', 2, 'succeeded', 'cause-2', 2, 'node-2', 2, 2, 2, 2, 2, '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', '2025-10-26 00:50:00.000002+00', 'stop_reason-2', false, 'payload-2', '{"done": 1, "total": 2, "message": "half"}', '{"answer": 42}', '{"type": "ValueError", "message": "no: \u00e9\u4e2d"}');
INSERT INTO public.horarium_runs VALUES ('2025-10-26 01:00:00.000003+00', 3, 'succeeded', 'cause-3', NULL, NULL, 3, 3, 3, 3, 3, '2025-10-26 01:00:00.000003+00', NULL, NULL, NULL, NULL, NULL, false, NULL, NULL, NULL, NULL);


--
-- Data for Name: horarium_steps; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_steps VALUES ('2025-10-26 00:40:00.000001+00', 1, 'key-1', '{"answer": 42}', 1, '2025-10-26 00:40:00.000001+00');
INSERT INTO public.horarium_steps VALUES ('2025-10-26 00:50:00.000002+00', 2, 'key-2', '{"answer": 42}', 2, '2025-10-26 00:50:00.000002+00');
INSERT INTO public.horarium_steps VALUES ('2025-10-26 01:00:00.000003+00', 3, 'key-3', '{"answer": 42}', 3, '2025-10-26 01:00:00.000003+00');


--
-- Data for Name: horarium_version_core; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.horarium_version_core VALUES ('core_0001');


--
-- Name: horarium_decisions_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.horarium_decisions_key_seq', 3, true);


--
-- Name: horarium_jobs_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.horarium_jobs_key_seq', 3, true);


--
-- Name: horarium_version_core horarium_version_core_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_version_core
    ADD CONSTRAINT horarium_version_core_pkc PRIMARY KEY (version_num);


--
-- Name: horarium_attempts pk_horarium_attempts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_attempts
    ADD CONSTRAINT pk_horarium_attempts PRIMARY KEY (scheduled_at, job_key, attempt);


--
-- Name: horarium_decisions pk_horarium_decisions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_decisions
    ADD CONSTRAINT pk_horarium_decisions PRIMARY KEY (key);


--
-- Name: horarium_facts pk_horarium_facts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_facts
    ADD CONSTRAINT pk_horarium_facts PRIMARY KEY (name);


--
-- Name: horarium_item_failures pk_horarium_item_failures; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_item_failures
    ADD CONSTRAINT pk_horarium_item_failures PRIMARY KEY (scheduled_at, job_key, batch, key);


--
-- Name: horarium_items pk_horarium_items; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_items
    ADD CONSTRAINT pk_horarium_items PRIMARY KEY (scheduled_at, job_key, batch, chunk);


--
-- Name: horarium_job_clock pk_horarium_job_clock; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_job_clock
    ADD CONSTRAINT pk_horarium_job_clock PRIMARY KEY (job_key);


--
-- Name: horarium_jobs pk_horarium_jobs; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_jobs
    ADD CONSTRAINT pk_horarium_jobs PRIMARY KEY (key);


--
-- Name: horarium_nodes pk_horarium_nodes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_nodes
    ADD CONSTRAINT pk_horarium_nodes PRIMARY KEY (id);


--
-- Name: horarium_run_logs pk_horarium_run_logs; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_run_logs
    ADD CONSTRAINT pk_horarium_run_logs PRIMARY KEY (scheduled_at, job_key, attempt, seq);


--
-- Name: horarium_runs pk_horarium_runs; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_runs
    ADD CONSTRAINT pk_horarium_runs PRIMARY KEY (scheduled_at, job_key);


--
-- Name: horarium_steps pk_horarium_steps; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.horarium_steps
    ADD CONSTRAINT pk_horarium_steps PRIMARY KEY (scheduled_at, job_key, key);


--
-- Name: ix_horarium_decisions_job_key_last_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_horarium_decisions_job_key_last_at ON public.horarium_decisions USING btree (job_key, last_at);


--
-- Name: ix_horarium_job_clock_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_horarium_job_clock_due ON public.horarium_job_clock USING btree (next_run_time) WHERE ((NOT paused) AND (NOT held) AND (next_run_time IS NOT NULL));


--
-- Name: ix_horarium_job_clock_held; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_horarium_job_clock_held ON public.horarium_job_clock USING btree (job_key) WHERE held;


--
-- Name: ix_horarium_jobs_origin; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_horarium_jobs_origin ON public.horarium_jobs USING btree (origin) WHERE (removed_at IS NULL);


--
-- Name: ix_horarium_runs_held; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_horarium_runs_held ON public.horarium_runs USING btree (node) WHERE (state = ANY (ARRAY['running'::text, 'stopping'::text]));


--
-- Name: ix_horarium_runs_history; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_horarium_runs_history ON public.horarium_runs USING btree (job_key, scheduled_at);


--
-- Name: ix_horarium_runs_waiting; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_horarium_runs_waiting ON public.horarium_runs USING btree (not_before, scheduled_at) WHERE (state = ANY (ARRAY['queued'::text, 'retrying'::text]));


--
-- Name: uq_horarium_jobs_id; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_horarium_jobs_id ON public.horarium_jobs USING btree (id) WHERE (removed_at IS NULL);


--
-- Name: uq_horarium_runs_slot; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_horarium_runs_slot ON public.horarium_runs USING btree (job_key, slot) WHERE (slot IS NOT NULL);


--
-- PostgreSQL database dump complete
--
