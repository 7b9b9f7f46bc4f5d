import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Address, Item, JsonObject } from '../../src/core/model.ts'
import { type Census, census, counted } from '../../src/engine/history/census.ts'
import { openFolder } from '../../src/mlflow/folder/folder.ts'
import type { LoggedModel } from '../../src/mlflow/logged-models.ts'
import type { TrackedRun, Tracking } from '../../src/mlflow/tracking.ts'
import type { HistoryAccess } from '../../src/services/history-place.ts'
import { serverRegistry } from '../../src/services/registry.ts'
import { SOURCE_RUN, sharedIdOf } from '../../src/services/run/schema.ts'
import type { Place, Service } from '../../src/services/service.ts'
import { openSqliteResidents } from '../../src/store/sqlite-residents.ts'
import { asAServer } from './as-a-server.ts'
import { keptEvaluations } from './kept-evaluations.ts'
import { readTree } from './read-tree.ts'

/** A run history in a folder that gives ids of its own, as a server does. */
export interface OneHistory extends HistoryAccess {
  readonly place: Place
  readonly census: Census
  /** Everything that it keeps, by path. */
  kept(): Promise<ReadonlyMap<string, string>>
}

/** Two run histories, and the services of a tracking server between them. */
export interface TwoHistories {
  readonly source: OneHistory
  readonly target: OneHistory
  readonly signal: AbortSignal
  service(kind: string): Service
  /** Carries everything from one to the other, kind by kind as a pass does. Gives the addresses of what was written. */
  carry(from?: OneHistory, to?: OneHistory): Promise<readonly Address[]>
  items(kind: string, of: OneHistory): Promise<readonly Item[]>
}

async function openHistory(path: string): Promise<OneHistory> {
  const folder = await openFolder(path, 'target')
  const { tracking, models, traces } = asAServer(folder)
  const residents = census(sharedIdOf, openSqliteResidents())
  const evaluations = keptEvaluations(path)
  const notes = new Map<string, string>()
  // A folder keeps the ids of its source where it is told; a server does not.
  const createLogged: HistoryAccess['models']['create'] = async (wanted, signal) => {
    const hidden = wanted.tags.filter(({ key }) => key !== 'holdfast.source_model_id')
    const made = await models.create({ ...wanted, tags: hidden }, signal)
    await folder.models.setTags(made.id, wanted.tags, signal)
    return (await folder.models.model(made.id, signal)) ?? made
  }
  return {
    tracking: counted({ ...tracking, runs: searchable(tracking) }, residents),
    artifacts: folder.artifacts,
    registry: folder.registry,
    models: { ...models, create: createLogged },
    traces,
    evaluations: evaluations.api,
    census: residents,
    notes: {
      get: (key) => notes.get(key),
      put: (key, value) => void notes.set(key, value),
      forget: (key) => void notes.delete(key),
    },
    place: { ...NOWHERE, workspace: path, location: path.slice(path.lastIndexOf('/') + 1) },
    kept: async () => new Map([...(await readTree(path)), ['evaluation datasets', evaluations.text()]]),
  }
}

/**
 * A folder has no search: the only one that services send is for the id of a source. What is found does not tell which
 * logged models it read, as with MLflow.
 */
function searchable({ runs }: Tracking): Tracking['runs'] {
  return async function* (ids, signal, filter) {
    const wanted = /= '(.*)'$/.exec(filter ?? '')?.[1]
    for await (const run of runs(ids, signal)) {
      const source = run.tags.find(({ key }) => key === SOURCE_RUN)?.value
      if (filter === undefined || (source !== undefined && (wanted === undefined || source === wanted)))
        yield withoutModelsRead(run)
    }
  }
}

function withoutModelsRead(run: TrackedRun): TrackedRun {
  const { model_inputs: _, ...inputs } = (run.inputs ?? {}) as JsonObject
  return { ...run, inputs }
}

const NOWHERE: Place = {
  workspace: '',
  location: '',
  workspaceGuid: '',
  storageAccount: '',
  portable: (value) => value,
  local: (value) => value,
}

/** Opens two empty histories before each test of a file. */
export function twoHistories(): () => TwoHistories {
  let root: string
  let opened: TwoHistories
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-histories-'))
    opened = await openBoth(root)
  })
  afterEach(() => rm(root, { recursive: true }))
  return () => opened
}

/** The services of one process: another remembers what is noted, and nothing else. */
export function servicesBetween(source: OneHistory, target: OneHistory): readonly Service[] {
  const of = (place: Place) => (place.workspace === source.place.workspace ? source : target)
  const no = () => Promise.resolve(false)
  const runsOf = (place: Place) => ({
    tracking: of(place).tracking,
    notes: of(place).notes,
    createWithId: no,
    setStart: no,
  })
  return serverRegistry({ runsOf, historyOf: of })
}

