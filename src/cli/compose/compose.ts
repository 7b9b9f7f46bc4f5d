import { existsSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Fault } from '../../core/errors.ts'
import type { Side } from '../../core/model.ts'
import { exclusions, modes, type PointerTarget, type Policy } from '../../core/policy.ts'
import type { NoticeTarget } from '../../engine/notify.ts'
import type { Parts, Progress } from '../../engine/parts.ts'
import { silent } from '../../engine/parts.ts'
import type { Carrying } from '../../engine/sync.ts'
import { openSqliteStore } from '../../store/sqlite.ts'
import { openSqliteHistoryLedger } from '../../store/sqlite-history-ledger.ts'
import { openSqliteLedger } from '../../store/sqlite-ledger.ts'
import { CALL_MILLISECONDS } from '../limits.ts'
import { readPolicies } from '../policy-file.ts'
import { type Estate, openEstate } from './estate.ts'
import { gatedStore } from './gated-store.ts'
import { kindsOf } from './kinds.ts'
import { noticeTargets } from './notice-targets.ts'

/** One protection with everything joined that its verbs need. */
export interface Composed {
  readonly policy: Policy
  /** Folder of this protection's journal, ledger and key. */
  readonly dir: string
  readonly parts: Parts
  readonly carrying: Carrying
  readonly estate: Estate
  readonly notices: readonly NoticeTarget[]
  /** Names this process for people. */
  readonly holder: string
  close(): Promise<void>
}

export interface ComposeOptions {
  /** File or folder of protections. */
  readonly policy: string
  /** Which of them; may be left out where there is one. */
  readonly name?: string
  /** Folder of journal and ledger. Default: `.holdfast` in the folder of the policy. */
  readonly state?: string
  /** For verbs that only read it: a folder that was named must be there, or any. Default: it is made. */
  readonly standing?: Standing
  readonly progress?: Progress
  readonly requestMilliseconds?: number
}

/** Which state must be there already: one whose folder was named, or any. */
export type Standing = 'named' | 'any'

/** Joins the parts for one protection: the only place that names a store, a blob store or the registry of services. */
export async function compose(options: ComposeOptions): Promise<Composed> {
  const policy = await policyNamed(options)
  const folder = folderOf(options.policy)
  const dir = join(options.state ?? join(folder, '.holdfast'), policy.name)
  const file = join(dir, 'store.db')
  const mustStand = options.standing === 'any' || (options.standing === 'named' && options.state !== undefined)
  if (mustStand && !existsSync(file)) throw noState(dir, policy.name)
  const opened = openSqliteStore(file)
  const ledger = openSqliteLedger(join(dir, 'ledger.db'))
  const notes = openSqliteHistoryLedger(join(dir, 'notes.db'))
  const estate = openEstate({
    policy,
    folder,
    notes,
    remembered: async (side) => opened.fact(policy.name, factOf(side)),
    requestMilliseconds: options.requestMilliseconds ?? CALL_MILLISECONDS,
  })
  const store = gatedStore(opened, estate.gate)
  const parts: Parts = {
    protection: policy.name,
    services: estate.services,
    open: estate.open,
    ...(estate.unfenced === undefined ? {} : { unfenced: estate.unfenced }),
    learn: async (tenure, signal) => {
      for (const [side, names] of await estate.learn(signal)) await tenure.setFact(factOf(side), names)
    },
    answers: (side, signal) => answersIn(estate, side, signal),
    store,
    ledger,
    now: Date.now,
    progress: options.progress ?? silent,
  }
  return {
    policy,
    dir,
    parts,
    carrying: carryingOf(policy),
    estate,
    notices: noticeTargets(policy.notify, folder),
    holder: `${hostname()}/${process.pid}`,
    close: async () => {
      estate.close()
      ledger.close()
      notes.close()
      await store.close()
    },
  }
}

function noState(dir: string, protection: string): Fault {
  return new Fault('usage/bad-argument', `${dir} holds no state of ${protection}: nothing was done from here yet`, {
    facts: { dir },
    hint: 'Name its folder with --state, on the machine that runs `holdfast sync` or `holdfast serve`.',
  })
}

async function policyNamed({ policy, name }: ComposeOptions): Promise<Policy> {
  const all = await readPolicies(policy, kindsOf)
  const found = name === undefined && all.length === 1 ? all[0] : all.find((one) => one.name === name)
  const folder = folderOf(policy)
  if (found !== undefined) return { ...found, pointer: found.pointer.map((target) => besidePolicy(target, folder)) }
  const names = all.map((one) => one.name).join(', ')
  throw new Fault(
    'usage/bad-argument',
    name === undefined ? `${policy} has several protections: ${names}` : `${policy} has no protection ${name}`,
    {
      hint: `Name one with --protection: ${names}.`,
    },
  )
}

/** The folder in which policies stand, whether it was named itself or one of its files: each protection has one state. */
function folderOf(policy: string): string {
  const path = resolve(policy)
  return statSync(path).isDirectory() ? path : dirname(path)
}

/** Paths of pointers are those of the policy's folder, wherever this process was started. */
function besidePolicy(target: PointerTarget, folder: string): PointerTarget {
  if ('file' in target) return { file: resolve(folder, target.file) }
  return 'env' in target ? { env: resolve(folder, target.env) } : target
}

/** What the policy says about carrying. Holdfast's own replicas of checkpoints go as their jobs end. */
function carryingOf(policy: Policy): Carrying {
  return {
    mode: modes(policy.availability),
    conflict: policy.sync.conflict,
    excluded: exclusions(policy.sync),
    removes: new Set([...policy.sync.removes, 'checkpoint']),
    unbraked: new Set(['checkpoint']),
    // What is served by an alias that was taken away is not to be served again after a failover.
    follows: new Set(['model-alias']),
  }
}

/** How long a plane may take to show that its side is there. */
const ANSWER_MILLISECONDS = 5000

/** Whether any plane of a side itself answers. Signing in is not of it, and of a side that nobody knows nothing is known. */
async function answersIn(estate: Estate, side: Side, signal: AbortSignal): Promise<boolean> {
  const place = await estate.open(side, signal)
  const questions = place === undefined ? [] : estate.questions(side, place).filter(({ plane }) => plane !== 'signin')
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MILLISECONDS)])
  const asked = await Promise.allSettled(questions.map(({ ask }) => ask(limited)))
  return asked.length === 0 || asked.some(({ status }) => status === 'fulfilled')
}

function factOf(side: Side): string {
  return `names-${side}`
}
