import type { Milliseconds } from './duration.ts'
import { type Address, type Kind, kindOf, type Mode } from './model.ts'
import { anyOf, type Selector, selector } from './selector.ts'

/** One protection as `holdfast.yaml` describes it, with every default filled in. No secret stands in it. */
export interface Policy {
  readonly name: string
  readonly primary: SidePolicy
  readonly secondary: SidePolicy
  /** `geography`: the secondary must stand in the primary's geography. */
  readonly residency: 'geography' | 'any'
  readonly objectives: { readonly rpo: Milliseconds; readonly rto: Milliseconds }
  readonly sync: SyncPolicy
  readonly availability: AvailabilityPolicy
  readonly failover: FailoverPolicy
  readonly switchover: SwitchoverPolicy
  /** URL of a container in a third region that holds lease and journal. Default: SQLite on this machine. */
  readonly witness?: string
  readonly pointer: readonly PointerTarget[]
  /** By kind: name in the primary → name in the secondary. Under `subnet`, ids of subnets. */
  readonly mappings: Readonly<Record<Kind, Readonly<Record<string, string>>>>
  readonly maintenance: readonly MaintenanceWindow[]
  readonly notify: readonly NotifyTarget[]
  readonly backup?: BackupPolicy
}

/** What stands on one of the two sides. */
export type SidePolicy = WorkspaceSide | ServerSide

export interface WorkspaceSide {
  /** ARM id, without a trailing slash. */
  readonly workspace: string
  /** In Azure's short form. A primary says it itself. */
  readonly location?: string
}

/** A tracking server of MLflow. */
export interface ServerSide {
  /** URI, without a trailing slash and without credentials. */
  readonly server: string
  /** How people call where it stands. Default: its host and port. */
  readonly location?: string
  /** Default: as MLflow's own client signs in, from its variables of the environment. */
  readonly signIn?: ServerSignIn
  /** Folders of Azure's storage, `wasbs://…` or `abfss://…`, in which the server's clients keep its files themselves. */
  readonly filesBelow?: readonly string[]
}

export type ServerSignIn = { readonly user: string; readonly password: Secret } | { readonly token: Secret }

export function isServer(side: SidePolicy): side is ServerSide {
  return 'server' in side
}

/** The one name by which a side is known everywhere: the ARM id of its workspace, or the URI of its server. */
export function nameOfSide(side: SidePolicy): string {
  return isServer(side) ? side.server : side.workspace
}

/** Where a side stands, as people call it; empty for a workspace that says it itself. */
export function locationOfSide(side: SidePolicy): string {
  return side.location ?? (isServer(side) ? new URL(side.server).host : '')
}

export interface SyncPolicy {
  readonly every: Milliseconds
  readonly history: 'all' | 'none'
  /** Selectors of what is left alone. */
  readonly exclude: readonly string[]
  /** What to do with one name and version that has other content on each side. */
  readonly conflict: 'map' | 'refuse'
  /** Kinds whose removal in the active side is repeated in the standby. */
  readonly removes: readonly Kind[]
}

/** Where a job that was under way goes on after a failover. */
export type Resubmit = 'secondary' | 'primary' | 'never'

export interface AvailabilityPolicy {
  readonly default: Mode
  readonly kinds: Readonly<Record<Kind, Mode>>
  /** The first that matches decides. */
  readonly rules: readonly { readonly match: string; readonly mode?: Mode; readonly resubmit?: Resubmit }[]
}

export interface FailoverPolicy {
  /** `automatic`: acts. `approval`: asks, and acts on consent. `manual`: only ever says what it sees. */
  readonly mode: 'automatic' | 'approval' | 'manual'
  /** How long a loss must last. */
  readonly after: Milliseconds
  readonly vantagePoints: readonly VantagePoint[]
  /** The loss of work beyond which no failover is automatic. */
  readonly maxLoss: Milliseconds
  /** Nothing is automatic for so long after a failover. */
  readonly coolDown: Milliseconds
  /** How long a plan that waits for an approval is good. */
  readonly approvalExpires: Milliseconds
  /** Lets vantage points on one host count apart. For trying it out on one machine only. */
  readonly demo: boolean
  /** URL that depends on neither side: whoever cannot reach it says nothing of a side. Default: Azure's list of its clouds. */
  readonly outside?: string
}

/** What becomes of jobs that run when a side is left that is well. */
export interface SwitchoverPolicy {
  readonly jobs: 'wait' | 'resubmit'
  /** Longest that they are waited for. */
  readonly wait: Milliseconds
}

/** A process elsewhere that probes both sides. */
export interface VantagePoint {
  readonly name: string
  readonly url: string
  /** What fails together with it. Default: the host of its URL. */
  readonly host: string
}

/** Something that must follow the active workspace. */
export type PointerTarget = { readonly file: string } | { readonly env: string } | { readonly webhook: string }

/** Where something stands that must not stand in a policy: a variable of the environment, or a file beside the policy. */
export type Secret = { readonly env: string } | { readonly file: string }

/** Who is told what happens. The file gets a line of JSON for each notice. */
export type NotifyTarget =
  | { readonly webhook: string | Secret; readonly format: 'json' | 'slack' | 'teams'; readonly bearer?: Secret }
  | { readonly file: string }

/** A time in which nothing is automatic, every week, in UTC. */
export interface MaintenanceWindow {
  /** Days on which it begins: 0 is Sunday. */
  readonly days: readonly number[]
  /** After midnight. */
  readonly from: Milliseconds
  readonly lasts: Milliseconds
}

export interface BackupPolicy {
  readonly repository: string
  readonly every: Milliseconds
  readonly keep: { readonly daily: number; readonly monthly: number }
}

/** How ready one thing is kept: the first rule that matches it, else its kind, else the default. */
export function modes(policy: AvailabilityPolicy): (address: Address) => Mode {
  const rules = policy.rules.flatMap(({ match, mode }) =>
    mode === undefined ? [] : [{ match: selector(match), mode }],
  )
  return (address) => rules.find(({ match }) => match(address))?.mode ?? policy.kinds[kindOf(address)] ?? policy.default
}

/** Where the jobs of one thing go on after a failover, where the policy says so. */
export function resubmissions(policy: AvailabilityPolicy): (address: Address) => Resubmit | undefined {
  const rules = policy.rules.flatMap(({ match, resubmit }) =>
    resubmit === undefined ? [] : [{ match: selector(match), resubmit }],
  )
  return (address) => rules.find(({ match }) => match(address))?.resubmit
}

/** What sync leaves alone. */
export function exclusions(policy: SyncPolicy): Selector {
  return anyOf(policy.exclude)
}

const DAY = 86_400_000
/** 1 January 1970 was a Thursday. */
const FIRST_DAY = 4

/** Whether a moment, in milliseconds since 1970, lies in a maintenance window. */
export function inMaintenance(windows: readonly MaintenanceWindow[], now: number): boolean {
  const today = Math.floor(now / DAY)
  return windows.some(({ days, from, lasts }) => {
    // One that began on an earlier day may last until now.
    for (let day = today; day * DAY + from + lasts > now; day--) {
      if (days.includes((((day + FIRST_DAY) % 7) + 7) % 7) && day * DAY + from <= now) return true
      if (today - day > 7) return false
    }
    return false
  })
}
