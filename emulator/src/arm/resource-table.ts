import type { Database } from '../state/database.ts'

/** What lists ask for of a body, as SQL of the body: kept in columns, so that what is left out is never read. */
const FACTS: Readonly<Record<string, { readonly is: string; readonly of: (body: string) => string }>> = {
  isArchived: {
    is: 'INTEGER NOT NULL DEFAULT 0',
    of: (body) => `coalesce(json_type(${body}, '$.properties.isArchived') = 'true', 0)`,
  },
  isChild: {
    is: 'INTEGER NOT NULL DEFAULT 0',
    of: (body) => `coalesce(json_type(${body}, '$.properties.parentJobName') <> 'null', 0)`,
  },
  jobType: { is: 'TEXT COLLATE NOCASE', of: (body) => `json_extract(${body}, '$.properties.jobType')` },
  status: { is: 'TEXT', of: (body) => `json_extract(${body}, '$.properties.status')` },
}

export const FACT_COLUMNS: readonly string[] = Object.keys(FACTS)

/** Values of {@link FACT_COLUMNS} for a body: a column, or a parameter that holds its text. */
export function factsOf(body: string): readonly string[] {
  return Object.values(FACTS).map((fact) => fact.of(body))
}

/** Holds for a name that counts: only whole numbers that a double can tell apart. */
export const NUMBERED = "length(name) < 16 AND name NOT GLOB '*[^0-9]*'"
/** Holds for a job that has not ended. */
export const UNENDED = "status NOT IN ('Completed', 'Failed', 'Canceled')"

const TABLES = `
  CREATE TABLE IF NOT EXISTS resources (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL, parent TEXT NOT NULL COLLATE NOCASE, body TEXT NOT NULL, etag TEXT NOT NULL,
    createdAt TEXT NOT NULL, createdBy TEXT NOT NULL, modifiedAt TEXT NOT NULL, modifiedBy TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS tombstones (id TEXT PRIMARY KEY COLLATE NOCASE, at TEXT NOT NULL);`

/** Each list reads its index in order, and what it leaves out it leaves out by the index alone. */
const INDEXES = `
  CREATE INDEX IF NOT EXISTS resources_by_parent ON resources (parent, type, seq);
  CREATE INDEX IF NOT EXISTS resources_created ON resources (parent, type, isChild, createdAt, seq, isArchived);
  CREATE INDEX IF NOT EXISTS resources_changed ON resources (parent, type, isChild, modifiedAt, seq, isArchived);
  CREATE INDEX IF NOT EXISTS resources_archived ON resources (parent, type, isChild, createdAt, seq) WHERE isArchived = 1;
  CREATE INDEX IF NOT EXISTS jobs_of_type ON resources (parent, type, isChild, jobType, createdAt, seq)
    WHERE jobType IS NOT NULL;
  CREATE INDEX IF NOT EXISTS resources_numbered ON resources (parent, type, CAST(name AS INTEGER)) WHERE ${NUMBERED};
  CREATE INDEX IF NOT EXISTS resources_by_type ON resources (type, seq);
  CREATE INDEX IF NOT EXISTS resources_unended ON resources (type, seq) WHERE ${UNENDED};
  DROP INDEX IF EXISTS resources_by_creation;
  DROP INDEX IF EXISTS resources_by_change;
  DROP INDEX IF EXISTS resources_by_name;`

/** Rows of tags of one row, or of all where it says from where they come. */
const TAGS = (row: string, from = '') =>
  `SELECT ${row}.parent, ${row}.type, tag.key, ${row}.createdAt, ${row}.seq, CASE tag.type WHEN 'text' THEN tag.value END
   FROM ${from}json_each(${row}.body, '$.properties.tags') tag WHERE tag.key IS NOT NULL`

/**
 * The tags of everything, kept by triggers, since resources are removed and hidden in more ways than one.
 * A value that is no text is none here.
 */
const TAG_TABLE = `
  CREATE TABLE IF NOT EXISTS resourceTags (
    parent TEXT NOT NULL COLLATE NOCASE, type TEXT NOT NULL COLLATE NOCASE, key TEXT NOT NULL, createdAt TEXT NOT NULL,
    seq INTEGER NOT NULL, value TEXT, PRIMARY KEY (parent, type, key, createdAt, seq)) WITHOUT ROWID;
  CREATE TRIGGER IF NOT EXISTS resources_tagged AFTER INSERT ON resources BEGIN
    INSERT OR REPLACE INTO resourceTags ${TAGS('NEW')};
  END;
  CREATE TRIGGER IF NOT EXISTS resources_untagged AFTER DELETE ON resources BEGIN
    ${untagged('OLD')};
  END;
  CREATE TRIGGER IF NOT EXISTS resources_retagged AFTER UPDATE OF body, parent, type ON resources
    WHEN OLD.parent <> NEW.parent OR OLD.type <> NEW.type
      OR json_extract(OLD.body, '$.properties.tags') IS NOT json_extract(NEW.body, '$.properties.tags') BEGIN
    ${untagged('OLD')};
    INSERT OR REPLACE INTO resourceTags ${TAGS('NEW')};
  END;`

function untagged(row: string): string {
  return `DELETE FROM resourceTags WHERE (parent, type, key, createdAt, seq) IN (
    SELECT ${row}.parent, ${row}.type, tag.key, ${row}.createdAt, ${row}.seq
    FROM json_each(${row}.body, '$.properties.tags') tag WHERE tag.key IS NOT NULL)`
}

/** Makes the tables of resources, and gives a store of an earlier version what it lacks. */
export function openResourceTable(db: Database): void {
  db.migrate(TABLES)
  const there = new Set(db.all<{ name: string }>('PRAGMA table_info(resources)').map(({ name }) => name))
  const lacking = Object.entries(FACTS).filter(([column]) => !there.has(column))
  const added = lacking.map(([column, { is }]) => `ALTER TABLE resources ADD COLUMN ${column} ${is};`)
  const filled = lacking.map(([column, { of }]) => `${column} = ${of('body')}`)
  const told = lacking.map(([column, { of }]) => `${of('body')} IS NOT ${column}`)
  if (lacking.length > 0) {
    db.migrate(`${added.join(' ')}
      UPDATE resources SET ${filled.join(', ')} WHERE ${told.join(' OR ')}`)
  }
  const tagged = db.get("SELECT 1 FROM sqlite_schema WHERE name = 'resourceTags'") !== undefined
  const tags = tagged ? '' : `INSERT INTO resourceTags ${TAGS('r', 'resources r, ')};`
  db.migrate(`${INDEXES} ${TAG_TABLE} ${tags}`)
}
