import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterAll, expect, it } from 'vitest'
import { type Damaging, FILES, killedStore, type Outcomes, outcomesOf } from '../../test/support/damaged-store.ts'

/** Bytes from one that is damaged to the next. `HOLDFAST_EVERY_BYTE=1 vitest run src/store/damage.test.ts` takes each. */
const STEP = process.env['HOLDFAST_EVERY_BYTE'] === '1' ? 1 : 97
const LAST_BYTES = 65_536
const MINUTES = 60_000

// Hundreds of thousands of stores are opened: in memory, where there is such a folder.
const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-damage-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const store = await killedStore(root)

/** Damages each place of the last 64 KiB of a file, as many at once as there are processors. */
async function outcomes({ file, how }: Pick<Damaging, 'file' | 'how'>): Promise<Outcomes> {
  const { length } = store.files[file]
  const shares = availableParallelism()
  const workers = Array.from({ length: shares }, (_, share) => {
    const from = Math.max(0, length - LAST_BYTES) + share * STEP
    return inWorker({ store, file, how, from, to: length, step: STEP * shares, dir: mkdtempSync(join(root, 'share-')) })
  })
  const all: Record<string, number[]> = {}
  for (const found of await Promise.all(workers))
    for (const [outcome, places] of Object.entries(found)) all[outcome] = [...(all[outcome] ?? []), ...places]
  return all
}

function inWorker(damaging: Damaging): Promise<Outcomes> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcomes>()
  const code = new URL('../../test/support/damage-worker.ts', import.meta.url)
  new Worker(code, { workerData: damaging }).once('message', resolve).once('error', reject)
  return promise
}

it.for(
  FILES.flatMap((file) => [
    { file, how: 'cut' as const },
    { file, how: 'flipped' as const },
  ]),
)(
  'guards I8: a store.db$file that is $how at any byte of its last 64 KiB is read whole, or refused as damaged',
  { timeout: 10 * MINUTES },
  async (damaging) => {
    const { read = [], 'store/damaged': refused = [], ...wrong } = await outcomes(damaging)
    expect(wrong).toEqual({})
    const places = Math.min(LAST_BYTES, store.files[damaging.file].length)
    expect(read.length + refused.length).toBe(Math.ceil(places / STEP))
    if (STEP === 1)
      console.info(`store.db${damaging.file} ${damaging.how}: ${read.length} read, ${refused.length} refused`)
  },
)

it('reads a store whole that nothing was done to', async () => {
  const { length } = store.files['']
  // Cut behind its end.
  const nothing = { store, file: '', how: 'cut', from: length, to: length + 1, step: 1, dir: root } as const
  expect(await outcomesOf(nothing)).toEqual({ read: [length] })
})
