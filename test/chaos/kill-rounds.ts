import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, randomOf } from '../simulation/random.ts'
import { Acknowledged } from './acknowledged.ts'
import { ChaosClient } from './client.ts'
import { type MortalEmulator, startMortalEmulator, until, type Victims } from './mortal-emulator.ts'
import { RecordCheck } from './record.ts'
import { makeSite } from './site.ts'
import { ARM_THINGS } from './things/arm-things.ts'
import { BLOB_THINGS } from './things/blob-things.ts'
import { RUN_THINGS } from './things/run-things.ts'
import { WORKSPACE_THINGS } from './things/workspace-things.ts'

export const REGIONS = ['eastus2', 'centralus'] as const
/** Writers per region. Each has its plane, so that all planes are under load in every round. */
const LOADS = { arm: ARM_THINGS, workspace: WORKSPACE_THINGS, runs: RUN_THINGS, blobs: BLOB_THINGS }
const VICTIMS: readonly [Victims, ...Victims[]] = [
  { regions: ['eastus2'] },
  { regions: ['centralus'] },
  { regions: ['eastus2'] },
  { regions: ['centralus'] },
  { regions: REGIONS },
  'everything',
]
/** A kill comes when so many writes of the round were acknowledged, and up to so many milliseconds later. */
const WRITES_BEFORE_A_KILL = { least: 8, most: 48 }
const MOST_MILLISECONDS_LATER = 20

/** What one round came to. */
export interface Round {
  readonly number: number
  readonly killed: string
  /** Writes that were acknowledged so far. */
  readonly acknowledged: number
  /** What was lost, damaged or is not as it must be. */
  readonly wrong: readonly string[]
}

export interface Play {
  readonly rounds: number
  readonly seed: number
  /** Called after each round. */
  readonly done?: (round: Round) => void
}

interface Cast {
  readonly emulator: MortalEmulator
  readonly random: Random
  readonly writers: readonly { readonly client: ChaosClient; readonly acknowledged: Acknowledged }[]
  readonly record: RecordCheck
}

/**
 * Kills the emulator's processes under a load of all planes, again and again, and reads back what was acknowledged.
 *
 * Which thing is written when a kill comes depends on the machine; the load and the victims follow from the seed.
 * Ends with the first round in which something is wrong, or after the last, when everything there is was read back.
 */
export async function playKillRounds({ rounds, seed, done }: Play): Promise<readonly Round[]> {
  // No node of a compute ever comes: jobs are kept, and wait.
  const emulator = await startMortalEmulator({
    regions: REGIONS,
    env: { EMULATOR_ALLOCATION_SECONDS: '86400' },
  })
  const random = randomOf(seed)
  const cast: Cast = { emulator, random, writers: await writersOf(emulator, random), record: recordCheck() }
  const played: Round[] = []
  try {
    for (let number = 1; number <= rounds && (played.at(-1)?.wrong.length ?? 0) === 0; number++) {
      const round = await playRound(cast, { number, all: number === rounds })
      played.push(round)
      done?.(round)
    }
    return played
  } finally {
    await Promise.all(cast.writers.map(({ client }) => client.close()))
    await emulator.end()
  }
}

function recordCheck(): RecordCheck {
  return new RecordCheck(['front', ...REGIONS])
}

async function writersOf(emulator: MortalEmulator, random: Random): Promise<Cast['writers']> {
  const { now } = emulator
  const founder = new ChaosClient('founder', now)
  const writers: Cast['writers'][number][] = []
  for (const region of REGIONS) {
    const site = await makeSite(founder, now.subscription, region)
    for (const [load, kinds] of Object.entries(LOADS)) {
      const client = new ChaosClient(`${load}-${region.slice(0, 1)}`, now)
      const seed = random.whole(0, 2 ** 30)
      writers.push({ client, acknowledged: new Acknowledged({ client, site, kinds, random: randomOf(seed) }) })
    }
  }
  await founder.close()
  return writers
}

async function playRound(cast: Cast, round: { readonly number: number; readonly all: boolean }): Promise<Round> {
  const { emulator, random, writers } = cast
  const victims = random.of(VICTIMS)
  const ending = new AbortController()
  const load = Promise.all(writers.map(({ acknowledged }) => writing(acknowledged, ending.signal))).then(
    () => [],
    // A refusal that nothing explains is a finding as much as a loss is.
    (failure: unknown) => [failure instanceof Error ? failure.message : String(failure)],
  )
  const enough = actsOf(cast) + random.whole(WRITES_BEFORE_A_KILL.least, WRITES_BEFORE_A_KILL.most)
  const later = random.between(0, MOST_MILLISECONDS_LATER)
  await Promise.race([load, until('the load is under way', () => actsOf(cast) >= enough)])
  await sleep(later)
  await emulator.kill(victims)
  ending.abort()
  const refused = await load
  await emulator.revive()
  return {
    number: round.number,
    killed: victims === 'everything' ? victims : victims.regions.join(' and '),
    wrong: [...refused, ...(await verified(cast, round.all, victims === 'everything'))],
    acknowledged: actsOf(cast),
  }
}

function actsOf({ writers }: Cast): number {
  return writers.reduce((sum, { acknowledged }) => sum + acknowledged.acts, 0)
}

/** Acts until told to end, or until something is not acknowledged. */
async function writing(acknowledged: Acknowledged, ending: AbortSignal): Promise<void> {
  while (!ending.aborted && (await acknowledged.act())) await sleep(0)
}

async function verified(
  { emulator, writers, record }: Cast,
  all: boolean,
  redial: boolean,
): Promise<readonly string[]> {
  const clients = writers.map(({ client }) => client)
  if (redial) for (const client of clients) await client.redial(emulator.now)
  await clients[0]?.signIn()
  // Before the reading back, which writes too.
  const lines = await record.verify(emulator.now, clients)
  const things = await Promise.all(writers.map(({ acknowledged }) => acknowledged.verify({ all })))
  return [...lines, ...things.flat()]
}
