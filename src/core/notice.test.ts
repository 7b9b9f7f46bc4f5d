import { expect, it } from 'vitest'
import { backOff, noticeOf } from './notice.ts'

const record = (type: string, body: Record<string, string | number | boolean> = {}) => ({
  seq: 7,
  type,
  at: 'then',
  body,
})

it('is made of what a person wants to hear of, and of nothing else', () => {
  expect(noticeOf('churn', record('step/done', { address: 'model/a/1' }))).toBeUndefined()
  expect(noticeOf('churn', record('failover/phase-done', { phase: 'lease' }))).toBeUndefined()
  expect(noticeOf('churn', record('pause/begun', { by: 'ada', why: '' }))).toEqual({
    id: 'holdfast-churn-7',
    protection: 'churn',
    at: 'then',
    is: 'pause/begun',
    severity: 'info',
    sentence: 'ada paused what is automatic',
  })
})

it('is critical where a region is lost or a person must act, and not where one moves on purpose', () => {
  expect(noticeOf('churn', record('failover/begun', { id: 'f1' }))?.severity).toBe('critical')
  expect(noticeOf('churn', record('failover/begun', { id: 'f1', move: 'switchover' }))?.severity).toBe('info')
  expect(noticeOf('churn', record('decision/asked', { reason: 'x' }))?.severity).toBe('critical')
})

it('is made of a phase that fails once, however often it is tried again', () => {
  const failed = { id: 'f1', phase: 'promote', message: 'it does not answer' }
  expect(noticeOf('churn', record('failover/phase-failed', failed))?.sentence).toContain('it does not answer')
  expect(noticeOf('churn', record('failover/phase-failed', { ...failed, again: true }))).toBeUndefined()
})

it('waits longer after each failure, and no longer than five minutes', () => {
  expect([0, 1, 2, 30].map(backOff)).toEqual([1000, 2000, 4000, 300_000])
})
