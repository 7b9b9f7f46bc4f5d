import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { openSqliteStore } from './sqlite.ts'
import { openSqliteLedger } from './sqlite-ledger.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-file-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
})

/** What opening a store in the folder comes to for a user who is nobody: tests may run as one who may do anything. */
function openedByNobody(path: string): string {
  const script = `import('${new URL('./sqlite.ts', import.meta.url)}').then((m) => m.openSqliteStore('${path}')).catch((e) => console.log(e.code, e.message))`
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  return spawnSync(process.execPath, ['-e', script], { ...nobody, encoding: 'utf8' }).stdout
}

it('says who may not write where a store cannot be opened, and takes that for no defect', async () => {
  const path = join(dir, 'store.db')
  await openSqliteStore(path).close()
  chmodSync(path, 0o444)
  chmodSync(dir, 0o555)
  expect(openedByNobody(path)).toContain(`usage/bad-argument ${path} cannot be opened and written by this user`)
  expect(openedByNobody(join(dir, 'other.db'))).toContain('usage/bad-argument')
  chmodSync(dir, 0o755)
})

it('says that another is writing where that does not end, and that it may be tried again', async () => {
  const path = join(dir, 'store.db')
  const store = openSqliteStore(path)
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  await expect(store.acquire('churn', 'a', 1000)).rejects.toMatchObject({ code: 'run/held', retry: 'later' })
  other.exec('ROLLBACK')
  expect(await store.acquire('churn', 'a', 1000)).toMatchObject({ holder: 'a' })
  other.close()
  await store.close()
})

it('tells of each damaged file what makes it whole again', () => {
  const path = join(dir, 'x.db')
  writeFileSync(path, 'no database at all, but long enough to be looked at')
  expect(() => openSqliteStore(path)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('copy of the store') }),
  )
  expect(() => openSqliteLedger(path)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('holdfast sync') }),
  )
})
