import { describe, expect, it } from 'vitest'
import { type FailoverRecord, failovers, nextPhase, type Phase, phasesOf, runningFailover } from './phases.ts'

const begun: FailoverRecord = { type: 'failover/begun', body: { id: 'f1', from: 'primary', to: 'secondary', epoch: 7 } }
const ended: FailoverRecord = { type: 'failover/ended', body: { id: 'f1', outcome: 'done' } }

function started(phase: Phase): FailoverRecord {
  return { type: 'failover/phase-begun', body: { id: 'f1', phase } }
}

function done(phase: Phase, milliseconds = 0): FailoverRecord {
  return { type: 'failover/phase-done', body: { id: 'f1', phase, milliseconds } }
}

function failed(phase: Phase, milliseconds = 0): FailoverRecord {
  return { type: 'failover/phase-failed', body: { id: 'f1', phase, milliseconds, message: 'unreachable' } }
}

function next(...records: readonly FailoverRecord[]): string {
  const state = runningFailover([begun, ...records])
  if (state === undefined) return 'none'
  const answer = nextPhase(state)
  return answer.do === 'phase' ? `${answer.phase} ${answer.attempt}` : answer.do
}

describe('a failover', () => {
  it('goes through its phases in their order, and ends', () => {
    const records: FailoverRecord[] = []
    for (const phase of phasesOf('failover')) {
      expect(next(...records)).toBe(`${phase} 1`)
      records.push(started(phase), done(phase))
    }
    expect(next(...records)).toBe('end')
    expect(next(...records, ended)).toBe('none')
  })

  it('does a phase again that was begun when the controller was lost', () => {
    expect(next(started('detect'))).toBe('detect 2')
  })

  it('does not stop at a side that cannot be fenced or drained, and says what is left', () => {
    const before = ['detect', 'decide', 'lease'] as const
    const twice = (phase: Phase) => [started(phase), failed(phase), started(phase), failed(phase)]
    const records = [...before.flatMap((phase) => [started(phase), done(phase)]), ...twice('fence')]
    expect(next(...records)).toBe('drain 1')
    expect(runningFailover([begun, ...records])?.left).toEqual(new Map([['fence', 'unreachable']]))
  })

  it('tries again, without end, what must be done', () => {
    const records = ['detect', 'decide', 'lease', 'fence', 'drain'].map((phase) => done(phase as Phase))
    const tries = Array.from({ length: 9 }, () => [started('promote'), failed('promote')]).flat()
    expect(next(...records, ...tries)).toBe('promote 10')
  })

  it('can be abandoned until the lease is to be taken, and not after', () => {
    const state = (...records: readonly FailoverRecord[]) => runningFailover([begun, ...records])?.committed
    expect(state(done('detect'), done('decide'))).toBe(false)
    expect(state(done('detect'), done('decide'), started('lease'))).toBe(true)
  })

  it('shows the time of its parts apart, with that of attempts that failed', () => {
    const [state] = failovers([
      begun,
      done('detect', 90_000),
      done('decide', 40),
      started('promote'),
      failed('promote', 500),
      started('promote'),
      done('promote', 1500),
      done('verify', 700),
      done('report', 10),
    ])
    expect(state?.times).toEqual({ detect: 90_000, decide: 40, execute: 2000, verify: 710 })
  })

  it('is told apart from others in one journal', () => {
    const second: FailoverRecord = { type: 'failover/begun', body: { id: 'f2' } }
    const other: FailoverRecord = { type: 'step/done', body: { id: 'f1', phase: 'verify' } }
    const all = failovers([begun, done('detect'), ended, second, other])
    expect(all.map((one) => [one.id, one.outcome])).toEqual([
      ['f1', 'done'],
      ['f2', 'running'],
    ])
  })
})

describe('the phases', () => {
  const switching: FailoverRecord = { type: 'failover/begun', body: { id: 'f1', move: 'switchover' } }
  const failing = (phase: Phase, code: string): readonly FailoverRecord[] => [
    started(phase),
    { type: 'failover/phase-failed', body: { id: 'f1', phase, milliseconds: 1, code, message: 'why' } },
  ]
  const follows = (...records: readonly FailoverRecord[]) => {
    const state = runningFailover([switching, ...records])
    const answer = state === undefined ? undefined : nextPhase(state)
    return answer?.do === 'phase' ? answer.phase : answer
  }
  const until = (last: Phase) => {
    const all = phasesOf('switchover')
    return all.slice(0, all.indexOf(last)).map((phase) => done(phase))
  }

  it('of a switchover turn back before the other side is raised, and not after', () => {
    for (const phase of ['quiesce', 'settle', 'stop', 'carry'] as const) {
      const before = until(phase)
      expect(follows(...before, ...failing(phase, 'azure/unreachable'))).toBe(phase)
      expect(follows(...before, ...failing(phase, 'azure/unreachable'), ...failing(phase, 'azure/unreachable'))).toBe(
        'reopen',
      )
      expect(follows(...before, ...failing(phase, 'failover/refused'))).toBe('reopen')
      expect(follows(...before, { type: 'failover/turned-back', body: { id: 'f1', message: 'ada' } })).toBe('reopen')
    }
    const often = Array.from({ length: 5 }, () => failing('promote', 'failover/refused')).flat()
    expect(follows(...until('promote'), ...often)).toBe('promote')
    const wish: FailoverRecord = { type: 'failover/turned-back', body: { id: 'f1' } }
    expect(follows(...until('promote'), started('promote'), wish)).toBe('promote')
  })

  it('end a switchover as done, or as undone where it turned back', () => {
    expect(follows(...phasesOf('switchover').map((phase) => done(phase)))).toEqual({ do: 'end', outcome: 'done' })
    const back = [...until('settle'), ...failing('settle', 'failover/refused'), done('reopen')]
    expect(follows(...back)).toEqual({ do: 'end', outcome: 'undone' })
  })
})
