import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { FAULT_KINDS, NARROWINGS } from './faults-kinds.ts'

const ROOT = new URL('../../', import.meta.url)

function textOf(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

it('is described whole: every kind under a heading, every field, every choice', () => {
  const page = textOf('docs/behaviour/emulator-faults.md')
  const missing = Object.entries(FAULT_KINDS).flatMap(([kind, { fields }]) => {
    const [, section] = page.split(`\n### ${kind}\n`)
    if (section === undefined) return [kind]
    const own = section.split('\n#')[0] ?? ''
    const words = Object.entries(fields).flatMap(([name, field]) => [name, ...('of' in field ? field.of : [])])
    return words.filter((word) => !own.includes(`\`${word}\``)).map((word) => `${kind} ${word}`)
  })
  expect(missing).toEqual([])
  expect(Object.keys(NARROWINGS).filter((name) => !page.includes(`\`${name}\``))).toEqual([])
})

it('is offered by the command line', () => {
  const verb = textOf('src/cli/local/break.ts')
  expect(Object.keys(FAULT_KINDS).filter((kind) => !new RegExp(`\\b${kind}\\b`).test(verb))).toEqual([])
  expect(NARROWINGS.plane.of.filter((plane) => !verb.includes(`'${plane}'`))).toEqual([])
})
