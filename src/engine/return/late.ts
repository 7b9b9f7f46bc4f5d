import { type Address, otherSide } from '../../core/model.ts'
import { mappedFrom } from '../../core/plan-drafts.ts'
import type { Snapshot } from '../../core/snapshot.ts'
import { withKind } from '../../core/snapshot.ts'
import type { Parts } from '../parts.ts'
import { conflictsOf, settledIn } from '../roles.ts'
import type { PassOptions, Prepared } from '../sync.ts'
import type { Tenure } from '../tenure.ts'
import { meantBefore, plain, settle } from './comeback.ts'
import { lastAgreed } from './left-behind.ts'
import { type Finding, sortOut } from './sort-out.ts'

/**
 * Carries into the active side what somebody still wrote to the other one since both agreed: where nothing can stop
 * those who write to a side that was left, each pass looks for it before it overwrites that side. Before the first
 * failover, or switchover, nobody has a reason to write there: what stands there then is only named, by the plan.
 *
 * Safe to call again. Returns what became of each thing; nothing where nobody did.
 */
export async function carryLate(
  options: PassOptions & { readonly tenure: Tenure; readonly callMilliseconds: number },
  { ends, source, target }: Prepared,
): Promise<readonly Finding[]> {
  const { parts, tenure, active } = options
  const failover = (await parts.store.fact(parts.protection, 'roles'))?.['failover']
  if (parts.unfenced === undefined || options.unread !== undefined || typeof failover !== 'string') return []
  const kinds = [...source.incomplete.keys(), ...target.incomplete.keys()]
  const known = (snapshot: Snapshot) => kinds.reduce((rest, kind) => withKind(rest, kind, []), snapshot)
  const [theirs, ours] = [known(target.snapshot), known(source.snapshot)]
  const conflicts = await conflictsOf(parts)
  const settled = await settledIn(parts)
  const sorted = sortOut({
    parts,
    returned: otherSide(active),
    mark: ({ digest }) => `${failover}-${digest.slice(0, 8)}`,
    marksAreOfItems: true,
    theirs: theirs.without([
      ...(Object.keys({ ...conflicts, ...settled }) as Address[]),
      ...replicasIn(parts, theirs, ours),
    ]),
    ours,
    earlier: await meantBefore({ parts, failover }),
  })
  if (sorted.carry.length + sorted.merge.length + sorted.settled.length === 0) return []
  const over = { from: ends.target, to: ends.source, theirs: target.snapshot, ours, sorted, newsOnly: true }
  const findings = [...sorted.settled, ...(await settle({ ...options, failover }, over))]
  if (findings.length === 0) return []
  const left = findings.flatMap((one) => (one.is === 'conflict' ? [[one.address, one.why] as const] : []))
  if (left.length > 0) await tenure.setFact('conflicts', { ...conflicts, ...Object.fromEntries(left) })
  await tenure.append(failover, { type: 'late/done', body: { side: otherSide(active), findings: findings.map(plain) } })
  return findings
}

/** Replicas that a pass has put under a name of their own: work of the active side, and not of whoever wrote late. */
function replicasIn(parts: Parts, theirs: Snapshot, ours: Snapshot): readonly Address[] {
  const found: Address[] = []
  for (const { address, digest } of theirs.items()) {
    const origin = mappedFrom(address)
    if (origin === undefined) continue
    if (ours.get(origin)?.digest === digest || lastAgreed(parts, origin)?.replicaDigest === digest) found.push(address)
  }
  return found
}
