import { expect, it } from 'vitest'
import type { Composed } from '../compose/compose.ts'
import type { Judged } from './failover-judge.ts'
import { previewOf } from './failover-preview.ts'
import { switchoverFacts } from './switchover-preview.ts'

const POINTER = [{ webhook: 'https://hooks.example/move?code=opens-it' }, { file: 'config.json' }]
const SHOWN = ['https://hooks.example/move', 'config.json']

/** A protection with pointers and nothing else. */
const joined = {
  policy: { name: 'churn', pointer: POINTER, availability: { default: 'hot/warm', kinds: {}, rules: [] } },
  parts: { protection: 'churn', services: [], open: async () => undefined, ledger: { entries: () => [] } },
  estate: { resubmitting: {} },
} as unknown as Composed

it('guards I7: shows of a pointer nothing that opens it, before a switchover or a failover', async () => {
  const checked = { from: 'primary', to: 'secondary', refusals: [], open: [] } as never
  const wish = { by: 'ada', jobs: 'wait', wait: 0 } as const
  expect(switchoverFacts(joined, checked, wish).pointers).toEqual(SHOWN)
  const judged = { roles: { active: 'primary', epoch: 0 } } as Judged
  expect((await previewOf(joined, judged, AbortSignal.timeout(1000))).pointers).toEqual(SHOWN)
})
