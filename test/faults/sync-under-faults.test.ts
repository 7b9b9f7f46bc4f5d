import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Address, Json, Kind } from '../../src/core/model.ts'
import { type Parts, silent } from '../../src/engine/parts.ts'
import { type Carrying, type Pass, pass } from '../../src/engine/sync.ts'
import { takeTenure } from '../../src/engine/tenure.ts'
import type { Point } from '../../src/mlflow/tracking.ts'
import { registry } from '../../src/services/registry.ts'
import type { Place } from '../../src/services/service.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { openSqliteLedger } from '../../src/store/sqlite-ledger.ts'
import type { Acknowledged } from '../support/emulator.ts'
import { reachOf } from '../support/reach.ts'
import { openWorld, type Pair, type World } from '../support/world.ts'

const PATIENCE = 120_000
const signal = AbortSignal.timeout(4 * PATIENCE)
const START = Date.parse('2026-03-01T10:00:00.123Z')
/** Over two pages of ARM. */
const VERSIONS = 130
/** Everything that would go where the source has it no more. */
const CARRYING: Carrying = { mode: () => 'hot/warm', conflict: 'refuse', removes: new Set(['data', 'model']) }

let world: World
let source: Place
let undisturbed: Protected
let run: string

beforeAll(async () => {
  world = await openWorld()
  const pair = await world.pair()
  source = pair.source
  await furnish()
  undisturbed = protect('undisturbed', pair)
  await undisturbed.pass()
}, PATIENCE)

afterEach(() => world.emulator.faults([]))

afterAll(async () => {
  await undisturbed?.close()
  await world?.close()
})

/** Assets of several pages and a run with its points. */
async function furnish(): Promise<void> {
  const put = (path: string, properties: Readonly<Record<string, Json>>) =>
    world.arm.put(`${source.workspace}/${path}`, { properties }, { signal, apiVersion: '2025-12-01' })
  const dataUri = 'azureml://datastores/workspaceblobstore/paths/customers/'
  for (let version = 1; version <= VERSIONS; version++) {
    await put(`data/customers/versions/${version}`, { dataType: 'uri_folder', dataUri })
  }
  for (const version of ['1', '3', '2']) {
    await put(`environments/train/versions/${version}`, { image: `mcr.microsoft.com/base:${version}` })
  }
  const { tracking } = reachOf(world).runsOf(source)
  const experiment_id = await tracking.createExperiment('churn', [], signal)
  run = (await tracking.createRun({ experiment_id, run_name: 'one', start_time: START }, signal)).info.run_id
  const point = (n: number): Point => ({ key: 'loss', value: n / 7, timestamp: START + n, step: n })
  await tracking.log(
    run,
    { params: [{ key: 'lr', value: '0.1' }], metrics: Array.from({ length: 2500 }, (_, n) => point(n)) },
    signal,
  )
  await tracking.updateRun(run, { status: 'FINISHED', end_time: START + 9000 }, signal)
}

/** A standby that follows the one source, as `holdfast sync` makes it. */
interface Protected {
  readonly target: Place
  pass(carrying?: Carrying): Promise<Pass>
  close(): Promise<void>
}

