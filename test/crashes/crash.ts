import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Acknowledged } from '../support/emulator.ts'
import { type CommitPoint, commitsOf } from './commits.ts'
import { differencesOf, type Ending, endingOf } from './ending.ts'
import { type CallPoint, pointsOf, type RegionWay, type Way } from './points.ts'
import { HOLDFAST, type Lane, type Over, onStage, type Stage, type Started } from './stage.ts'
import { type Act, estateFor, standbyOf } from './story.ts'

/** Both sides at the end of an act; one that is lost has no end. */
export type Ends = Readonly<Record<'primary' | 'secondary', Ending>>

/** An act that nothing disturbs: how it ends, and where it can be cut off. */
export interface Undisturbed {
  readonly ends: Ends
  readonly calls: readonly CallPoint[]
  readonly commits: readonly CommitPoint[]
}

/** An act, and the lane on which it is played. */
export interface Scene {
  readonly act: Act
  readonly lane: Lane
}

/** What a crash came to. */
export interface Verdict {
  /** Whether it took place at all: where it did not, nothing is shown. */
  readonly reached: boolean
  /** Where the end is not the undisturbed one, or how the act ended that was not met. */
  readonly trouble: readonly string[]
}

const PRELOAD = fileURLToPath(new URL('./die-at-commit.ts', import.meta.url))
const REGIONS = ['eastus2', 'centralus'] as const
/** How long an answer takes from the emulator to a process of this machine, with much to spare. */
const ANSWER_MILLISECONDS = 400
/** Each time it is asked costs the emulator work, which is what a campaign on few cores has least of. */
const MEETING_MILLISECONDS = 200
const MOST_TRIES = 3
/** The exit code of a failover that was refused. */
const REFUSED = 50

/** Plays an act to its end, from its moment. */
export async function undisturbed(scene: Scene): Promise<Undisturbed> {
  const { act } = scene
  return play(scene, async (stage) => {
    const before = await counts(stage)
    const log = join(stage.dir, 'commits.jsonl')
    const { code, said } = await untilDecided(async () => {
      // What was refused has begun nothing, and what it committed is no point of the act.
      await rm(log, { force: true })
      return stage.start(act.verb, preloaded({ COMMITS: log })).over
    })
    if (code !== 0) throw new Error(`${act.name} ended with ${code}:\n${said}`)
    const calls: CallPoint[] = []
    const written: Acknowledged[] = []
    for (const place of REGIONS) {
      const lines = await since(stage, place, before[place])
      calls.push(...pointsOf(place, lines))
      written.push(...lines)
    }
    return { ends: await endsOf(stage, act), calls, commits: commitsOf(readFileSync(log, 'utf8'), written) }
  })
}

/** Kills the act at a call, lets another process go on, and gives where the end is not the undisturbed one. */
export async function killedAtCall(
  scene: Scene,
  { place, route }: CallPoint,
  way: Way,
  wanted: Ends,
): Promise<Verdict> {
  const { act } = scene
  return play(scene, async (stage) => {
    const { emulator } = stage
    const is = way === 'unsent' ? 'hang' : 'held-answer'
    await emulator.faults([{ is, at: place, route, client: HOLDFAST, times: 1 }])
    const started = await startUntilMet(stage, act)
    if ('said' in started) return notReached(started)
    if (way === 'unrecorded') await killUnrecorded(stage, started)
    else await kill(started)
    await emulator.faults([])
    endLease(stage)
    return goOn(stage, act, { wanted })
  })
}

/** Kills the region that a call goes to, before the call is done or before it is answered, and starts it again. */
export async function regionKilledAtCall(
  scene: Scene,
  { place, route }: CallPoint,
  way: RegionWay,
  wanted: Ends,
): Promise<Verdict> {
  const { act } = scene
  return play(scene, async (stage) => {
    const { emulator } = stage
    const is = way === 'undone' ? 'hang' : 'held-answer'
    await emulator.faults([{ is, at: place, route, client: HOLDFAST, times: 1 }])
    const started = await startUntilMet(stage, act)
    if ('said' in started) return notReached(started)
    await emulator.region(place, 'kill')
    await emulator.faults([])
    await emulator.region(place, 'start')
    return goOn(stage, act, { wanted, first: started })
  })
}

