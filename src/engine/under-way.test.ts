import { expect, it } from 'vitest'
import { FAILOVER } from '../../test/support/made-up-failover.ts'
import { worldOfTest } from '../../test/support/made-up-world.ts'
import { underWay } from './under-way.ts'

it('is the failover that began last, and is found without reading what earlier ones did', async () => {
  const world = worldOfTest('memory')
  const { tenure, parts } = await world.start('a')
  const read: string[] = []
  const store: typeof parts.store = {
    ...parts.store,
    read: async function* (...of) {
      for await (const record of parts.store.read(...of)) {
        read.push(`${record.run} ${record.type}`)
        yield record
      }
    },
  }
  const body = { id: 'f0', phase: 'promote' }
  const tried = [
    { type: 'failover/phase-begun', body },
    { type: 'failover/phase-failed', body },
  ]
  await tenure.append('f0', { type: 'failover/begun', body }, ...Array.from({ length: 9 }, () => tried).flat())
  expect(await underWay({ ...parts, store })).toMatchObject({ id: 'f0' })
  await tenure.append('f0', { type: 'failover/ended', body: { id: 'f0', outcome: 'done' } })
  expect(await underWay({ ...parts, store })).toBeUndefined()
  await tenure.append(FAILOVER, { type: 'failover/begun', body: { id: FAILOVER } })
  read.length = 0
  expect(await underWay({ ...parts, store })).toMatchObject({ id: FAILOVER, outcome: 'running' })
  expect(read).toEqual(['f0 failover/begun', `${FAILOVER} failover/begun`, `${FAILOVER} failover/begun`])
})
