import { expect, it } from 'vitest'
import { inputOf, type Reference, referencesIn } from './bindings.ts'

const known = (reference: Reference) =>
  reference.name === 'rate'
    ? { jobInputType: 'literal', value: '0.1' }
    : reference.name === 'absent'
      ? undefined
      : { jobInputType: 'uri_folder', uri: 'azureml://x', mode: 'Download' }

it('finds references wherever they stand', () => {
  const found = referencesIn({ a: [`\${{parent.inputs.group.rate}}`], b: `x \${{ parent.jobs.prep.outputs.o }} y` })
  expect(found).toEqual([
    { to: 'input', name: 'group.rate' },
    { to: 'node', node: 'prep', side: 'outputs', name: 'o' },
  ])
})

it.each([
  ['a literal', { value: 7, job_input_type: 'literal' }, { jobInputType: 'literal', value: '7' }],
  ['data', { uri: 'azureml://y', job_input_type: 'uri_file' }, { jobInputType: 'uri_file', uri: 'azureml://y' }],
  ['a literal of the pipeline', { value: `\${{parent.inputs.rate}}` }, { jobInputType: 'literal', value: '0.1' }],
  ['data of the pipeline, with its mode', { value: `\${{parent.inputs.data}}` }, known({ to: 'input', name: 'data' })],
  [
    'data of the pipeline, with a mode of its own',
    { value: `\${{parent.inputs.data}}`, mode: 'Direct' },
    { jobInputType: 'uri_folder', uri: 'azureml://x', mode: 'Direct' },
  ],
  [
    'the output of a node, without its mode',
    { value: `\${{parent.jobs.a.outputs.o}}` },
    { jobInputType: 'uri_folder', uri: 'azureml://x' },
  ],
  ['a text around a value', { value: `lr=\${{parent.inputs.rate}}` }, { jobInputType: 'literal', value: 'lr=0.1' }],
  ['an optional input that was not given', { value: `\${{parent.inputs.absent}}` }, undefined],
])('gives a node %s', (_what, raw, input) => {
  expect(inputOf(raw, known)).toEqual(input)
})