/** The same for a commit of the store. */
export async function killedAtCommit(scene: Scene, { sort, nth, when }: CommitPoint, wanted: Ends): Promise<Verdict> {
  const { act } = scene
  return play(scene, async (stage) => {
    const env = preloaded({ DIE_AT: sort, DIE_NTH: String(nth), DIE_WHEN: when })
    const over = await untilDecided(() => stage.start(act.verb, env).over)
    if (over.code !== null) return notReached(over)
    endLease(stage)
    return goOn(stage, act, { wanted })
  })
}

function notReached({ code, said }: Over): Verdict {
  return { reached: false, trouble: [`It ended with ${code} before that came:\n${said}`] }
}

function play<T>({ act, lane }: Scene, work: (stage: Stage) => Promise<T>): Promise<T> {
  return onStage(lane, act.at, async (stage) => {
    await act.before(stage)
    return work(stage)
  })
}

function preloaded(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...env, NODE_OPTIONS: `--import ${PRELOAD}` }
}

/** Starts the verb until the fault meets it; or gives its end. */
function startUntilMet(stage: Stage, act: Act): Promise<Started | Over> {
  return untilDecided(async () => {
    const started = stage.start(act.verb)
    const met = await Promise.race([meets(stage), started.over])
    return met === true ? started : met
  })
}

/** Does it again where a busy machine saw too little to decide. */
async function untilDecided<T extends Started | Over>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const met = await start()
    if (!('code' in met && met.code === REFUSED) || tries === MOST_TRIES) return met
  }
}

async function meets({ emulator }: Stage): Promise<true> {
  while ((await emulator.met()) === 0) await sleep(MEETING_MILLISECONDS)
  return true
}

async function kill({ process: child, over }: Started): Promise<void> {
  child.kill('SIGKILL')
  await over
}

/** Lets the answer come while nothing can be written down, and kills then. */
async function killUnrecorded(stage: Stage, started: Started): Promise<void> {
  const store = stage.openStore()
  try {
    store.exec('PRAGMA busy_timeout=5000; BEGIN IMMEDIATE')
    await stage.emulator.faults([])
    await sleep(ANSWER_MILLISECONDS)
    await kill(started)
    store.exec('ROLLBACK')
  } finally {
    store.close()
  }
}

interface GoingOn {
  readonly wanted: Ends
  /** A process that still goes on. */
  readonly first?: Started
}

/** Goes on to the end, and gives where that is not the wanted one; the verb may need to be run again, as people do. */
async function goOn(stage: Stage, act: Act, { wanted, first }: GoingOn): Promise<Verdict> {
  const failures: string[] = []
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { code, said } = await ((tries === 0 ? first : undefined) ?? stage.start(act.verb)).over
    if (code === 0 || isOver(said)) {
      const ends = await endsOf(stage, act)
      const sides = ['primary', 'secondary'] as const
      const trouble = sides.flatMap((side) => differencesOf(wanted[side], ends[side]).map((line) => `${side}: ${line}`))
      return { reached: true, trouble }
    }
    failures.push(`ended with ${code}: ${said}`)
  }
  return { reached: true, trouble: failures }
}

/** What was over in all but the process is not begun once more. */
function isOver(said: string): boolean {
  return /is under way|was not taken back|is active already/.test(said)
}

/** The lease of a process that is dead runs out; nobody is made to wait for it here. */
function endLease(stage: Stage): void {
  const store = stage.openStore()
  store.exec('PRAGMA busy_timeout=5000; UPDATE leases SET until = 0')
  store.close()
}

async function endsOf(stage: Stage, act: Act): Promise<Ends> {
  const estate = estateFor(stage)
  const primary = act.name === 'failover' ? {} : await endingOf(stage.cloud, estate.workspace)
  return { primary, secondary: await endingOf(stage.cloud, standbyOf(estate)) }
}

async function counts({ emulator }: Stage): Promise<Readonly<Record<string, number>>> {
  const found = REGIONS.map(async (place) => [place, (await emulator.activity(place)).length] as const)
  return Object.fromEntries(await Promise.all(found))
}

async function since({ emulator }: Stage, place: string, before = 0) {
  return (await emulator.activity(place)).slice(before)
}
