import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ApprovalRecord,
  approvalIn,
  approve,
  consentTo,
  proposalFor,
  shortCode,
  type TakeoverPlan,
} from './approval.ts'

const PLAN: TakeoverPlan = {
  protection: 'churn',
  epoch: 4,
  from: 'primary',
  to: 'secondary',
  recoveryPoint: 1000,
  raises: ['schedule/nightly'],
  jobs: ['job/train'],
  pointers: ['config.json'],
}
const NOW = { wall: 5000, loss: 60_000, expiresIn: 1000, reason: 'nothing of the primary answers' }

function proposed(plan = PLAN, now = NOW): ApprovalRecord {
  const proposal = proposalFor(plan, undefined, now)
  if (proposal === undefined) throw new Error('nothing was proposed')
  return { type: 'approval/proposed', body: { ...proposal } }
}
const digestIn = ({ body }: ApprovalRecord) => String(body['digest'])
const given = (of: ApprovalRecord): ApprovalRecord => ({
  type: 'approval/given',
  body: { digest: digestIn(of), by: 'ada' },
})
const used = (of: ApprovalRecord): ApprovalRecord => ({ type: 'approval/used', body: { digest: digestIn(of) } })

describe('an approval', () => {
  const one = proposed()
  const code = shortCode({ digest: digestIn(one) })

  it('is good for the plan that was shown, once, until it expires', () => {
    expect(consentTo(PLAN, approvalIn([one]), 5500)).toBeUndefined()
    expect(consentTo(PLAN, approvalIn([one, given(one)]), 5500)).toEqual({
      by: 'ada',
      epoch: 4,
      expires: 6000,
      acceptLoss: 300_000,
    })
    expect(consentTo(PLAN, approvalIn([one, given(one)]), 6000)).toBeUndefined()
    expect(consentTo(PLAN, approvalIn([one, given(one), used(one)]), 5500)).toBeUndefined()
  })

  it('is refused with the reason where it would be good for nothing', () => {
    const ask = (records: readonly ApprovalRecord[], asked = code, wall = 5500, epoch = 4) => {
      const answer = approve(approvalIn(records), asked, { wall, epoch })
      return 'refused' in answer ? answer.refused : 'given'
    }
    expect(ask([one])).toBe('given')
    expect(ask([])).toContain('Nothing waits')
    expect(ask([one], code.slice(0, 7))).toContain(code)
    expect(ask([one], 'ffffffff')).toContain(code)
    expect(ask([one], code, 6000)).toContain('expired')
    expect(ask([one], code, 5500, 5)).toContain('epoch 4')
    expect(ask([one, given(one)])).toContain('already')
    expect(ask([one, given(one), used(one)])).toContain('carried out')
  })

  it('ends with a new proposal, which is made when the plan changes, more would be lost, or it expires', () => {
    const standing = approvalIn([one])
    expect(proposalFor(PLAN, standing, NOW)).toBeUndefined()
    expect(proposalFor(PLAN, standing, { ...NOW, loss: 300_000 })).toBeUndefined()
    expect(proposalFor(PLAN, standing, { ...NOW, loss: 300_001 })).toMatchObject({ acceptLoss: 600_000 })
    expect(proposalFor(PLAN, standing, { ...NOW, wall: 6000 })).toMatchObject({ expires: 7000, acceptLoss: 300_000 })
    const other = proposed({ ...PLAN, recoveryPoint: 2000 })
    expect(digestIn(other)).not.toBe(digestIn(one))
    expect(consentTo(PLAN, approvalIn([one, given(one), other]), 5500)).toBeUndefined()
  })

  it('is never good for a later proposal that looks alike, whenever it was said', () => {
    const again = proposed(PLAN, { ...NOW, wall: 6000 })
    const late = approve(approvalIn([one, again]), code, { wall: 6500, epoch: 4 })
    expect(late).toEqual({ refused: expect.stringContaining(`and not ${code}`) })
    expect(consentTo(PLAN, approvalIn([one, given(one), again]), 6500)).toBeUndefined()
    expect(consentTo(PLAN, approvalIn([one, again, given(one)]), 6500)).toBeUndefined()
    expect(consentTo(PLAN, approvalIn([one, again, given(again)]), 6500)).toMatchObject({ expires: 7000 })
  })

  it('is never good for a plan that differs in anything, whatever was said in whatever order', () => {
    const plan = fc.record({
      protection: fc.constant('churn'),
      epoch: fc.nat(2),
      from: fc.constant<'primary'>('primary'),
      to: fc.constant<'secondary'>('secondary'),
      recoveryPoint: fc.nat(2),
      raises: fc.subarray<'schedule/a' | 'schedule/b'>(['schedule/a', 'schedule/b']),
      jobs: fc.subarray<'job/a'>(['job/a']),
      pointers: fc.constant([]),
    })
    const said = fc.array(
      fc.tuple(fc.constantFrom<'proposed' | 'given' | 'used'>('proposed', 'given', 'used'), plan, fc.nat(8)),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(said, plan, fc.nat(10), (words, current, wall) => {
        const records = words.map(([act, of, at]) => {
          const first = proposed(of, { ...NOW, wall: at, expiresIn: 4 })
          return act === 'proposed' ? first : act === 'given' ? given(first) : used(first)
        })
        const consent = consentTo(current, approvalIn(records), wall)
        const last = records.findLastIndex(({ type }) => type === 'approval/proposed')
        const since = records
          .slice(last + 1)
          .filter((one) => last >= 0 && digestIn(one) === digestIn(records[last] ?? one))
        const wanted =
          last >= 0 &&
          digestIn(records[last] ?? one) ===
            digestIn(proposed(current, { ...NOW, wall: Number(records[last]?.body['expires']) - 4, expiresIn: 4 })) &&
          wall < Number(records[last]?.body['expires']) &&
          since.some(({ type }) => type === 'approval/given') &&
          !since.some(({ type }) => type === 'approval/used')
        expect(consent !== undefined).toBe(wanted)
      }),
    )
  })
})
