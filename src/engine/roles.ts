import type { Standby } from '../core/failover.ts'
import { type Address, otherSide, type Roles, type Side } from '../core/model.ts'
import type { Parts } from './parts.ts'
import type { Comeback } from './return/comeback.ts'
import type { Tenure } from './tenure.ts'

/** Who is active. Before the first failover that is the primary. */
export async function rolesOf({ store, protection }: Parts): Promise<Roles> {
  const fact = await store.fact(protection, 'roles')
  const active = fact?.['active'] === 'secondary' ? 'secondary' : 'primary'
  return { active, epoch: Number(fact?.['epoch'] ?? 0) }
}

/** A side that was left by a failover and has not been taken back. */
export interface Away {
  readonly side: Side
  readonly failover: string
}

/** The side that is away, if one is. Nothing may be carried to it before it was taken back. */
export async function sideAway({ store, protection }: Parts, roles: Roles): Promise<Away | undefined> {
  const failover = (await store.fact(protection, 'roles'))?.['failover']
  if (typeof failover !== 'string') return undefined
  const returned = await store.fact(protection, 'returned')
  return returned?.['failover'] === failover ? undefined : { side: otherSide(roles.active), failover }
}

/**
 * What both sides changed while they were apart and neither could take in, with the reason: each side keeps its own
 * until a person has decided.
 */
export async function conflictsOf({ store, protection }: Parts): Promise<Readonly<Record<Address, string>>> {
  return ((await store.fact(protection, 'conflicts')) ?? {}) as Readonly<Record<Address, string>>
}

/** Of these a person has said that the active side's stand: the next pass carries it, and looks for no late work there. */
export async function settledIn({ store, protection }: Parts): Promise<Readonly<Record<Address, true>>> {
  return ((await store.fact(protection, 'settled')) ?? {}) as Readonly<Record<Address, true>>
}

/** Lets the active side's stand of all conflicts that are meant. Gives those, and what is left. */
export async function settleConflicts(
  parts: Parts,
  tenure: Tenure,
  isMeant: (address: Address) => boolean,
): Promise<{ readonly settled: readonly Address[]; readonly left: Readonly<Record<Address, string>> }> {
  const before = Object.entries(await conflictsOf(parts)) as [Address, string][]
  const settled = before.flatMap(([address]) => (isMeant(address) ? [address] : []))
  const left = Object.fromEntries(before.filter(([address]) => !isMeant(address)))
  const more = Object.fromEntries(settled.map((address) => [address, true]))
  await tenure.setFact('settled', { ...(await settledIn(parts)), ...more })
  await tenure.setFact('conflicts', left)
  return { settled, left }
}

/** Forgets what was settled and has been carried now. What a pass could not carry stays settled until one does. */
export async function forgetSettled(
  parts: Parts,
  tenure: Tenure,
  isCarried: (address: Address) => boolean,
): Promise<void> {
  const settled = Object.entries(await settledIn(parts)) as [Address, true][]
  const open = settled.filter(([address]) => !isCarried(address))
  if (open.length < settled.length) await tenure.setFact('settled', Object.fromEntries(open))
}

/** Writes down that a side was taken back, with the conflicts that are left to a person. */
export async function recordReturn(parts: Parts, tenure: Tenure, back: Away & Comeback): Promise<void> {
  const { failover, side, findings } = back
  const conflicts = findings.flatMap((one) => (one.is === 'conflict' ? [[one.address, one.why]] : []))
  await tenure.setFact('conflicts', { ...(await conflictsOf(parts)), ...Object.fromEntries(conflicts) })
  await tenure.setFact('returned', { failover, side, findings: findings.length })
}

/**
 * What the standby could take over with, as the last pass left it, whichever process made it: what this one
 * remembers of its own may be older.
 */
export async function standbyOf(
  { store, protection }: Parts,
  { active }: Roles,
  away: Away | undefined,
): Promise<Standby> {
  const synced = await store.fact(protection, 'synced')
  // What an earlier direction had come to says nothing of this one.
  const known = synced?.['active'] === active ? Number(synced['recoveryPoint'] ?? 0) : 0
  const recoveryPoint = known || undefined
  if (away !== undefined || recoveryPoint === undefined) return { synced: false }
  const refused = Number(synced?.['refused'] ?? 0)
  return { synced: true, recoveryPoint, ...(refused === 0 ? {} : { refused }) }
}
