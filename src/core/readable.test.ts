import fc from 'fast-check'
import { expect, it } from 'vitest'
import { address } from './model.ts'
import { readable, unsteered } from './readable.ts'
import { selector } from './selector.ts'

const WEIGHTS = address('blob', 'azureml-blobstore-<<hf:guid>>', 'models/churn/1/weights.json')

it('shows names decoded and what differs by side in angles', () => {
  expect(readable(WEIGHTS)).toBe('blob/azureml-blobstore-‹guid›/models/churn/1/weights.json')
  expect(readable(address('experiment', 'größer & besser'))).toBe('experiment/größer & besser')
  expect(readable('model/churn/3')).toBe('model/churn/3')
})

it('finds addresses inside a sentence and leaves everything else alone', () => {
  expect(readable(`It needs ${WEIGHTS}, which is not there (${WEIGHTS})`)).toBe(
    'It needs blob/azureml-blobstore-‹guid›/models/churn/1/weights.json, which is not there (blob/azureml-blobstore-‹guid›/models/churn/1/weights.json)',
  )
  expect(readable('https://host.example/a%20b was answered 404')).toBe('https://host.example/a%20b was answered 404')
  expect(readable('100%25 of it')).toBe('100%25 of it')
})

it('never decodes what would steer a terminal', () => {
  expect(readable(address('blob', 'c', 'a\u001b[2Jb\u0007\u0085 \u202ec'))).toBe('blob/c/a%1B[2Jb%07%C2%85 %E2%80%AEc')
})

it('means itself where it was never encoded', () => {
  expect(readable('experiment/100%E9')).toBe('experiment/100%E9')
})

it('shows what works as a selector, whatever a thing is called', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 3 }), (segments) => {
      const one = address('blob', ...segments)
      expect(selector(readable(one))(one)).toBe(true)
      expect(selector(one)(one)).toBe(true)
    }),
  )
  expect(selector(readable(WEIGHTS))(WEIGHTS)).toBe(true)
  expect(selector('blob/azureml-blobstore-‹guid›/models/*/1')(WEIGHTS)).toBe(true)
  expect(selector('blob/*/models/**')(WEIGHTS)).toBe(true)
})

it('steers no terminal by what somebody chose for a name, and leaves all else as it is', () => {
  expect(unsteered('größe 1\u001b]0;x\u0007\u202etxt\n50 %')).toBe('größe 1%1B]0;x%07%E2%80%AEtxt\n50 %')
})
