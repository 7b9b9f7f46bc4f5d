import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { openPlace } from './place.ts'
import { differs, plainLines, readTranscript, rewritten } from './transcript.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const rewriting = process.env['DRILLS'] === 'rewrite'

it.each(readdirSync(here).filter((name) => name.endsWith('.txt')))(
  'plays %s as it is written',
  async (name) => {
    const path = `${here}${name}`
    const text = readFileSync(path, 'utf8')
    const place = openPlace()
    const printed = new Map<number, readonly string[]>()
    const wrong: string[] = []
    try {
      for (const { at, command, expected } of readTranscript(text)) {
        const lines = plainLines(await place.run(command))
        printed.set(at, lines)
        const difference = differs(expected, lines)
        if (difference !== undefined) wrong.push(`line ${at + 1}, $ ${command}\n    ${difference}`)
      }
    } finally {
      await place.end()
    }
    if (rewriting) writeFileSync(path, rewritten(text, printed))
    else expect(wrong).toEqual([])
  },
  600_000,
)
