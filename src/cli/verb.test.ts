import { expect, it } from 'vitest'
import { Fault } from '../core/errors.ts'
import type { Terminal } from './terminal.ts'
import { explain } from './verb.ts'

const ADDRESS = 'https://ada:hunter22@mlflow.example/x?sig=c2VjcmV0%3D'

it.each([
  [
    'a fault',
    new Fault('azure/refused', `${ADDRESS} refused`, { facts: { target: ADDRESS }, hint: `Look at ${ADDRESS}` }),
  ],
  ['a defect', new TypeError(`${ADDRESS} is no URL`)],
])('guards I7: explains %s without what opens it, in the words and in the facts', (_, thrown) => {
  const said: string[] = []
  const io = {
    warn: (line: string) => said.push(line),
    facts: (value: object) => said.push(JSON.stringify(value)),
    alarm: (_: unknown, text: string) => text,
  } as unknown as Terminal
  explain(thrown, io)
  expect(said.join('\n')).toContain('mlflow.example')
  expect(said.join('\n')).not.toMatch(/hunter22|c2VjcmV0/)
})
