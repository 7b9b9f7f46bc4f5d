import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Azure, openAzure } from '../../azure/open-azure.ts'
import { surroundingsOf } from '../../azure/transport.ts'
import { Fault, isFault } from '../../core/errors.ts'
import { type JsonObject, otherSide, type Side } from '../../core/model.ts'
import { exclusions, modes, type PointerTarget, type Policy } from '../../core/policy.ts'
import type { NoticeTarget } from '../../engine/notify.ts'
import type { Parts, Progress } from '../../engine/parts.ts'
import { silent } from '../../engine/parts.ts'
import type { Carrying } from '../../engine/sync.ts'
import { type Submit, submission } from '../../services/job/index.ts'
import { type Names, placeOf, readNames } from '../../services/place.ts'
import { registry } from '../../services/registry.ts'
import type { Place } from '../../services/service.ts'
import { openSqliteStore } from '../../store/sqlite.ts'
import { openSqliteLedger } from '../../store/sqlite-ledger.ts'
import { CALL_MILLISECONDS } from '../limits.ts'
import { readPolicies } from '../policy-file.ts'
import { noticeTargets } from './notice-targets.ts'
import { demandOwnCloud } from './own-cloud.ts'
import { type OpenReach, openReach } from './reach.ts'

/** One protection with everything joined that its verbs need. */
export interface Composed {
  readonly policy: Policy
  /** Folder of this protection's journal, ledger and key. */
  readonly dir: string
  readonly parts: Parts
  readonly carrying: Carrying
  readonly azure: Azure
  readonly reach: OpenReach
  readonly submit: Submit
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
  /** Folder of journal and ledger. Default: `.holdfast` beside the policy. */
  readonly state?: string
  readonly progress?: Progress
  readonly requestMilliseconds?: number
}

/** Joins the parts for one protection: the only place that names a store, a blob store or the registry of services. */
export async function compose(options: ComposeOptions): Promise<Composed> {
  const policy = await policyNamed(options)
  const dir = join(options.state ?? join(dirname(resolve(options.policy)), '.holdfast'), policy.name)
  const azure = openAzure({
    surroundings: surroundingsOf(process.env),
    requestMilliseconds: options.requestMilliseconds ?? CALL_MILLISECONDS,
  })
  const reach = openReach(azure)
  const store = openSqliteStore(join(dir, 'store.db'))
  const ledger = openSqliteLedger(join(dir, 'ledger.db'))
  const sides = sidesOf(policy, azure, async (side) => store.fact(policy.name, factOf(side)))
  const parts: Parts = {
    protection: policy.name,
    services: registry({ arm: azure.arm, ...reach }),
    open: sides.open,
    learn: async (tenure, signal) => {
      for (const [side, names] of await sides.learn(signal)) await tenure.setFact(factOf(side), names)
    },
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
    azure,
    reach,
    submit: submission(azure.critical),
    notices: noticeTargets(policy.notify, options.policy),
    holder: `${hostname()}/${process.pid}`,
    close: async () => {
      azure.close()
      ledger.close()
      await store.close()
    },
  }
}

async function policyNamed({ policy, name }: ComposeOptions): Promise<Policy> {
  const all = await readPolicies(policy)
  const found = name === undefined && all.length === 1 ? all[0] : all.find((one) => one.name === name)
  if (found !== undefined) return { ...found, pointer: found.pointer.map((target) => besidePolicy(target, policy)) }
  const names = all.map((one) => one.name).join(', ')
  throw new Fault(
    'usage/bad-argument',
    name === undefined ? `${policy} has several protections: ${names}` : `${policy} has no protection ${name}`,
    {
      hint: `Name one with --protection: ${names}.`,
    },
  )
}

/** Paths of pointers are those of the policy's folder, wherever this process was started. */
function besidePolicy(target: PointerTarget, policy: string): PointerTarget {
  const folder = dirname(resolve(policy))
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
  }
}

function factOf(side: Side): string {
  return `names-${side}`
}

/** Both sides by their names: asked once, remembered for the day on which a side cannot be asked. */
function sidesOf(policy: Policy, azure: Azure, remembered: (side: Side) => Promise<JsonObject | undefined>) {
  const known = new Map<Side, Names>()
  const workspace = { primary: policy.primary.workspace, secondary: policy.secondary.workspace }

  function optionsOf(side: Side) {
    return side === 'secondary' ? { mappings: policy.mappings } : {}
  }

  async function namesOf(side: Side, signal: AbortSignal): Promise<Names | undefined> {
    const kept = known.get(side) ?? ((await remembered(side)) as Names | undefined)
    const names = kept ?? (await readNames(azure.arm, workspace[side], { ...optionsOf(side), signal }))
    if (names !== undefined) known.set(side, names)
    return names
  }

  async function open(side: Side, signal: AbortSignal): Promise<Place | undefined> {
    demandOwnCloud(workspace[side])
    const names = await namesOf(side, signal)
    if (names === undefined) return undefined
    const now = () =>
      azure.earliest(`${names.location}.api.azureml.ms`) ?? azure.earliest('management.azure.com') ?? Date.now()
    return { ...placeOf(names, await namesOf(otherSide(side), signal)), now }
  }

  async function learn(signal: AbortSignal): Promise<ReadonlyMap<Side, JsonObject>> {
    demandOwnCloud(workspace.primary)
    const changed = new Map<Side, JsonObject>()
    for (const side of ['primary', 'secondary'] as const) {
      try {
        const names = await readNames(azure.arm, workspace[side], { ...optionsOf(side), signal })
        if (names === undefined || JSON.stringify(names) === JSON.stringify(await remembered(side))) continue
        known.set(side, names)
        changed.set(side, names as unknown as JsonObject)
      } catch (thrown) {
        if (!isFault(thrown, 'azure/unreachable', 'azure/signin', 'azure/throttled') || signal.aborted) throw thrown
      }
    }
    return changed
  }

  return { open, learn }
}
