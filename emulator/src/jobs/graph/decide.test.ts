import { describe, expect, it } from 'vitest'
import type { Status } from '../definition.ts'
import { decide } from './decide.ts'
import { graphOf } from './graph.ts'

/** `a → b → d`, `a → c`, and `e` on its own. */
const needs = (node: string) => ({ type: 'command', inputs: { d: { value: `\${{parent.jobs.${node}.outputs.o}}` } } })
const alone = { type: 'command', inputs: {} }
const jobs = { a: alone, b: needs('a'), c: needs('a'), d: needs('b'), e: alone }

function decided(statuses: Readonly<Record<string, Status>>, continues = false, settings = {}) {
  const { start, ...rest } = decide(graphOf({ jobs, settings }), (node) => statuses[node], continues)
  return { ...rest, start: start.map(({ name }) => name) }
}

describe('a pipeline', () => {
  it('starts what needs nothing, and then what needs only what has completed', () => {
    expect(decided({}).start).toEqual(['a', 'e'])
    expect(decided({ a: 'Running', e: 'Queued' }).start).toEqual([])
    expect(decided({ a: 'Completed', e: 'Running' }).start).toEqual(['b', 'c'])
    expect(decided({ a: 'Completed', b: 'Completed', c: 'Running', e: 'Completed' }).start).toEqual(['d'])
  })

  it('completes with its last node', () => {
    const all = { a: 'Completed', b: 'Completed', c: 'Completed', e: 'Completed' } as const
    expect(decided({ ...all, d: 'Finalizing' }).end).toBeUndefined()
    expect(decided({ ...all, d: 'Completed' })).toMatchObject({ end: 'Completed', failed: [] })
  })

  it('cancels the rest where a node fails, and fails when the rest has ended', () => {
    const failing = { a: 'Completed', b: 'Failed', c: 'Running' } as const
    expect(decided({ ...failing, e: 'CancelRequested' })).toEqual({ start: [], stop: ['c'], failed: ['b'] })
    expect(decided({ ...failing, c: 'Canceled', e: 'Completed' })).toMatchObject({ end: 'Failed', failed: ['b', 'c'] })
  })

  it('goes on with what does not need the failed node, where it is told to, and fails in the end', () => {
    expect(decided({ a: 'Completed', b: 'Failed', e: 'Running' }, true)).toMatchObject({ start: ['c'], stop: [] })
    const rest = { a: 'Completed', b: 'Failed', c: 'Completed', e: 'Completed' } as const
    expect(decided(rest, true)).toMatchObject({ end: 'Failed', failed: ['b'], start: [] })
  })

  it('runs what frames it first and last, the last one whatever happened', () => {
    const settings = { on_init: 'e', on_finalize: 'd' }
    const framed = { ...jobs, d: alone }
    const graph = graphOf({ jobs: framed, settings })
    const starts = (statuses: Readonly<Record<string, Status>>) =>
      decide(graph, (node) => statuses[node], false).start.map(({ name }) => name)
    expect(starts({})).toEqual(['e'])
    expect(starts({ e: 'Completed' })).toEqual(['a'])
    expect(starts({ e: 'Completed', a: 'Failed' })).toEqual(['d'])
  })
})

it.each([
  ['nodes that wait for each other', { a: needs('b'), b: needs('a') }, 'wait for each other'],
  ['a node that is not there', { a: needs('z') }, "refers to the node 'z'"],
  ['a node of a type that does not run here', { a: { type: 'do_while' } }, 'of type do_while'],
])('refuses %s', (_what, nodes, message) => {
  expect(() => graphOf({ jobs: nodes, settings: {} })).toThrow(message)
})
