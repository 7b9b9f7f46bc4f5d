import { setTimeout as sleep } from 'node:timers/promises'
import type { Acknowledged } from '../support/emulator.ts'
import { type Controller, leaseOf, openPair, type Pair, until } from './pair.ts'

/** What one pause came to. */
export interface Pause {
  readonly number: number
  readonly paused: string
  readonly milliseconds: number
  /** Writes that the region took from the one that was paused, after its lease had run out and before it had another. */
  readonly stale: readonly string[]
  /** Whether the other one took the lease meanwhile. */
  readonly taken: boolean
}

export interface Played {
  readonly pauses: readonly Pause[]
  /** What of the journal is not as one writer at a time would leave it. */
  readonly journal: readonly string[]
  /** Writes of both controllers. */
  readonly writes: number
}

const PACE = { lease: 4500, call: 1500, tick: 300 }
/** A pause of this length outlasts the lease. */
export const SHORTEST_PAUSE = PACE.lease + 1000
/** Where what is carried arrives. */
const STANDBY = 'centralus'
const AFTERWARDS = 2500
/** Sent as a write, and none. */
const READS = /search/i

/** Stops whoever is active, for each of some times, while a team writes without end. The region's record is the witness. */
export async function playPauses(
  pauses: readonly number[],
  done: (pause: Pause) => void = () => undefined,
): Promise<Played> {
  const pair = await openPair(PACE)
  const team = new AbortController()
  try {
    const both = [await pair.controller('one'), await pair.controller('two')]
    const load = Promise.allSettled([work(pair, team.signal)])
    const played: Pause[] = []
    for (const [index, milliseconds] of pauses.entries()) {
      const pause = await pausedOnce(pair, both, { number: index + 1, milliseconds })
      played.push(pause)
      done(pause)
    }
    team.abort()
    const [worked] = await load
    if (worked.status === 'rejected') throw worked.reason
    const names = new Set(both.map(({ name }) => name))
    const writes = (await pair.emulator.activity(STANDBY)).filter(({ client }) => names.has(String(client))).length
    return { pauses: played, journal: await disorderIn(pair), writes }
  } finally {
    team.abort()
    await pair.end()
  }
}

async function pausedOnce(
  pair: Pair,
  both: readonly Controller[],
  { number, milliseconds }: Pick<Pause, 'number' | 'milliseconds'>,
): Promise<Pause> {
  const active = await until('a controller holds the lease', () => {
    const lease = leaseOf(pair)
    return lease.left > 0 ? both.find(({ child }) => lease.pid === child.pid) : undefined
  })
  const last = await lastLine(pair)
  await until('the active one writes', async () =>
    (await pair.emulator.activity(STANDBY, last)).some(({ client }) => client === active.name) ? true : undefined,
  )
  active.child.kill('SIGSTOP')
  const lease = leaseOf(pair)
  const over = Date.now() + lease.left
  await sleep(milliseconds)
  const then = leaseOf(pair)
  active.child.kill('SIGCONT')
  await sleep(AFTERWARDS)
  const again = active.events.find(({ is, epoch: of }) => is === 'lease' && Number(of) > lease.epoch)
  const since = again === undefined ? Number.POSITIVE_INFINITY : Date.parse(String(again['at']))
  const lines = await pair.emulator.activity(STANDBY, last)
  // One that was not taken and had not run out yet is simply renewed.
  const kept = then.epoch === lease.epoch && then.left > 0
  const stale = lines.filter((line) => {
    if (kept || READS.test(line.operation)) return false
    const at = Date.parse(String(line['at']))
    return line['client'] === active.name && at > over && at < since
  })
  const told = stale.map((line) => shown(line, over))
  return { number, paused: active.name, milliseconds, stale: told, taken: then.epoch > lease.epoch }
}

function shown({ method, target, at, operation }: Acknowledged, over: number): string {
  return `${operation} ${method} ${target.split('?')[0]} ${Date.parse(String(at)) - over} ms after the lease was over`
}

async function lastLine(pair: Pair): Promise<number> {
  return Number((await pair.emulator.activity(STANDBY)).at(-1)?.['seq'] ?? 0)
}

/** A team that goes on writing the same blobs, and registers a model now and then. */
async function work({ cloud, estate }: Pair, signal: AbortSignal): Promise<void> {
  const { workspaceId } = (await cloud.arm('GET', estate.workspace))['properties'] as { workspaceId: string }
  const container = `azureml-blobstore-${workspaceId}`
  for (let n = 0; !signal.aborted; n++) {
    const bytes = Buffer.alloc(1024 * (1 + (n % 64)), `${n} `)
    await cloud.putBlob(estate.storage, `${container}/load/${n % 60}`, bytes)
    if (n % 10 === 0) {
      const version = 1 + ((n / 10) % 20)
      const modelUri = `azureml://datastores/workspaceblobstore/paths/load/${version}`
      const model = `${estate.workspace}/models/load/versions/${version}`
      await cloud.arm('PUT', model, { properties: { modelType: 'custom_model', modelUri, tags: { n: `${n}` } } })
    }
    await sleep(20)
  }
}

async function disorderIn(pair: Pair): Promise<readonly string[]> {
  const records = await pair.journal()
  return records.flatMap(({ seq, epoch }, index) => {
    const before = records[index - 1]
    const [inOrder, next] = [epoch >= (before?.epoch ?? 0), seq === (before?.seq ?? 0) + 1]
    return inOrder && next ? [] : [`record ${seq} of epoch ${epoch} follows record ${before?.seq} of ${before?.epoch}`]
  })
}
