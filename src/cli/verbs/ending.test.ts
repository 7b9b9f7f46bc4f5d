import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../core/phases.ts'
import type { FailoverReport } from '../../engine/report.ts'
import type { Terminal } from '../terminal.ts'
import { demandEnded, demandSameWay } from './ending.ts'
import { showReport } from './report.ts'

function ended(outcome: Outcome, move: FailoverReport['move'] = 'switchover'): FailoverReport {
  return {
    id: 'f1',
    move,
    from: 'primary',
    to: 'secondary',
    reason: 'ada wants it',
    outcome,
    times: { detect: 0, decide: 0, execute: 0, verify: 0 },
    lastAnswered: '2026-11-29T10:00:00.000Z',
    recoveryPoint: '2026-11-29T09:59:00.000Z',
    timeline: [],
    jobs: [],
    pointers: [],
    verified: { compared: {}, missing: [], different: [] },
    loss: [],
    unfinished: [],
  }
}

function shown(report: FailoverReport): string {
  const lines: string[] = []
  const io: Partial<Terminal> = { say: (line = '') => void lines.push(line), paint: (_, text) => text }
  showReport(io as Terminal, report)
  return lines.join('\n')
}

const REFUSED = expect.objectContaining({ code: 'failover/refused' })

describe('a move', () => {
  it('ends a verb well only where it came to what was asked for', () => {
    for (const move of ['failover', 'switchover'] as const) {
      expect(() => demandEnded(ended('done', move), 'done')).not.toThrow()
      for (const other of ['abandoned', 'undone', 'running'] as const)
        expect(() => demandEnded(ended(other, move), 'done'), `${move} ${other}`).toThrow(REFUSED)
    }
    expect(() => demandEnded(ended('undone'), 'undone')).not.toThrow()
    expect(() => demandEnded(ended('done'), 'undone')).toThrow(REFUSED)
  })

  it('that is under way is carried on by nobody who wants to go the other way', () => {
    const running = { id: 'f1', begun: { to: 'secondary' } }
    expect(() => demandSameWay(running, 'primary')).toThrow(REFUSED)
    expect(() => demandSameWay(running, 'secondary')).not.toThrow()
    expect(() => demandSameWay(running, undefined)).not.toThrow()
  })

  it('that was turned back names what is not where it was, and says that not all is', () => {
    const left = { ...ended('undone'), unfinished: ['schedule/nightly was not raised: it is refused'] }
    expect(shown(left)).toContain('unfinished  schedule/nightly was not raised: it is refused')
    expect(() => demandEnded(left, 'done')).toThrow('not all is where it was')
    const lost = { ...ended('undone'), jobs: [{ job: 'train', is: 'failed', reason: 'there is no quota' }] } as const
    expect(() => demandEnded(lost, 'done')).toThrow('not all is where it was')
    expect(() => demandEnded(ended('undone'), 'done')).toThrow('and all is where it was')
  })

  it('says of no loss that there was none where it did not come to its end', () => {
    const clear = /Nothing (was|is known to be) lost/
    for (const move of ['failover', 'switchover'] as const) {
      expect(shown(ended('done', move))).toMatch(clear)
      for (const other of ['abandoned', 'undone', 'running'] as const)
        expect(shown(ended(other, move)), `${move} ${other}`).not.toMatch(clear)
    }
  })
})
