BEGIN TRANSACTION;
CREATE TABLE horarium_attempts (
	scheduled_at BIGINT NOT NULL, 
	job_key BIGINT NOT NULL, 
	attempt INTEGER NOT NULL, 
	outcome TEXT NOT NULL, 
	node TEXT, 
	started_at BIGINT, 
	finished_at BIGINT NOT NULL, 
	error TEXT, 
	CONSTRAINT pk_horarium_attempts PRIMARY KEY (scheduled_at, job_key, attempt)
)
 WITHOUT ROWID

;
INSERT INTO "horarium_attempts" VALUES(1761439200000001,1,1,'outcome-1','node-1',1761439200000001,1761439200000001,'{"type": "ValueError", "message": "no: \u00e9\u4e2d"}');
INSERT INTO "horarium_attempts" VALUES(1761439800000002,2,2,'outcome-2','node-2',1761439800000002,1761439800000002,'{"type": "ValueError", "message": "no: \u00e9\u4e2d"}');
INSERT INTO "horarium_attempts" VALUES(1761440400000003,3,3,'outcome-3',NULL,NULL,1761440400000003,NULL);
CREATE TABLE horarium_decisions (
	"key" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	job_key BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	first_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	count BIGINT NOT NULL, 
	exact BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	decided_at BIGINT NOT NULL, 
	node TEXT
);
INSERT INTO "horarium_decisions" VALUES(1,1,'kind-1',1761439200000001,1761439200000001,1,1,'reason-1',1761439200000001,'node-1');
INSERT INTO "horarium_decisions" VALUES(2,2,'kind-2',1761439800000002,1761439800000002,2,0,'reason-2',1761439800000002,'node-2');
INSERT INTO "horarium_decisions" VALUES(3,3,'kind-3',1761440400000003,1761440400000003,3,0,'reason-3',1761440400000003,NULL);
CREATE TABLE horarium_facts (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_horarium_facts PRIMARY KEY (name)
);
INSERT INTO "horarium_facts" VALUES('name-1','value-1');
INSERT INTO "horarium_facts" VALUES('name-2','value-2');
INSERT INTO "horarium_facts" VALUES('name-3','value-3');
CREATE TABLE horarium_item_failures (
	scheduled_at BIGINT NOT NULL, 
	job_key BIGINT NOT NULL, 
	batch TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	type TEXT NOT NULL, 
	message TEXT NOT NULL, 
	failed_at BIGINT NOT NULL, 
	CONSTRAINT pk_horarium_item_failures PRIMARY KEY (scheduled_at, job_key, batch, "key")
)
 WITHOUT ROWID

;
INSERT INTO "horarium_item_failures" VALUES(1761439200000001,1,'batch-1','key-1',1,'type-1','message-1',1761439200000001);
INSERT INTO "horarium_item_failures" VALUES(1761439800000002,2,'batch-2','key-2',2,'type-2','message-2',1761439800000002);
INSERT INTO "horarium_item_failures" VALUES(1761440400000003,3,'batch-3','key-3',3,'type-3','message-3',1761440400000003);
CREATE TABLE horarium_items (
	scheduled_at BIGINT NOT NULL, 
	job_key BIGINT NOT NULL, 
	batch TEXT NOT NULL, 
	chunk INTEGER NOT NULL, 
	done TEXT NOT NULL, 
	skipped TEXT NOT NULL, 
	CONSTRAINT pk_horarium_items PRIMARY KEY (scheduled_at, job_key, batch, chunk)
)
 WITHOUT ROWID