async function openBoth(root: string): Promise<TwoHistories> {
  const [source, target] = [await openHistory(join(root, 'east')), await openHistory(join(root, 'west'))]
  const services = servicesBetween(source, target)
  const signal = AbortSignal.timeout(30_000)
  const items = (service: Service, one: OneHistory, as: 'source' | 'target') =>
    Array.fromAsync(service.list(one.place, { signal, as }))
  const serviceOf = (kind: string) => {
    const found = services.find((one) => one.kind === kind)
    if (found === undefined) throw new Error(`no service of ${kind}`)
    return found
  }
  return {
    source,
    target,
    signal,
    service: serviceOf,
    items: (kind, one) => items(serviceOf(kind), one, 'source'),
    carry: async (from = source, to = target) => {
      const written: Address[] = []
      for (const service of services) {
        const there = new Map((await items(service, to, 'target')).map((item) => [item.address, item.digest]))
        const wanted = (await items(service, from, 'source')).toSorted((a, b) => (a.order ?? 0) - (b.order ?? 0))
        for (const item of wanted) {
          if (there.get(item.address) === item.digest) continue
          written.push(item.address)
          await service.converge(to.place, item, { source: from.place, signal, as: 'target' })
        }
      }
      return written
    },
  }
}

/** Makes an experiment with a run, and gives the run. */
export async function makeRun({ tracking }: OneHistory, name: string): Promise<TrackedRun> {
  const signal = AbortSignal.timeout(10_000)
  const experiment_id = await tracking.createExperiment('churn', [], signal)
  const run = await tracking.createRun({ experiment_id, run_name: name, start_time: 1000, user_id: 'ada' }, signal)
  await tracking.updateRun(run.info.run_id, { status: 'FINISHED', end_time: 2000 }, signal)
  return (await tracking.run(run.info.run_id, signal)) ?? run
}

export async function makeLogged({ models }: OneHistory, run: TrackedRun, name: string): Promise<LoggedModel> {
  const signal = AbortSignal.timeout(10_000)
  const of = { experimentId: run.info.experiment_id, runId: run.info.run_id }
  const made = await models.create(
    { ...of, name, type: 'agent', status: '', params: [{ key: 'p', value: '1' }], tags: [{ key: 'a', value: 'b' }] },
    signal,
  )
  await models.finish(made.id, 'LOGGED_MODEL_READY', signal)
  return (await models.model(made.id, signal)) ?? made
}

export async function writeText({ artifacts }: OneHistory, root: string, files: Readonly<Record<string, string>>) {
  const signal = AbortSignal.timeout(10_000)
  for (const [path, text] of Object.entries(files)) {
    await artifacts.write(root, path, { bytes: Readable.from([Buffer.from(text)]), signal })
  }
}

export async function readText({ artifacts }: OneHistory, root: string, path: string): Promise<string | undefined> {
  const bytes = await artifacts.read(root, path, AbortSignal.timeout(10_000))
  return bytes && Buffer.concat(await Array.fromAsync(bytes)).toString()
}

export function rootOf(run: TrackedRun): string {
  return String(run.info['artifact_uri'])
}

/**
 * What each kind of a tracking server must do, whatever it carries.
 *
 * @param fill makes things of the kind in a history, with all that they lean on
 */
export function carriesBetweenServers(
  two: () => TwoHistories,
  { kind, fill }: { readonly kind: string; fill(history: OneHistory): Promise<unknown> },
): void {
  it('stands on both sides after a pass, equal, and a second one writes nothing', async () => {
    const { source, target, carry, items } = two()
    await fill(source)
    expect(await carry()).toEqual(expect.arrayContaining([expect.stringMatching(`^${kind}/`)]))
    const bodies = async (one: OneHistory) =>
      new Map((await items(kind, one)).map(({ address, body }) => [address, body]))
    const wanted = await bodies(source)
    expect(wanted.size).toBeGreaterThan(0)
    expect(await bodies(target)).toEqual(wanted)
    const before = await target.kept()
    expect(await carry()).toEqual([])
    expect(await target.kept()).toEqual(before)
  })

  it('is the same on the way back, and says nothing of where it stood', async () => {
    const { source, target, carry, items } = two()
    await fill(source)
    await carry()
    const before = await source.kept()
    expect(await carry(target, source)).toEqual([])
    expect(await source.kept()).toEqual(before)
    const text = JSON.stringify((await items(kind, target)).map(({ address, body }) => ({ address, body })))
    expect(text).not.toContain('holdfast.')
    const { runs } = await ownIds(target)
    for (const id of runs) expect(text).not.toContain(id)
  })

  it('is read as it is listed, and not where nothing is', async () => {
    const { source, signal, service, items } = two()
    await fill(source)
    for (const item of await items(kind, source)) {
      expect((await service(kind).read(source.place, item.address, { signal }))?.digest).toBe(item.digest)
    }
    const absent = `${kind}/churn/${'0'.repeat(32)}/none` as Address
    expect(await service(kind).read(source.place, absent, { signal })).toBeUndefined()
  })

  it('is merged with what stands, twice as once, and changes nothing that is equal', async () => {
    const { source, target, signal, service, carry, items } = two()
    await fill(source)
    await carry()
    const { mergeInto } = service(kind)
    if (mergeInto === undefined) return
    const before = await target.kept()
    for (const item of await items(kind, source)) {
      for (const _ of [1, 2]) await mergeInto(target.place, item, { source: source.place, signal, as: 'target' })
    }
    expect(await target.kept()).toEqual(before)
  })
}

async function ownIds({ tracking }: OneHistory): Promise<{ readonly runs: readonly string[] }> {
  const signal = AbortSignal.timeout(10_000)
  const ids: string[] = []
  for await (const { id } of tracking.experiments(signal)) ids.push(id)
  const runs: string[] = []
  for await (const { info } of tracking.runs(ids, signal)) runs.push(info.run_id)
  return { runs }
}
