import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DeploymentStore } from '../../arm/template/execute/store.ts'
import { movableClock } from '../../clock.ts'
import { Database } from '../../state/database.ts'
import type { Tokens } from '../../tokens.ts'
import { WhatIfs } from '../deployments/what-ifs.ts'
import { Directory } from './directory.ts'
import { GroupRemovals } from './group-removals.ts'
import { Groups } from './groups.ts'

let dir: string
let db: Database

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'removals-'))
  db = new Database(join(dir, 'state.db'))
  // Deployments go with their group.
  new DeploymentStore(db, movableClock())
  new WhatIfs(db)
})

afterEach(async () => {
  vi.restoreAllMocks()
  db.close()
  await rm(dir, { recursive: true })
})

function removals(): GroupRemovals {
  const request = () => Promise.reject(new Error('nobody is asked about a group without resources'))
  return new GroupRemovals({ db, groups: new Groups(db), directory: new Directory(db), tokens: {} as Tokens, request })
}

function state(): string | undefined {
  return db.get<{ state: string }>('SELECT state FROM group_removals')?.state
}

test('the removal of a group whose end cannot be written goes on at the next start', async () => {
  const first = removals()
  await db.write(() =>
    db.run(
      "INSERT INTO group_removals (token, subscription, name, caller, state) VALUES ('t', 's', 'g', 'me', 'running')",
    ),
  )
  vi.spyOn(db, 'write').mockRejectedValue(new Error('database or disk is full'))
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  first.start()
  await vi.waitFor(() => expect(said.mock.calls.flat().join('')).toContain('disk is full'))
  await first.close()
  vi.restoreAllMocks()
  expect(state()).toBe('running')
  removals().start()
  await vi.waitFor(() => expect(state()).toBe('done'))
})
