import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { all, taken } from './conformance.ts'
import { openSqliteStore } from './sqlite.ts'
import type { Lease, Store } from './store.ts'

const dir = mkdtempSync(join(tmpdir(), 'holdfast-full-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'holdfast-full', dir]).status === 0
afterAll(() => {
  if (mounted) spawnSync('umount', [dir])
  rmSync(dir, { recursive: true, force: true })
})

/** Appends records until one is refused. Gives those that were acknowledged, and the refusal. */
async function fill(store: Store, lease: Lease): Promise<{ readonly acknowledged: number; readonly refusal: unknown }> {
  for (let acknowledged = 0; ; acknowledged++) {
    try {
      await store.append(lease, [{ run: 'r', type: 'step/done', body: { text: 'x'.repeat(3000) } }])
    } catch (refusal) {
      return { acknowledged, refusal }
    }
  }
}

it('guards I2: keeps every acknowledged record while its disk is full, says so, and goes on when there is room', async () => {
  if (!mounted) return console.info('No small disk can be mounted here: that the journal’s disk is full is not tried.')
  const ballast = join(dir, 'ballast')
  writeFileSync(ballast, Buffer.alloc(512 * 1024))
  const path = join(dir, 'store.db')
  const store = openSqliteStore(path)
  const lease = await taken(store, 'a', 600_000)
  const first = await fill(store, lease)
  expect(first.refusal).toMatchObject({ code: 'store/full' })
  expect(first.acknowledged).toBeGreaterThan(20)
  const kept = (await all(store)).length
  // One may be there that could not be acknowledged any more, as after a crash; none is missing.
  expect([first.acknowledged, first.acknowledged + 1]).toContain(kept)
  await expect(
    store.append(lease, [{ run: 'r', type: 'step/done', body: { text: 'x'.repeat(9000) } }]),
  ).rejects.toMatchObject({ code: 'store/full' })

  // Another process that begins meanwhile reads the same.
  const other = openSqliteStore(path)
  expect(await all(other)).toHaveLength(kept)
  await other.close()

  rmSync(ballast)
  const second = await fill(store, lease)
  expect(second.acknowledged).toBeGreaterThan(0)
  expect((await all(store)).length).toBeGreaterThanOrEqual(kept + second.acknowledged)
  await store.close()
})
