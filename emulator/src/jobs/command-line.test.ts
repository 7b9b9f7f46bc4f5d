import { expect, it } from 'vitest'
import { bound } from './command-line.ts'

const bindings = { inputs: { data: '/in/data', rate: '0.1' }, outputs: { model: '/out/model' } }

it('puts inputs and outputs into a command', () => {
  const command = `train --data \${{inputs.data}} --rate \${{ inputs.rate }} --to \${{outputs.model}}`

  expect(bound(command, bindings)).toBe('train --data /in/data --rate 0.1 --to /out/model')
})

it('leaves out the optional part whose input was not given', () => {
  const command = `train $[[--rate \${{inputs.rate}}]] $[[--seed \${{inputs.seed}}]]`

  expect(bound(command, bindings)).toBe('train --rate 0.1 ')
})

it('keeps what it does not know', () => {
  expect(bound(`echo \${{inputs.none}} $HOME`, bindings)).toBe(`echo \${{inputs.none}} $HOME`)
})
