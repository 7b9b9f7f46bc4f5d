import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import type { Target } from '../load.ts'
import { startMlflowServer } from '../mlflow-peers.ts'

/** A real tracking server that can be made as new again without being started again. */
export interface HistoryServer {
  readonly target: Target
  readonly settings: string
  /** Folder of its database `db` and its `files`. */
  readonly home: string
  /** Gives it back the database that it had when it started, and takes its files away. */
  empty(): Promise<void>
  stop(): Promise<void>
}

export async function startHistoryServer(python: string): Promise<HistoryServer> {
  const server = await startMlflowServer(python, 16)
  const kept = await mkdtemp(join(tmpdir(), 'bench-history-'))
  const pristine = join(kept, 'db')
  await copyDatabase(join(server.home, 'db'), pristine)
  return {
    target: server.target,
    settings: server.settings,
    home: server.home,
    empty: async () => {
      await copyDatabase(pristine, join(server.home, 'db'))
      rmSync(join(server.home, 'files'), { recursive: true, force: true })
    },
    stop: async () => {
      await server.stop()
      await rm(kept, { recursive: true, force: true })
    },
  }
}

/** Copies a database that others may have open. */
async function copyDatabase(from: string, to: string): Promise<void> {
  const database = new DatabaseSync(from)
  try {
    await backup(database, to)
  } finally {
    database.close()
  }
}

/** Both sides of a copy, each a server of its own. */
export async function startServers(python: string): Promise<readonly [HistoryServer, HistoryServer]> {
  return [await startHistoryServer(python), await startHistoryServer(python)]
}
