import type { Event } from '../../controller/controller.ts'
import { roughly } from '../../core/duration.ts'
import type { Json, JsonObject } from '../../core/model.ts'
import { readable } from '../../core/readable.ts'
import { stepsByKind } from '../../engine/sync.ts'
import { shareable, shareableText } from '../compose/shareable.ts'
import { proposedSentence } from './approve.ts'

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof LEVELS)[number]

/** How much an event matters to whoever reads logs. */
export function levelOf(event: Event): Level {
  switch (event.is) {
    case 'health':
    case 'held':
    case 'engaged':
      return 'debug'
    case 'decision':
      return DECIDED[event.decision.do] ?? 'info'
    case 'pass':
      return event.end.is === 'failed' || event.end.pass.execution.quarantined.length > 0 ? 'warn' : 'info'
    case 'trouble':
    case 'proposal':
      return 'warn'
    default:
      return 'info'
  }
}

const DECIDED: Readonly<Partial<Record<string, Level>>> = { 'fail-over': 'error', ask: 'error', wait: 'warn' }

export function isAtLeast(level: Level, least: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(least)
}

/** What a person reads of an event, without secrets, or `undefined` where it is no news. */
export function lineOf(event: Event): string | undefined {
  const line = wordsOf(event)
  return line === undefined ? undefined : shareableText(line)
}

function wordsOf(event: Event): string | undefined {
  switch (event.is) {
    case 'lease':
      return `holds the lease, epoch ${event.epoch}`
    case 'held':
      return undefined
    case 'health':
      return undefined
    case 'engaged':
      return undefined
    case 'decision':
      return `${event.decision.do.toUpperCase()}  ${event.decision.reason}`
    case 'pass':
      return passLine(event.end)
    case 'phase':
      return event.result === undefined ? undefined : `failover ${event.id}: ${event.phase} is done`
    case 'failover':
      return `failover ${event.id} is ${event.outcome}`
    case 'return':
      return `the other side is back: ${event.comeback.fenced.stopped.length} things stopped there, ${event.comeback.findings.length} found that only it had`
    case 'proposal':
      return proposedSentence(event.proposal)
    case 'word':
      return `${event.word.by} said ${event.word.is}${event.refused === undefined ? '' : `, which is refused: ${event.refused}`}`
    case 'trouble':
      return `trouble with ${event.what}: ${readable(event.why)}`
    default:
      return event satisfies never
  }
}

function passLine(end: Extract<Event, { is: 'pass' }>['end']): string | undefined {
  if (end.is === 'failed') return `a pass failed: ${readable(end.why)}`
  const { plan, reckoned, source, execution } = end.pass
  if (plan.steps.length === 0) return undefined
  const kinds = [...stepsByKind(plan)].map(([kind, count]) => `${count} ${kind}`).join(', ')
  const point = reckoned.recoveryPoint
  const age = point === undefined ? 'no recovery point yet' : `recovery point ${roughly(Date.now() - point)} old`
  const failed = execution.quarantined.length === 0 ? '' : `, ${execution.quarantined.length} failed`
  return `carried ${kinds} of ${source.snapshot.size}${failed}; ${age}`
}

/** What an event says where it is no news to a person: each line of a log has words. */
function quietly(event: Event): string {
  switch (event.is) {
    case 'held':
      return `${event.holder} holds the lease`
    case 'health':
      return `${event.health.primary.reason}. ${event.health.secondary.reason}`
    case 'engaged':
      return `under way: ${event.with}`
    case 'phase':
      return `failover ${event.id}: ${event.phase} begins`
    case 'pass':
      return event.end.is === 'failed' ? 'a pass failed' : `nothing to carry of ${event.end.pass.source.snapshot.size}`
    default:
      return event.is
  }
}

/** The same event as JSON, without secrets: snapshots and plans are told by their numbers. */
export function plainEvent(event: Event): Json {
  return shareable(factsOf(event))
}

/** How it ended, as a line of the same log. To be told to end is no error. */
export function endLine(facts: object): object {
  const { error } = facts as { readonly error?: { readonly code: string; readonly message: string } }
  const level: Level = error === undefined || error.code === 'run/interrupted' ? 'info' : 'error'
  const message = error === undefined ? 'ended' : readable(error.message)
  return shareable({ at: new Date().toISOString(), level, message, is: 'end', ...facts }) as JsonObject
}

function factsOf(event: Event): object {
  const head = { at: new Date().toISOString(), level: levelOf(event), message: lineOf(event) ?? quietly(event) }
  if (event.is !== 'pass' || event.end.is === 'failed') return { ...head, ...event }
  const { source, plan, reckoned, execution } = event.end.pass
  const failed = execution.quarantined.map(({ step, code, message }) => ({ address: step.address, code, message }))
  const done = { startedAt: source.startedAt, items: source.snapshot.size, steps: plan.steps.length, failed }
  return {
    ...head,
    is: 'pass',
    end: {
      is: 'done',
      milliseconds: Math.round(event.end.milliseconds),
      ...done,
      recoveryPoint: reckoned.recoveryPoint ?? null,
      behind: reckoned.behind,
    },
  }
}
