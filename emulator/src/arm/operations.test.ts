import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { movableClock } from '../clock.ts'
import { Database } from '../state/database.ts'
import { Operations } from './operations.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-operations-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SUBJECT = '/subscriptions/s/resourceGroups/g'

function opened(name: string) {
  const db = new Database(join(folder, name))
  const clock = movableClock()
  const operations = new Operations(db, clock)
  const close = () => {
    operations.close()
    db.close()
  }
  return { db, clock, operations, close }
}

describe('operations', () => {
  it('end by themselves, once', async () => {
    const { db, operations, close } = opened('once.db')
    const ending = vi.fn(() => ({ status: 'Succeeded', result: { a: 1 } }) as const)
    operations.define('make', ending)

    const { id } = await db.write(() => operations.start({ kind: 'make', subject: SUBJECT, milliseconds: 5 }))
    await vi.waitFor(() => expect(ending).toHaveBeenCalled())
    const ended = await operations.get(id)
    await operations.get(id)

    expect(ended).toMatchObject({ status: 'Succeeded', result: { a: 1 }, subject: SUBJECT })
    expect(ending).toHaveBeenCalledTimes(1)
    close()
  })

  it('are in progress until they are due on the region’s clock', async () => {
    const { db, clock, operations, close } = opened('due.db')
    operations.define('make', () => ({ status: 'Succeeded' }))

    const { id } = await db.write(() => operations.start({ kind: 'make', subject: SUBJECT, milliseconds: 3_600_000 }))
    const before = await operations.get(id)
    clock.shift(3_600_000)
    const after = await operations.get(id)

    expect([before?.status, after?.status]).toEqual(['InProgress', 'Succeeded'])
    close()
  })

  it('wait for an ending that is not ready', async () => {
    const { db, operations, close } = opened('later.db')
    let ready = false
    operations.define('make', () => (ready ? { status: 'Succeeded' } : undefined))

    const { id } = await db.write(() => operations.start({ kind: 'make', subject: SUBJECT, milliseconds: 0 }))
    const before = await operations.get(id)
    ready = true
    const after = await operations.get(id)

    expect([before?.status, after?.status]).toEqual(['InProgress', 'Succeeded'])
    close()
  })

  it('keep the reason of a failure', async () => {
    const { db, operations, close } = opened('failed.db')
    const error = { code: 'NoRoom', message: 'There is no room.' }
    operations.define('make', () => ({ status: 'Failed', error }))

    const { id } = await db.write(() => operations.start({ kind: 'make', subject: SUBJECT, milliseconds: 0 }))

    expect(await operations.get(id)).toMatchObject({ status: 'Failed', error })
    close()
  })

  it('go on when the region opens again', async () => {
    const first = opened('again.db')
    const { id } = await first.db.write(() =>
      first.operations.start({ kind: 'make', subject: SUBJECT, input: { wanted: 7 }, milliseconds: 60 }),
    )
    first.close()

    const second = opened('again.db')
    const seen: unknown[] = []
    second.operations.define('make', ({ input }) => {
      seen.push(input)
      return { status: 'Succeeded' }
    })
    await vi.waitFor(() => expect(seen).toEqual([{ wanted: 7 }]))

    expect(await second.operations.get(id)).toMatchObject({ status: 'Succeeded' })
    second.close()
  })

  it('are forgotten with the write that began them', async () => {
    const { db, operations, close } = opened('rolled.db')
    let id = ''
    const begun = db.write(() => {
      id = operations.start({ kind: 'make', subject: SUBJECT, milliseconds: 0 }).id
      throw new Error('rolled back')
    })

    await expect(begun).rejects.toThrow('rolled back')

    expect(await operations.get(id)).toBeUndefined()
    close()
  })
})
