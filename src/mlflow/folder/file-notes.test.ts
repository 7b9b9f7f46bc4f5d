import { expect, it } from 'vitest'
import { fileNotes } from './file-notes.ts'

const PATH = 'runs/1/files.jsonl'

/** Files of notes in memory, with the paths of those that were read. */
function notes(before = '') {
  const files = new Map(before === '' ? [] : [[PATH, before]])
  const reads: string[] = []
  const known = fileNotes({
    size: async (path) => Buffer.byteLength(files.get(path) ?? ''),
    text: async (path) => {
      reads.push(path)
      return files.get(path) ?? ''
    },
  })
  const add = async (path: string) => {
    const file = (await known.at(PATH)).fileOf(path)
    const append = async (text: string) => void files.set(PATH, (files.get(PATH) ?? '') + text)
    await known.add(PATH, { path, file, length: 1, sha256: 's' }, append)
    return file
  }
  return { files, reads, known, add }
}

it('are read once, however many are added, and again where somebody else added one', async () => {
  const { files, reads, known, add } = notes(`${JSON.stringify({ path: 'ä', file: 'a', length: 1, sha256: 's' })}\n`)
  for (let n = 0; n < 50; n++) await add(`${n}/ü.png`)
  expect(reads).toHaveLength(1)
  expect((await known.at(PATH)).all.map(({ path }) => path)).toEqual([
    'ä',
    ...Array.from({ length: 50 }, (_, n) => `${n}/ü.png`),
  ])
  files.set(PATH, `${files.get(PATH)}${JSON.stringify({ path: 'other', file: 'other', length: 1, sha256: 's' })}\n`)
  expect((await known.at(PATH)).fileOf('other')).toBe('other')
  expect(reads).toHaveLength(2)
})

it('end a line that a crash cut off before they begin another', async () => {
  const { files, add } = notes('{"path": "half"')
  await add('a')
  await add('b')
  expect(
    files
      .get(PATH)
      ?.split('\n')
      .map((line) => line.slice(0, 11)),
  ).toEqual(['{"path": "h', '{"path":"a"', '{"path":"b"', ''])
})

it('give a file a name of ours where another is a folder of it, or it is one of another, or they differ by case', async () => {
  const { add } = notes()
  const natural = ['a/b', 'c', 'Large']
  for (const path of natural) expect(await add(path)).toBe(path)
  for (const path of ['a', 'c/d/e', 'large', 'LARGE/x']) expect(await add(path)).toMatch(/^~[0-9a-f]{64}$/)
  expect(await add('a/b2')).toBe('a/b2')
  expect(await add('a/b')).toBe('a/b')
})
