import { type ChildProcess, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { type Cloud, type Environment, openCloud } from '../../demo/cloud.ts'
import { startTestEmulator, type TestEmulator } from '../support/emulator.ts'

/** A moment of a story: everything as it was when it was kept, under a name below a folder. */
export interface Moment {
  readonly root: string
  readonly name: string
}

/** An emulator on which one stage after the other is set: to load a moment costs a tenth of a start. */
export interface Lane {
  readonly emulator: TestEmulator
  /** What points a client of this name at it. */
  environment(client: 'team' | typeof HOLDFAST): Environment
  end(): Promise<void>
}

/** The end of a verb: its code is `null` where it was killed. */
export interface Over {
  readonly code: number | null
  readonly said: string
}

/** A verb that was started. */
export interface Started {
  readonly process: ChildProcess
  readonly over: Promise<Over>
}

/** An emulator and a protection, as they were at a moment or new. */
export interface Stage {
  readonly dir: string
  readonly emulator: TestEmulator
  /** The team and its auditor, who know nothing of Holdfast. */
  readonly cloud: Cloud
  /** Starts a verb of the protection in a process of its own. */
  start(args: readonly string[], env?: Environment): Started
  /** Runs a verb to its end, and gives what it printed. Throws where it fails. */
  verb(...args: readonly string[]): Promise<string>
  /** The store of the protection, opened beside whoever uses it. */
  openStore(): DatabaseSync
  /** Keeps everything as it is now, while no verb runs. */
  keep(moment: Moment): Promise<void>
  /** Ends everything that was started, so that nothing of it reaches the next stage. */
  end(): Promise<void>
}

/** Name by which the emulator knows the verbs that are started here. */
export const HOLDFAST = 'holdfast'

/** Holdfast finds its proxy by itself; Node would load another client for it at each start. */
const OWN = { NO_COLOR: '1', NODE_USE_ENV_PROXY: '0' }
const MAIN = fileURLToPath(new URL('../../bin/holdfast.cjs', import.meta.url))

/** Opens a lane whose emulator finds the moments that are kept below a folder. `env` is the emulator's. */
export async function openLane(root: string, env: Environment = {}): Promise<Lane> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-emulator-'))
  const saved = join(root, 'saved')
  await mkdir(saved, { recursive: true })
  await symlink(saved, join(dir, 'saved'))
  const emulator = await startTestEmulator({ env, dir })
  const environments = new Map<string, Environment>()
  for (const client of ['team', HOLDFAST]) {
    const answer = await fetch(`${emulator.control}/emulator/env?client=${client}`)
    environments.set(client, { ...emulator.env, ...((await answer.json()) as Record<string, string>) })
  }
  return { emulator, environment: (client) => environments.get(client) ?? {}, end: () => emulator.stop() }
}

/** Sets a stage on a lane. Without a moment, the lane must be new. */
export async function openStage({ emulator, environment }: Lane, at?: Moment): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-crash-'))
  if (at !== undefined) await Promise.all([cp(ownOf(at), dir, { recursive: true }), emulator.load(at.name)])
  const cloud = openCloud(environment('team'))
  const alive = new Map<ChildProcess, Promise<Over>>()

  function start(args: readonly string[], more: Environment = {}): Started {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: dir,
      env: { ...process.env, ...environment(HOLDFAST), ...OWN, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const said: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk))
    const over = new Promise<Over>((resolve) =>
      child.once('close', (code) => {
        alive.delete(child)
        resolve({ code, said: Buffer.concat(said).toString('utf8') })
      }),
    )
    alive.set(child, over)
    return { process: child, over }
  }

  async function verb(...args: readonly string[]): Promise<string> {
    const { code, said } = await start(args).over
    if (code !== 0) throw new Error(`holdfast ${args.join(' ')} ended with ${code}:\n${said}`)
    return said
  }

  async function keep(moment: Moment): Promise<void> {
    await emulator.save(moment.name)
    await cp(dir, ownOf(moment), { recursive: true })
  }

  async function end(): Promise<void> {
    const ending = [...alive.values()]
    for (const child of alive.keys()) child.kill('SIGKILL')
    await Promise.all(ending)
    await cloud.close()
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }

  const openStore = () => new DatabaseSync(join(dir, '.holdfast', 'churn', 'store.db'))
  return { dir, emulator, cloud, start, verb, openStore, keep, end }
}

/** Opens lanes for a piece of work, one at least, and ends them behind it. */
export async function onLanes<T>(
  { root, env, count = 1 }: { readonly root: string; readonly env: Environment; readonly count?: number },
  work: (lanes: readonly [Lane, ...Lane[]]) => Promise<T>,
): Promise<T> {
  const lanes: [Lane, ...Lane[]] = [await openLane(root, env)]
  try {
    while (lanes.length < count) lanes.push(await openLane(root, env))
    return await work(lanes)
  } finally {
    await Promise.all(lanes.map((lane) => lane.end()))
  }
}

/** Sets a stage for a piece of work, and ends it behind it. */
export async function onStage<T>(lane: Lane, at: Moment | undefined, work: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await openStage(lane, at)
  try {
    return await work(stage)
  } finally {
    await stage.end()
  }
}

/** Sets a stage on a lane of its own, which ends with it. */
export async function openStageAlone(options: {
  readonly root?: string
  readonly at?: Moment
  readonly env?: Environment
}): Promise<Stage> {
  const root = options.at?.root ?? options.root
  const own = root ?? (await mkdtemp(join(tmpdir(), 'holdfast-stage-')))
  const lane = await openLane(own, options.env)
  const stage = await openStage(lane, options.at)
  const end = async () => {
    await stage.end()
    await lane.end()
    if (root === undefined) await rm(own, { recursive: true, force: true })
  }
  return { ...stage, end }
}

/** Where the folder of the protection is kept. */
function ownOf({ root, name }: Moment): string {
  return join(root, 'own', name)
}
