import { expect, it } from 'vitest'
import type { Event } from '../../controller/controller.ts'
import { unwatched } from '../../core/health.ts'
import { endLine, lineOf, plainEvent } from './serve-lines.ts'

const QUIET: readonly Event[] = [
  { is: 'held', holder: 'vm/7' },
  { is: 'health', health: unwatched(0).health, silent: {}, untold: 0, sentence: 'The primary is active and well' },
  { is: 'phase', id: 'f1', phase: 'fence' },
  { is: 'engaged', with: 'taking back the primary' },
]

it.each(QUIET)('has words in a log where it is no news to a person: $is', (event) => {
  expect(lineOf(event)).toBeUndefined()
  expect(plainEvent(event)).toMatchObject({
    is: event.is,
    level: expect.any(String),
    message: expect.stringMatching(/ /),
  })
})

it('guards I7: tells what failed without what opens it, in the words and in the facts', () => {
  const why = 'https://churn.blob.core.windows.net/c/größe?sv=1&sig=c2VjcmV0%3D answered 403 to Bearer abc.def-g'
  const line = JSON.stringify(plainEvent({ is: 'trouble', what: 'a tick', why }))
  expect(line).not.toMatch(/c2VjcmV0|abc\.def/)
  expect(lineOf({ is: 'trouble', what: 'a tick', why })).not.toMatch(/c2VjcmV0|abc\.def/)
  expect(line).toContain('größe')
  const end = endLine({ error: { code: 'azure/refused', message: why, facts: { url: why } } })
  expect(JSON.stringify(end)).not.toMatch(/c2VjcmV0|abc\.def/)
})

it('ends with no error where it was told to end, and with one otherwise', () => {
  expect(endLine({ error: { code: 'run/interrupted', message: 'It was told to end' } })).toMatchObject({
    level: 'info',
  })
  expect(endLine({ error: { code: 'store/full', message: 'No space' } })).toMatchObject({
    is: 'end',
    level: 'error',
    message: 'No space',
    error: { code: 'store/full' },
  })
})
