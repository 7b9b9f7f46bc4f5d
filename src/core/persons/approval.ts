import { digestOf } from '../canonical.ts'
import type { Milliseconds } from '../duration.ts'
import type { Consent } from '../failover.ts'
import type { Address, Digest, Instant, JsonObject, Side } from '../model.ts'

/** What a failover would do, as it is put before a person. Nothing in it changes while nobody does anything. */
export interface TakeoverPlan {
  readonly protection: string
  /** Epoch of the roles: a plan is void in another. */
  readonly epoch: number
  readonly from: Side
  readonly to: Side
  /** Up to when the standby has everything. */
  readonly recoveryPoint: Instant
  readonly raises: readonly Address[]
  readonly jobs: readonly Address[]
  readonly pointers: readonly string[]
}

/** A plan that waits for a person's yes. */
export interface Proposal {
  /** Of the plan, the loss that is accepted with it, and how long: two proposals that look alike have each their own. */
  readonly digest: Digest
  readonly epoch: number
  readonly from: Side
  readonly to: Side
  readonly acceptLoss: Milliseconds
  readonly expires: Instant
  readonly reason: string
}

/**
 * What the journal has of approvals:
 *
 * - `approval/proposed`, a {@link Proposal}; it takes the place of the one before
 * - `approval/given` `{ digest, by, at }`
 * - `approval/used` `{ digest, failover }`
 */
export interface ApprovalRecord {
  readonly type: string
  readonly body: JsonObject
}

/** The last proposal, and what became of it. */
export interface Approval {
  readonly proposal: Proposal
  readonly givenBy: string | undefined
  readonly used: boolean
}

/** A loss is accepted up to the next whole span of this: it may grow a little while somebody reads. */
const STEP: Milliseconds = 300_000
/** Fewer letters of a digest name no plan. */
const SHORTEST = 8

/** What a person types. */
export function shortCode({ digest }: Pick<Proposal, 'digest'>): string {
  return digest.slice(0, SHORTEST)
}

export function approvalIn(records: Iterable<ApprovalRecord>): Approval | undefined {
  let last: Approval | undefined
  for (const { type, body } of records) {
    if (type === 'approval/proposed') last = { proposal: asProposal(body), givenBy: undefined, used: false }
    if (last === undefined || body['digest'] !== last.proposal.digest) continue
    if (type === 'approval/given') last = { ...last, givenBy: String(body['by']) }
    if (type === 'approval/used') last = { ...last, used: true }
  }
  return last
}

/** The proposal of a plan, or `undefined` where the one that stands says the same and is still good. */
export function proposalFor(
  plan: TakeoverPlan,
  standing: Approval | undefined,
  now: {
    readonly wall: Instant
    readonly loss: Milliseconds
    readonly expiresIn: Milliseconds
    readonly reason: string
  },
): Proposal | undefined {
  if (standing !== undefined && isGood(standing, plan, now.wall) && now.loss <= standing.proposal.acceptLoss)
    return undefined
  const acceptLoss = (Math.floor(now.loss / STEP) + 1) * STEP
  const { epoch, from, to } = plan
  const terms = { acceptLoss, expires: now.wall + now.expiresIn }
  return { digest: proposalDigest(plan, terms), epoch, from, to, ...terms, reason: now.reason }
}

/** What a person's word comes to: given, or the reason why not. */
export function approve(
  standing: Approval | undefined,
  code: string,
  now: { readonly wall: Instant; readonly epoch: number },
): { readonly digest: Digest } | { readonly refused: string } {
  if (standing === undefined) return { refused: 'Nothing waits for an approval' }
  const { proposal, givenBy, used } = standing
  if (used) return { refused: `The plan ${shortCode(proposal)} was approved by ${givenBy} and carried out` }
  if (code.length < SHORTEST || !proposal.digest.startsWith(code.toLowerCase()))
    return { refused: `What waits for an approval is ${shortCode(proposal)}, and not ${code}` }
  if (proposal.epoch !== now.epoch)
    return { refused: `The plan was made in epoch ${proposal.epoch}; it is ${now.epoch} now` }
  if (now.wall >= proposal.expires) return { refused: `The plan ${shortCode(proposal)} has expired` }
  if (givenBy !== undefined) return { refused: `${givenBy} has approved it already` }
  return { digest: proposal.digest }
}

/** A person's yes to exactly this plan, while it is good: once, until it expires, in its epoch. */
export function consentTo(plan: TakeoverPlan, standing: Approval | undefined, now: Instant): Consent | undefined {
  if (standing?.givenBy === undefined || !isGood(standing, plan, now)) return undefined
  const { epoch, expires, acceptLoss } = standing.proposal
  return { by: standing.givenBy, epoch, expires, acceptLoss }
}

function isGood({ proposal, used }: Approval, plan: TakeoverPlan, now: Instant): boolean {
  return !used && now < proposal.expires && proposalDigest(plan, proposal) === proposal.digest
}

function proposalDigest(plan: TakeoverPlan, { acceptLoss, expires }: Pick<Proposal, 'acceptLoss' | 'expires'>): Digest {
  return digestOf({ ...plan, acceptLoss, expires })
}

function asProposal(body: JsonObject): Proposal {
  const side = (value: unknown): Side => (value === 'secondary' ? 'secondary' : 'primary')
  return {
    digest: String(body['digest'] ?? ''),
    epoch: Number(body['epoch'] ?? 0),
    from: side(body['from']),
    to: side(body['to']),
    acceptLoss: Number(body['acceptLoss'] ?? 0),
    expires: Number(body['expires'] ?? 0),
    reason: String(body['reason'] ?? ''),
  }
}