;
INSERT INTO "horarium_items" VALUES(1761439200000001,1,'batch-1',1,'["a", "b"]','[]');
INSERT INTO "horarium_items" VALUES(1761439800000002,2,'batch-2',2,'["a", "b"]','[]');
INSERT INTO "horarium_items" VALUES(1761440400000003,3,'batch-3',3,'["a", "b"]','[]');
CREATE TABLE horarium_job_clock (
	job_key INTEGER NOT NULL, 
	next_run_time BIGINT, 
	version BIGINT DEFAULT 0 NOT NULL, 
	revision INTEGER DEFAULT 1 NOT NULL, 
	paused BOOLEAN DEFAULT 0 NOT NULL, 
	held BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_horarium_job_clock PRIMARY KEY (job_key)
);
INSERT INTO "horarium_job_clock" VALUES(1,1761439200000001,1,1,1,1);
INSERT INTO "horarium_job_clock" VALUES(2,1761439800000002,2,2,0,0);
INSERT INTO "horarium_job_clock" VALUES(3,NULL,3,3,0,0);
CREATE TABLE horarium_jobs (
	"key" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	task TEXT NOT NULL, 
	"trigger" TEXT NOT NULL, 
	args TEXT NOT NULL, 
	kwargs TEXT NOT NULL, 
	executor TEXT, 
	overlap TEXT NOT NULL, 
	max_instances INTEGER NOT NULL, 
	misfire_grace_time FLOAT, 
	coalesce BOOLEAN NOT NULL, 
	catch_up INTEGER NOT NULL, 
	on_crash TEXT NOT NULL, 
	retry TEXT, 
	timeout FLOAT, 
	keep_runs INTEGER, 
	keep_days FLOAT, 
	timezone TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	fault TEXT, 
	paused_by TEXT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	removed_at BIGINT
);
INSERT INTO "horarium_jobs" VALUES(1,'id-1','name-1','package.module:function','{"seconds":3600,"type":"interval"}','["one", 2]','{"three": [3]}','executor-1','skip',1,1.5,1,1,'resume','retry-1',1.5,1,1.5,'Europe/Berlin','origin-1',1,'scheduled','fault-1','paused_by-1',1761439200000001,1761439200000001,1761439200000001);
INSERT INTO "horarium_jobs" VALUES(2,'id-2','name-2','package.module:function','{"seconds":3600,"type":"interval"}','["one", 2]','{"three": [3]}','executor-2','skip',2,2.5,0,2,'resume','retry-2',2.5,2,2.5,'Europe/Berlin','origin-2',2,'scheduled','fault-2','paused_by-2',1761439800000002,1761439800000002,1761439800000002);
INSERT INTO "horarium_jobs" VALUES(3,'id-3','name-3','package.module:function','{"seconds":3600,"type":"interval"}','["one", 2]','{"three": [3]}',NULL,'skip',3,NULL,0,3,'resume',NULL,NULL,NULL,NULL,'Europe/Berlin','origin-3',3,'scheduled',NULL,NULL,1761440400000003,1761440400000003,NULL);
CREATE TABLE horarium_nodes (
	id TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	process TEXT NOT NULL, 
	version TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	heartbeat_at BIGINT NOT NULL, 
	lease_until BIGINT NOT NULL, 
	stopped_at BIGINT, 
	stop_reason TEXT, 
	clock_offset FLOAT DEFAULT 0 NOT NULL, 
	tasks TEXT DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_horarium_nodes PRIMARY KEY (id)
);
INSERT INTO "horarium_nodes" VALUES('id-1','host-1',1,'process-1','version-1',1761439200000001,1761439200000001,1761439200000001,1761439200000001,'stop_reason-1',1.5,'[]');
INSERT INTO "horarium_nodes" VALUES('id-2','host-2',2,'process-2','version-2',1761439800000002,1761439800000002,1761439800000002,1761439800000002,'stop_reason-2',2.5,'[]');
INSERT INTO "horarium_nodes" VALUES('id-3','host-3',3,'process-3','version-3',1761440400000003,1761440400000003,1761440400000003,NULL,NULL,3.5,'[]');
CREATE TABLE horarium_run_logs (
	scheduled_at BIGINT NOT NULL, 
	job_key BIGINT NOT NULL, 
	attempt INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	level TEXT NOT NULL, 
	logger TEXT NOT NULL, 
	message TEXT NOT NULL, 
	CONSTRAINT pk_horarium_run_logs PRIMARY KEY (scheduled_at, job_key, attempt, seq)
)
 WITHOUT ROWID