function protect(name: string, { target }: Pick<Pair, 'target'>): Protected {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
  const store = openSqliteStore(join(dir, 'store.db'))
  const ledger = openSqliteLedger(join(dir, 'ledger.db'))
  const parts: Parts = {
    protection: name,
    services: registry({ arm: world.arm, ...reachOf(world) }),
    open: async (side) => (side === 'primary' ? source : target),
    learn: async () => undefined,
    store,
    ledger,
    now: Date.now,
    progress: silent,
  }
  return {
    target,
    pass: async (carrying = CARRYING) => {
      const tenure = await takeTenure({ store, ledger, protection: name, holder: name, leaseMilliseconds: 60_000 })
      if ('held' in tenure) throw new Error('the lease is held')
      try {
        return await pass({ parts, tenure, active: 'primary', carrying, signal, callMilliseconds: 20_000 })
      } finally {
        await tenure.end()
      }
    },
    close: async () => {
      ledger.close()
      await store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Everything in a place, in the form that names no side. */
async function contents(place: Place): Promise<ReadonlyMap<Address, string>> {
  const found = new Map<Address, string>()
  for (const service of registry({ arm: world.arm, ...reachOf(world) })) {
    for await (const one of service.list(place, { signal, as: 'target' })) found.set(one.address, one.digest)
  }
  return found
}

async function points(place: Place): Promise<Point[]> {
  const found: Point[] = []
  for await (const point of reachOf(world).runsOf(place).tracking.history(run, 'loss', signal)) found.push(point)
  return found
}

/** What the region of a place acknowledged of changes below its workspace. */
async function acknowledged(place: Place): Promise<readonly Acknowledged[]> {
  const below = `${place.workspace}/`.toLowerCase()
  const lines = await world.emulator.activity(place.location)
  // MLflow asks by POST too, and such a line has no subject.
  return lines.filter(({ target, subject }) => subject !== '' && target.toLowerCase().includes(below))
}

/** Passes until one has nothing to do, at most six. */
async function settle(standby: Protected): Promise<readonly Pass[]> {
  const passes: Pass[] = []
  while (passes.length < 6) {
    const done = await standby.pass()
    passes.push(done)
    if (done.plan.steps.length === 0 && done.source.incomplete.size + done.target.incomplete.size === 0) return passes
  }
  throw new Error(`it did not settle: ${JSON.stringify(passes.at(-1)?.plan.steps.slice(0, 3))}`)
}

describe('a sync', () => {
  let standby: Protected
  beforeAll(async () => {
    standby = protect('disturbed', await world.pair())
  }, PATIENCE)
  afterAll(() => standby?.close())

  it('guards I3: whose answers are lost and which is throttled ends as an undisturbed one, with nothing twice', {
    timeout: PATIENCE,
  }, async () => {
    const at = 'centralus'
    await world.emulator.faults([
      { is: 'lost-answer', at, route: 'PUT **/data/customers/versions/*', chance: 0.1, seed: 3 },
      { is: 'lost-answer', at, route: 'PUT **/environments/*/versions/*', answer: 'closed', times: 2 },
      { is: 'lost-answer', at, route: 'logBatch', chance: 0.5, seed: 8 },
      { is: 'lost-answer', at, route: 'createExperiment', times: 1 },
      { is: 'throttle', at, chance: 0.05, seed: 5, retryAfterSeconds: 0 },
      { is: 'throttle', at: 'eastus2', plane: 'arm', times: 2, retryAfterSeconds: 1, retryAfterAs: 'date' },
      { is: 'throttle', at: 'eastus2', plane: 'mlflow', times: 2, retryAfterText: 'in a while' },
    ])
    await settle(standby)
    await world.emulator.faults([])
    expect(await contents(standby.target)).toEqual(await contents(undisturbed.target))
    expect(await points(standby.target)).toEqual(await points(source))
    expect(await points(standby.target)).toHaveLength(2500)
    const lines = await acknowledged(standby.target)
    const versions = lines.filter(({ method }) => method === 'PUT').map(({ target }) => target)
    expect(versions.length, 'answers were lost, so some were sent again').toBeGreaterThan(new Set(versions).size)
    const logged = lines.filter(({ operation }) => operation === 'logBatch')
    const sent = logged.flatMap(({ body }) => (JSON.parse(String(body)) as { metrics?: Point[] }).metrics ?? [])
    expect(sent).toHaveLength(2500)
  })
})

describe('guards I5: a list that is not whole', () => {
  const kinds: readonly Kind[] = ['data']

  it.each([
    ['a page comes twice at the source', 'eastus2', 'duplicate-page'],
    ['a page token is lost at the source', 'eastus2', 'lost-page-token'],
    ['a page comes twice at the standby', 'centralus', 'duplicate-page'],
    ['a page token is lost at the standby', 'centralus', 'lost-page-token'],
  ])('withdraws nothing: %s', { timeout: PATIENCE }, async (_, at, is) => {
    const before = await acknowledged(undisturbed.target)
    await world.emulator.faults([{ is, at, plane: 'arm' }])
    const done = await undisturbed.pass()
    await world.emulator.faults([])
    const read = at === 'eastus2' ? done.source : done.target
    expect([...read.incomplete.keys()]).toEqual(kinds)
    expect(await acknowledged(undisturbed.target)).toEqual(before)
    const versions = [...(await contents(undisturbed.target)).keys()].filter((one) => one.startsWith('data/customers/'))
    expect(versions).toHaveLength(VERSIONS)
  })

  it('and a whole one withdraws what has gone', { timeout: PATIENCE }, async () => {
    await world.arm.delete(`${source.workspace}/data/customers/versions/7`, { signal, apiVersion: '2025-12-01' })
    await undisturbed.pass()
    expect((await contents(undisturbed.target)).has('data/customers/7')).toBe(false)
  })
})
