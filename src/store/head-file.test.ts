import fs, { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { all, taken } from './conformance.ts'
import { openSqliteStore } from './sqlite.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-head-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const whole = { ...fs }
afterEach(() => {
  Object.assign(fs, { writeSync: whole.writeSync, renameSync: whole.renameSync })
  syncBuiltinESMExports()
})

/** From now on this call of the system fails, as where its process is killed there or its disk is full. */
function failing(call: 'writeSync' | 'renameSync'): void {
  const fail = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  }
  Object.assign(fs, { [call]: fail })
  syncBuiltinESMExports()
}

// Guards: an empty file under the name of a head had every later start refused as damaged.
it.each(['writeSync', 'renameSync'] as const)(
  'guards I2: a store whose first head was cut off at %s is opened again, with every record',
  async (call) => {
    const path = join(root, call, 'store.db')
    const store = openSqliteStore(path)
    const lease = await taken(store, 'a', 600_000)
    failing(call)
    await expect(store.append(lease, [{ run: 'r', type: 'a', body: {} }])).rejects.toMatchObject({ code: 'ENOSPC' })

    const meanwhile = openSqliteStore(path)
    expect(await all(meanwhile)).toHaveLength(1)
    await meanwhile.close()

    Object.assign(fs, { writeSync: whole.writeSync, renameSync: whole.renameSync })
    syncBuiltinESMExports()
    await store.append(lease, [{ run: 'r', type: 'b', body: {} }])
    await store.close()
    const after = openSqliteStore(path)
    expect(await all(after)).toHaveLength(2)
    expect(await after.head('churn')).toMatchObject({ seq: 2 })
    await after.close()
    expect(readdirSync(join(root, call)).filter((name) => name.includes('head'))).toEqual(['store.db-head.churn'])
  },
)