;
INSERT INTO "horarium_run_logs" VALUES(1761439200000001,1,1,1,1761439200000001,'level-1','logger-1','message-1');
INSERT INTO "horarium_run_logs" VALUES(1761439800000002,2,2,2,1761439800000002,'level-2','logger-2','message-2');
INSERT INTO "horarium_run_logs" VALUES(1761440400000003,3,3,3,1761440400000003,'level-3','logger-3','message-3');
CREATE TABLE horarium_runs (
	scheduled_at BIGINT NOT NULL, 
	job_key BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	cause TEXT NOT NULL, 
	slot BIGINT, 
	node TEXT, 
	attempt INTEGER DEFAULT 0 NOT NULL, 
	failures INTEGER DEFAULT 0 NOT NULL, 
	crashes SMALLINT DEFAULT 0 NOT NULL, 
	crashes_in_all SMALLINT DEFAULT 0 NOT NULL, 
	marks_at_crash INTEGER DEFAULT 0 NOT NULL, 
	created_at BIGINT NOT NULL, 
	not_before BIGINT, 
	start_deadline BIGINT, 
	started_at BIGINT, 
	finished_at BIGINT, 
	stop_reason TEXT, 
	timed_out BOOLEAN DEFAULT 0 NOT NULL, 
	payload TEXT, 
	progress TEXT, 
	result TEXT, 
	error TEXT, 
	CONSTRAINT pk_horarium_runs PRIMARY KEY (scheduled_at, job_key)
)
 WITHOUT ROWID

;
INSERT INTO "horarium_runs" VALUES(1761439200000001,1,'succeeded','cause-1',1,'node-1',1,1,1,1,1,1761439200000001,1761439200000001,1761439200000001,1761439200000001,1761439200000001,'stop_reason-1',1,'payload-1','{"done": 1, "total": 2, "message": "half"}','{"answer": 42}','{"type": "ValueError", "message": "no: \u00e9\u4e2d"}');
INSERT INTO "horarium_runs" VALUES(1761439800000002,2,'succeeded','cause-2',2,'node-2',2,2,2,2,2,1761439800000002,1761439800000002,1761439800000002,1761439800000002,1761439800000002,'stop_reason-2',0,'payload-2','{"done": 1, "total": 2, "message": "half"}','{"answer": 42}','{"type": "ValueError", "message": "no: \u00e9\u4e2d"}');
INSERT INTO "horarium_runs" VALUES(1761440400000003,3,'succeeded','cause-3',NULL,NULL,3,3,3,3,3,1761440400000003,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL);
CREATE TABLE horarium_steps (
	scheduled_at BIGINT NOT NULL, 
	job_key BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	result TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	committed_at BIGINT NOT NULL, 
	CONSTRAINT pk_horarium_steps PRIMARY KEY (scheduled_at, job_key, "key")
)
 WITHOUT ROWID

;
INSERT INTO "horarium_steps" VALUES(1761439200000001,1,'key-1','{"answer": 42}',1,1761439200000001);
INSERT INTO "horarium_steps" VALUES(1761439800000002,2,'key-2','{"answer": 42}',2,1761439800000002);
INSERT INTO "horarium_steps" VALUES(1761440400000003,3,'key-3','{"answer": 42}',3,1761440400000003);
CREATE TABLE horarium_version_core (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT horarium_version_core_pkc PRIMARY KEY (version_num)
);
INSERT INTO "horarium_version_core" VALUES('core_0001');
CREATE INDEX ix_horarium_decisions_job_key_last_at ON horarium_decisions (job_key, last_at);
CREATE INDEX ix_horarium_job_clock_due ON horarium_job_clock (next_run_time) WHERE paused = 0 AND held = 0 AND next_run_time IS NOT NULL;
CREATE INDEX ix_horarium_job_clock_held ON horarium_job_clock (job_key) WHERE held = 1;
CREATE INDEX ix_horarium_jobs_origin ON horarium_jobs (origin) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX uq_horarium_jobs_id ON horarium_jobs (id) WHERE removed_at IS NULL;
CREATE INDEX ix_horarium_runs_held ON horarium_runs (node) WHERE state IN ('running', 'stopping');
CREATE INDEX ix_horarium_runs_history ON horarium_runs (job_key, scheduled_at);
CREATE INDEX ix_horarium_runs_waiting ON horarium_runs (not_before, scheduled_at) WHERE state IN ('queued', 'retrying');
CREATE UNIQUE INDEX uq_horarium_runs_slot ON horarium_runs (job_key, slot) WHERE slot IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('horarium_decisions',3);
INSERT INTO "sqlite_sequence" VALUES('horarium_jobs',3);
COMMIT;
